"""Finds the runs of a journal that take longer than usual, and why they are said to."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from scaicore_tui.analysis.slow_hints import MIN_SLOW_US, hints_text, slow_hints
from scaicore_tui.analysis.statistics.figures import NodeFigures
from scaicore_tui.analysis.statistics.tally import DAY_MICROS
from scaicore_tui.runs import Gap, Summary, gaps_within
from scaicore_tui.runs.cache import project
from scaicore_tui.store.journal import Journal
from scaicore_tui.store.statistics import StoredStatistics
from scaicore_tui.store.summaries import Summaries
from scaicore_tui.units import Micros

# What is usual is that of this many days.
USUAL_DAYS = 30


def read_slow_runs(
    journal: Journal, now: Micros, waiting: Collection[str], gaps: Sequence[Gap], limit: int | None = None
) -> dict[str, str]:
    """Return the hints on the runs that are slow at `now`, by id; with a `limit`, of the newest open runs only.

    `waiting` are the ids of the runs with a pending checkpoint, of which none is slow. Blocks: the events of the open
    runs are read. Raises StorageError.
    """
    opened = Summaries(journal).open_runs(now - MIN_SLOW_US, limit)
    summaries = [row for row in opened if row.execution_id not in waiting]
    if not summaries:
        return {}
    by_core = _figures(StoredStatistics(journal), now)
    return dict(_hints(journal, summaries, by_core, now, gaps))


def _hints(
    journal: Journal,
    summaries: Sequence[Summary],
    by_core: Mapping[str, Mapping[str, NodeFigures]],
    now: Micros,
    gaps: Sequence[Gap],
) -> Iterator[tuple[str, str]]:
    for summary in summaries:
        figures = by_core.get(summary.core_id or "")
        if figures is None or gaps_within(summary, gaps):
            continue
        run, _ = project(summary.execution_id, journal.history(summary.execution_id))
        if text := hints_text(slow_hints(run, figures, now, has_gap=False)):
            yield summary.execution_id, text


def _figures(statistics: StoredStatistics, now: Micros) -> dict[str, dict[str, NodeFigures]]:
    by_core: dict[str, dict[str, NodeFigures]] = {}
    for row in statistics.figures(now - USUAL_DAYS * DAY_MICROS):
        by_core.setdefault(row.core_id, {})[row.name] = row
    return by_core
