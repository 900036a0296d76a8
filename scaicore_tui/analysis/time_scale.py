"""The labels of a time axis, and its zoom. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from scaicore_tui.analysis.step_times import Stretch
from scaicore_tui.analysis.time_axis import HALVES_PER_CELL, MICROS_PER_MS, TimeAxis, clamp_window
from scaicore_tui.timefmt import format_duration
from scaicore_tui.units import Micros

_SECOND_MS = 1_000
_MINUTE_MS = 60 * _SECOND_MS
_HOUR_MS = 60 * _MINUTE_MS
_DAY_MS = 24 * _HOUR_MS
# Distances between ticks.
_STEPS_MS = (
    *(base * scale for scale in (1, 10, 100) for base in (1, 2, 5)),
    *(count * _SECOND_MS for count in (1, 2, 5, 10, 15, 30)),
    *(count * _MINUTE_MS for count in (1, 2, 5, 10, 15, 30)),
    *(count * _HOUR_MS for count in (1, 2, 6, 12)),
    *(base * scale * _DAY_MS for scale in (1, 10, 100, 1_000, 10_000, 100_000) for base in (1, 2, 5)),
)
# Between two times; labels of folds, and of the end, may be as close as a cell.
MIN_LABEL_GAP_CELLS = 4
MAX_TICKS = 1_000


class Tick(Struct, frozen=True):
    """A label on the axis. It begins at `cell`; `at` is the time there, `length` its width in cells."""

    cell: int
    label: str
    at: Micros
    is_fold: bool = False

    @property
    def end(self) -> int:
        return self.cell + len(self.label)


def ticks(axis: TimeAxis) -> list[Tick]:
    """Return the labels of an axis, left to right: times since the begin of the run, and lengths of folded stretches.

    No two overlap. The end of the window has one, unless the run is shorter than a label is wide.
    """
    folds = _fold_ticks(axis)
    end = _end_tick(axis)
    taken = [*folds, *([end] if end is not None else [])]
    for distance in _STEPS_MS:
        if axis.window.length // (distance * MICROS_PER_MS) > MAX_TICKS:
            continue
        marks = _distinct_ticks(axis, distance * MICROS_PER_MS)
        if marks is not None:
            free = [tick for tick in marks if not any(_overlap(tick, other) for other in taken)]
            return sorted([*free, *taken], key=lambda tick: tick.cell)
    return taken


def offset_label(milliseconds: float) -> str:
    """Return a time since the begin as short as it can be, such as `0s`, `250ms`, `5s`, `1.5s`, `2m` or `2m05s`."""
    if milliseconds == 0:
        return "0s"
    label = format_duration(milliseconds)
    for useless in (".0s", "00s", "00m"):
        if label.endswith(useless):
            label = label.removesuffix(useless) + ("s" if useless == ".0s" else "")
            break
    return label


def _end_tick(axis: TimeAxis) -> Tick | None:
    label = offset_label(_round_offset((axis.window.end - axis.origin) / MICROS_PER_MS, axis))
    cell = axis.width - len(label)
    is_free = cell > 0 and not any(_overlap(Tick(cell, label, 0), fold) for fold in _fold_ticks(axis))
    return Tick(cell, label, axis.window.end) if is_free else None


def _round_offset(milliseconds: float, axis: TimeAxis) -> float:
    """Return an offset rounded to whole seconds if a cell is longer than 100 ms."""
    is_coarse = axis.busy > axis.width * 100 * MICROS_PER_MS
    return round(milliseconds / _SECOND_MS) * _SECOND_MS if is_coarse else milliseconds


def _fold_ticks(axis: TimeAxis) -> list[Tick]:
    found = []
    for segment in axis.segments:
        if segment.is_folded:
            # A fold at the edge of the window is a part of an idle stretch, of which all is told.
            fold = next(fold for fold in axis.folds if fold.begin <= segment.begin and segment.end <= fold.end)
            label = offset_label(fold.length / MICROS_PER_MS)
            half = axis.half_cell(segment.begin)
            found.append(Tick(-(-half // HALVES_PER_CELL), label, segment.begin, is_fold=True))
    return found


def _time_ticks(axis: TimeAxis, distance: int) -> Iterator[Tick]:
    for segment in axis.segments:
        if segment.is_folded:
            continue
        at = axis.origin + -(-(segment.begin - axis.origin) // distance) * distance
        while at < segment.end:
            label = offset_label((at - axis.origin) / MICROS_PER_MS)
            cell = axis.half_cell(at) // HALVES_PER_CELL
            if cell + len(label) <= axis.width:
                yield Tick(cell, label, at)
            at += distance


def _distinct_ticks(axis: TimeAxis, distance: int) -> list[Tick] | None:
    """Return the ticks every `distance` microseconds; None, found at the first pair, if they are too close."""
    marks: list[Tick] = []
    for tick in _time_ticks(axis, distance):
        if marks and _overlap(marks[-1], tick, MIN_LABEL_GAP_CELLS):
            return None
        marks.append(tick)
    return marks


def _overlap(one: Tick, other: Tick, gap: int = 1) -> bool:
    return one.cell < other.end + gap and other.cell < one.end + gap


def zoom(axis: TimeAxis, centre: Micros, factor: float) -> Stretch:
    """Return a window `factor` times as long with `centre` in its middle: at least 1 ms a cell, at most the run.

    Folded stretches do not count as time.
    """
    shortest = axis.width * MICROS_PER_MS
    length = max(int(axis.busy * factor), shortest)
    begin = _go(axis, centre, -(length // 2))
    return clamp_window(Stretch(begin, max(_go(axis, centre, length - length // 2), begin + shortest)), axis.whole)


def _go(axis: TimeAxis, at: Micros, distance: int) -> Micros:
    """Return the time that is `distance` microseconds of unfolded time after `at`, or before it if negative."""
    left, sign = abs(distance), 1 if distance > 0 else -1
    for fold in axis.folds if sign > 0 else reversed(axis.folds):
        near, far = (fold.begin, fold.end) if sign > 0 else (fold.end, fold.begin)
        before = (near - at) * sign
        if (far - at) * sign <= 0:
            continue
        if before >= left:
            break
        left -= max(before, 0)
        at = far
    return at + sign * left
