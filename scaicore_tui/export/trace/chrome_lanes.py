"""Distribute the steps of a run over threads on which they nest: viewers take the stack from the times alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct, field

from scaicore_tui.export.trace.intervals import Interval
from scaicore_tui.units import Micros


class Slice(Struct):
    """A run or step to draw.

    Attributes:
        parent: index of its container; None for the run.
        begin, end: the times to draw, set by `assign_lanes`. They are those of `interval`, unless viewers need another
            microsecond: to see that one step follows another, or is within it.
    """

    name: str
    category: str
    interval: Interval
    parent: int | None
    args: dict[str, Any]
    begin: Micros = 0
    end: Micros = 0


class _Lane(Struct):
    """A thread while it is filled: all its slices, those that are open now, and where the next one may begin."""

    members: list[Slice] = field(default_factory=list)
    open: list[Slice] = field(default_factory=list)
    free_from: Micros = 0
    last: Slice | None = None


def assign_lanes(slices: Sequence[Slice]) -> list[list[Slice]]:
    """Return the slices of each thread, containers first; the run is on the first thread. Sets their times to draw.

    A slice is in another one only if that is its container and lasts until its end.
    """
    lanes: list[_Lane] = []
    lane_of: dict[int, _Lane] = {}
    order = sorted(range(len(slices)), key=lambda index: (slices[index].interval.begin, index))
    for index in order:
        each = slices[index]
        parent = None if each.parent is None else slices[each.parent]
        lane = None if each.parent is None else lane_of.get(each.parent)
        if lane is None or not _fits(lane, each, parent):
            lane = next((lane for lane in lanes if _fits(lane, each, None)), None)
        if lane is None:
            lanes.append(lane := _Lane())
        _put(lane, each, parent)
        lane_of[index] = lane
    for lane in lanes:
        while lane.open:
            _close(lane)
    return [lane.members for lane in lanes]


def _fits(lane: _Lane, each: Slice, parent: Slice | None) -> bool:
    """Return whether a slice can begin in `parent`, if that is open in the lane, or else behind all that is in it."""
    for other in reversed(lane.open):
        if other is parent:
            return each.interval.end <= other.interval.end
        if other.interval.end > each.interval.begin:
            return False
    return parent is None


def _put(lane: _Lane, each: Slice, parent: Slice | None) -> None:
    while lane.open and lane.open[-1] is not parent:
        _close(lane)
    before = lane.last
    if before is not None and (before.name, before.args) == (each.name, each.args):
        # Where equal slices touch, speedscope takes the second one for a part of the first one.
        lane.free_from = max(lane.free_from, before.end + 1)
    each.begin = lane.free_from = max(each.interval.begin, lane.free_from)
    each.end = max(each.interval.end, each.begin + 1)
    lane.members.append(each)
    lane.open.append(each)
    lane.last = None


def _close(lane: _Lane) -> None:
    """End the innermost open slice; its container ends no earlier."""
    each = lane.open.pop()
    lane.free_from, lane.last = each.end, each
    if lane.open:
        lane.open[-1].end = max(lane.open[-1].end, each.end)
