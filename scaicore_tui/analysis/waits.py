"""The time that a run, or a part of it, worked: without the time in which it waited for a person. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scaicore_tui.analysis.steps import PERSON_KINDS
from scaicore_tui.runs import Run
from scaicore_tui.runs.model import NodeVisit
from scaicore_tui.units import Micros

Wait = tuple[Micros, Micros]
_MICROS_PER_MS = 1_000


def waits_in(run: Run) -> Sequence[Wait]:
    """Return the stretches of time, apart from each other, in which a run waited for a person until that had answered.

    A wait that is still going on is not among them. Of a run with very many waits the newest are known.
    """
    merged: list[Wait] = []
    for begin, end in sorted(_waits(run)):
        if merged and begin <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((begin, end))
    return merged


def _waits(run: Run) -> Iterator[Wait]:
    for node in run.nodes.values():
        for visit in node.visits if node.block_kind in PERSON_KINDS else ():
            if visit.entered_at is not None and visit.ended_at is not None and visit.ended_at > visit.entered_at:
                yield visit.entered_at, visit.ended_at


def run_worked_ms(run: Run) -> float | None:
    """Return how long a run took without its waits for people; None while it is active."""
    duration_ms = run.duration_ms
    return None if duration_ms is None else _without(duration_ms, run.began_at, run.ended_at, waits_in(run))


def visit_worked_ms(visit: NodeVisit, waits: Sequence[Wait]) -> float | None:
    """Return how long an ended visit took without the waits for people while it was open; None if it is not known."""
    duration_ms = visit.duration_ms
    return None if duration_ms is None else _without(duration_ms, visit.entered_at, visit.ended_at, waits)


def _without(duration_ms: float, begin: Micros | None, end: Micros | None, waits: Sequence[Wait]) -> float:
    if begin is None or end is None:
        return duration_ms
    waited = sum(max(0, min(end, until) - max(begin, since)) for since, until in waits)
    return max(0.0, duration_ms - waited / _MICROS_PER_MS)
