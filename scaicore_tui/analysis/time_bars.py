"""The bars of steps on a time axis, the density of many visits, and the critical path. Pure; no characters."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from enum import StrEnum

from msgspec import Struct

from scaicore_tui.analysis.step_parents import STILL_OPEN
from scaicore_tui.analysis.step_times import step_times
from scaicore_tui.analysis.steps import RunSteps, Step
from scaicore_tui.analysis.time_axis import HALVES_PER_CELL, TimeAxis
from scaicore_tui.units import Micros

EIGHTHS = 8


class BarKind(StrEnum):
    """How a step spent its time."""

    RAN = "ran"
    WAITED = "waited"
    FAILED = "failed"


class Bar(Struct, frozen=True):
    """A step on the axis, from half cell `begin` up to `end`, which is not part of it.

    Attributes:
        is_open: the step has not ended.
        is_critical: the step is on the critical path.
        is_cut_left, is_cut_right: it goes on outside the window.
    """

    begin: int
    end: int
    kind: BarKind
    is_open: bool = False
    is_critical: bool = False
    is_cut_left: bool = False
    is_cut_right: bool = False


class DensityCell(Struct, frozen=True):
    """How much of a cell visits take, in eighths: at least 1 if there is any. `has_failed` if one of them failed."""

    eighths: int = 0
    has_failed: bool = False


def bar_of(
    axis: TimeAxis, steps: RunSteps, step: Step, now: Micros, critical: frozenset[int] = frozenset()
) -> Bar | None:
    """Return the bar of a step; None if it is outside the window, or has no times.

    One of no length is one half cell.
    """
    times = step_times(step, steps, now)
    if times is None:
        return None
    begin, end = times
    if end < axis.window.begin or begin > axis.window.end:
        return None
    first = min(axis.half_cell(begin), axis.halves - 1)
    return Bar(
        first,
        max(first + 1, axis.edge(end) if end > begin else 0),
        _kind(step),
        is_open=step.is_open,
        is_critical=step.index in critical,
        is_cut_left=begin < axis.window.begin,
        is_cut_right=end > axis.window.end,
    )


def _kind(step: Step) -> BarKind:
    if step.has_failed:
        return BarKind.FAILED
    return BarKind.WAITED if step.waits_for_person else BarKind.RAN


def density(axis: TimeAxis, steps: RunSteps, members: Iterable[Step], now: Micros) -> list[DensityCell]:
    """Return for each cell of the axis how much of it `members` take together."""
    halves = [0] * (axis.halves + 1)
    touched = [False] * axis.width
    failed = [False] * axis.width
    for step in members:
        bar = bar_of(axis, steps, step, now)
        if bar is None:
            continue
        halves[bar.begin] += 1
        halves[bar.end] -= 1
        touched[bar.begin // HALVES_PER_CELL] = True
        if step.has_failed:
            failed[(bar.end - 1) // HALVES_PER_CELL] = True
    return _cells(halves, touched, failed)


def _cells(changes: Sequence[int], touched: Sequence[bool], failed: Sequence[bool]) -> list[DensityCell]:
    """Return the cells for the changes of the number of visits at each half cell.

    The cell with the most visits is full.
    """
    totals, count = [], 0
    for cell in range(len(touched)):
        total = 0
        for change in changes[cell * HALVES_PER_CELL : (cell + 1) * HALVES_PER_CELL]:
            count += change
            total += count
        totals.append(total)
    highest = max(totals, default=0)
    return [
        DensityCell(-(-total * EIGHTHS // highest) if total else 0, has_failed=has_failed)
        for total, has_failed in zip(totals, failed, strict=True)
    ]


def critical_path(steps: RunSteps) -> frozenset[int]:
    """Return the indexes of the steps that decided how long the run took.

    From the end: the child that finished last, then the one that ended last before it began, and so on; the same
    inside each of them.
    """
    found: set[int] = set()
    pending: list[int | None] = [None]
    while pending:
        children = [step for step in steps.children_of(pending.pop()) if step.is_reached]
        for step in _last_chain(children):
            found.add(step.index)
            if step.index in steps.children:
                pending.append(step.index)
    return frozenset(found)


def _last_chain(children: Sequence[Step]) -> Iterable[Step]:
    by_end = sorted(children, key=_end_event)
    ends = [_end_event(step) for step in by_end]
    at = len(by_end)
    while at:
        step = by_end[at - 1]
        yield step
        # A step whose enter is missing is as long as an event.
        at = min(bisect_left(ends, step.entered_event or step.ended_event), at - 1)


def _end_event(step: Step) -> int:
    return STILL_OPEN if step.is_open else step.ended_event
