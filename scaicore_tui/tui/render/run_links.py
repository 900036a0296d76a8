"""The runs that a run leads to: what its step called, the run that it is a replay of, and its replays. Pure.

The feed says nowhere which run a step started: a run of that time is likely, never proven.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from scaicore_tui.actions import Submission
from scaicore_tui.analysis.steps import Step
from scaicore_tui.runs import RunStatus, Summary
from scaicore_tui.text import display_name
from scaicore_tui.tui.render.runs import core_name
from scaicore_tui.units import Micros

CALL_KINDS = frozenset({"core_call"})
# Clocks differ: a sub-run may seem to begin before its step, and to end after it.
CLOCK_SLACK_US = 250_000


class RunLink(Struct, frozen=True):
    """A run that can be opened; `label` says what it is, and how sure that is."""

    execution_id: str
    label: str


def find_links(
    execution_id: str, step: Step | None, now: Micros, others: Iterable[Summary], submissions: Iterable[Submission]
) -> list[RunLink]:
    """Return the links of a run with `step` selected, the most useful first; `others` are runs that began after it."""
    sub_run = None if step is None else find_sub_run(step, now, others)
    found = [] if sub_run is None else [sub_run]
    replays = list[RunLink]()
    for sent in submissions:
        if not sent.is_replay or sent.execution_id is None:
            continue
        likely = " (likely)" if sent.is_likely_match else ""
        if sent.execution_id == execution_id:
            found.append(RunLink(sent.target_id, f"replay of {display_name(sent.target_id)}{likely}"))
        elif sent.target_id == execution_id:
            replays.append(RunLink(sent.execution_id, f"replayed as {display_name(sent.execution_id)}{likely}"))
    return [*found, *reversed(replays)]


def find_sub_run(step: Step, now: Micros, others: Iterable[Summary]) -> RunLink | None:
    """Return the run that a step most likely started: one that began and ended while the step was open.

    Of several the one with the same outcome that began first; the label says how many there are.
    """
    if step.block_kind not in CALL_KINDS or step.entered_at is None:
        return None
    begin, end = step.entered_at - CLOCK_SLACK_US, (step.ended_at or now) + CLOCK_SLACK_US
    inside = [other for other in others if _is_between(other, begin, end, is_open=step.is_open)]
    alike = [other for other in inside if (other.outcome is RunStatus.FAILED) == step.has_failed]
    found = min(alike or inside, key=lambda other: other.started_at or 0, default=None)
    if found is None:
        return None
    sure = "likely" if len(inside) == 1 else f"one of {len(inside)} runs at that time"
    name = f"{core_name(found.core_id)} {display_name(found.execution_id)}"
    # How sure it is comes first: a narrow inspector cuts the end.
    return RunLink(found.execution_id, f"called ({sure}) {name}")


def _is_between(run: Summary, begin: Micros, end: Micros, *, is_open: bool) -> bool:
    """Return whether a run began and ended in a stretch of time; while that is open, the run may be too."""
    if run.started_at is None or not begin <= run.started_at <= end:
        return False
    return is_open if run.ended_at is None else run.ended_at <= end
