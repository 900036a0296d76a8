"""The time axis of a run: times to half cells and back, with idle stretches folded. Pure; integers only, so exact.

An axis shows a window of the run on `width` cells. A folded stretch takes FOLD_CELLS; the rest is shared by the other
time evenly.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from msgspec import Struct

from scaicore_tui.analysis.step_times import StepTimes, Stretch, times_of
from scaicore_tui.analysis.steps import RunSteps
from scaicore_tui.units import Micros

MICROS_PER_MS = 1_000
FOLD_CELLS = 6
HALVES_PER_CELL = 2


class _Segment(Struct, frozen=True):
    """A part of the axis: times from `begin` to `end`, of which `busy` are unfolded and `folds` folds lie before."""

    begin: Micros
    end: Micros
    busy: int
    folds: int
    is_folded: bool


class TimeAxis(Struct, frozen=True):
    """Maps times to half cells, from 0 to twice the width, and back.

    Attributes:
        origin: begin of the run: labels count from it.
        whole: limits of the run; `window` is the part that is shown.
        width: in cells.
        folds: idle stretches of the run that are folded, oldest first; some may be outside the window.
    """

    origin: Micros
    whole: Stretch
    window: Stretch
    width: int
    folds: tuple[Stretch, ...]
    segments: tuple[_Segment, ...]
    busy: int
    busy_halves: int

    @property
    def halves(self) -> int:
        return self.width * HALVES_PER_CELL

    @property
    def is_zoomed(self) -> bool:
        return self.window.begin > self.whole.begin or self.window.end < self.whole.end

    def half_cell(self, at: Micros) -> int:
        """Return the half cell of a time; one outside the window has that of the nearer edge."""
        if at < self.window.begin:
            return 0
        if at >= self.window.end:
            return self.halves - 1
        numerator, denominator = self._position(at)
        return numerator // denominator

    def edge(self, at: Micros) -> int:
        """Return the half cell in which a bar that ends at `at` has ended: 0 to twice the width."""
        return self.halves if at >= self.window.end else self.half_cell(at)

    def fraction(self, at: Micros) -> float:
        """Return the position of a time between the begin of the axis, 0, and its end, 1: for drawings."""
        if not self.window.begin < at < self.window.end:
            return float(at >= self.window.end)
        numerator, denominator = self._position(at)
        return numerator / denominator / self.halves

    def time_at(self, half: int) -> Micros:
        """Return the first time that is in a half cell. `half_cell` of it is `half`, if that is on the axis."""
        half = min(max(half, 0), self.halves)
        index = bisect_right(self.segments, half, key=self._ceiling_of_begin) - 1
        segment = self.segments[max(index, 0)]
        left = half - segment.folds * FOLD_CELLS * HALVES_PER_CELL
        if segment.is_folded:
            # left = busy * busy_halves / all + fold_halves * passed / length
            halves, length = FOLD_CELLS * HALVES_PER_CELL, segment.end - segment.begin
            passed = -(-(left * self.busy - segment.busy * self.busy_halves) * length // (self.busy * halves))
        else:
            passed = -(-left * self.busy // self.busy_halves) - segment.busy
        return min(max(segment.begin + passed, segment.begin), segment.end)

    def _segment(self, at: Micros) -> _Segment:
        index = bisect_right(self.segments, at, key=lambda segment: segment.begin) - 1
        return self.segments[max(index, 0)]

    def _position(self, at: Micros) -> tuple[int, int]:
        """Return the position of a time in half cells, as numerator and denominator."""
        segment = self._segment(at)
        fold_halves = FOLD_CELLS * HALVES_PER_CELL
        if not segment.is_folded:
            busy = segment.busy + at - segment.begin
            return busy * self.busy_halves + segment.folds * fold_halves * self.busy, self.busy
        length = segment.end - segment.begin
        before = (segment.busy * self.busy_halves + segment.folds * fold_halves * self.busy) * length
        return before + (at - segment.begin) * fold_halves * self.busy, self.busy * length

    def _ceiling_of_begin(self, segment: _Segment) -> int:
        numerator, denominator = self._position(segment.begin)
        return -(-numerator // denominator)


def build_axis(
    steps: RunSteps,
    width: int,
    now: Micros,
    *,
    folds_idle: bool = True,
    window: Stretch | None = None,
    times: StepTimes | None = None,
) -> TimeAxis:
    """Return the axis of a run on `width` cells. `now` is the server's time, at which an active run is shown.

    `times` are those of `steps`, if they are known already.
    """
    times = times_of(steps) if times is None else times
    whole = times.limits(now)
    shown = whole if window is None else clamp_window(window, whole)
    # Each half cell has at least a microsecond: else no time would be in it.
    shown = Stretch(shown.begin, max(shown.end, shown.begin + width * HALVES_PER_CELL))
    idle = times.idle(now) if folds_idle else ()
    longest = sorted(idle, key=lambda fold: -fold.length)
    fitting = [fold for fold in longest if fold.begin < shown.end and fold.end > shown.begin]
    kept = set(fitting[: width // HALVES_PER_CELL // FOLD_CELLS])
    visible = [Stretch(max(fold.begin, shown.begin), min(fold.end, shown.end)) for fold in idle if fold in kept]
    segments, busy = _split(shown, [fold for fold in visible if fold.length > 0])
    halves = (width - sum(segment.is_folded for segment in segments) * FOLD_CELLS) * HALVES_PER_CELL
    if busy < halves:
        return _plain_axis(whole, shown, width)
    return TimeAxis(whole.begin, whole, shown, width, tuple(idle), segments, busy, halves)


def _plain_axis(whole: Stretch, shown: Stretch, width: int) -> TimeAxis:
    segments, busy = _split(shown, [])
    return TimeAxis(whole.begin, whole, shown, width, (), segments, busy, width * HALVES_PER_CELL)


def _split(shown: Stretch, folds: Iterable[Stretch]) -> tuple[tuple[_Segment, ...], int]:
    """Return the segments of a window, and its unfolded time."""
    segments: list[_Segment] = []
    at, busy, count = shown.begin, 0, 0
    for fold in folds:
        if fold.begin > at:
            segments.append(_Segment(at, fold.begin, busy, count, is_folded=False))
            busy += fold.begin - at
        segments.append(_Segment(fold.begin, fold.end, busy, count, is_folded=True))
        count, at = count + 1, fold.end
    if at < shown.end:
        segments.append(_Segment(at, shown.end, busy, count, is_folded=False))
        busy += shown.end - at
    return tuple(segments), busy


def clamp_window(window: Stretch, whole: Stretch) -> Stretch:
    """Return `window` moved into the run; cut where it is longer than the run."""
    length = min(window.length, whole.length)
    begin = min(max(window.begin, whole.begin), whole.end - length)
    return Stretch(begin, begin + length)
