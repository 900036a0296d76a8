"""Read all runs of a source: a session's journal, a recording, an index in memory."""

from __future__ import annotations

from scaicore_tui.runs import Run, Summary
from scaicore_tui.session import RunSource


def summaries(source: RunSource) -> list[Summary]:
    """Return the summaries of all runs, oldest first."""
    return list(source.summaries())[::-1]


def runs(source: RunSource) -> list[Run]:
    """Return all complete runs, oldest first."""
    return [source.run(summary) for summary in summaries(source)]


def run(source: RunSource, execution_id: str) -> Run:
    """Return one complete run."""
    return source.run(source.find_one(execution_id))


def ids(source: RunSource) -> list[str]:
    """Return the ids of all runs, oldest first."""
    return [summary.execution_id for summary in summaries(source)]
