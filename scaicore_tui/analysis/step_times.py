"""When the steps of a run worked, and when nothing did. Pure; computed once for the steps of a run, whatever the time.

Only open steps change with time: limits and idle stretches at any time follow from `StepTimes` without a look at the
steps, so that the axis of a run with many thousand visits can be drawn every second.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from statistics import median

from msgspec import Struct

from scaicore_tui.analysis.step_parents import CONTAINER_KINDS
from scaicore_tui.analysis.steps import RunSteps, Step
from scaicore_tui.units import Micros

MIN_IDLE = 60_000_000
MEDIAN_GAPS_PER_IDLE = 10
BUSY_PERCENT_PER_IDLE = 5


class Stretch(Struct, frozen=True):
    """A stretch of time, from `begin` up to `end`, which is not part of it."""

    begin: Micros
    end: Micros

    @property
    def length(self) -> int:
        return self.end - self.begin


class StepTimes(Struct, frozen=True):
    """The times of all steps of a run.

    Attributes:
        known: the first and the last time of the run and its steps; None if there is none.
        is_over: the run has ended, so that nothing grows.
        worked: stretches in which an ended step worked, apart from each other, oldest first.
        busy: for each of `worked`, how long all before it are together; and after that the length of all.
        pauses: those longer than MIN_IDLE between two of `worked`.
        open_since: begin of the first step that still works; None if none does.
        median_gap: the median time between two events of the steps.
    """

    known: Stretch | None
    is_over: bool
    worked: Sequence[Stretch]
    busy: Sequence[int]
    pauses: Sequence[Stretch]
    open_since: Micros | None
    median_gap: int

    def limits(self, now: Micros) -> Stretch:
        """Return the time from the begin of the run to its end, or to `now` while it is active; all steps are in it."""
        if self.known is None:
            return Stretch(now, now)
        return self.known if self.is_over else Stretch(self.known.begin, max(now, self.known.end))

    def idle(self, now: Micros) -> tuple[Stretch, ...]:
        """Return the stretches in which nothing works, if they are long. Open containers and checkpoints do not work.

        A step that is open works up to `now`, and at least as long as all others.
        """
        whole, since = self.limits(now), self.open_since
        count = len(self.worked) if since is None else bisect_right(self.worked, since, key=lambda one: one.begin)
        busy, last = self.busy[count], max(whole.begin, self.worked[count - 1].end) if count else whole.begin
        pauses = [Stretch(whole.begin, self.worked[0].begin)] if count else []
        pauses += self.pauses if since is None else (pause for pause in self.pauses if pause.end <= last)
        pauses.append(Stretch(last, whole.end if since is None else since))
        if since is not None:
            busy += whole.end - max(since, last)
        shortest = max(MIN_IDLE, MEDIAN_GAPS_PER_IDLE * self.median_gap, busy * BUSY_PERCENT_PER_IDLE // 100)
        return tuple(pause for pause in pauses if pause.length > shortest)


def times_of(steps: RunSteps) -> StepTimes:
    """Return the times of the steps of a run."""
    times = sorted(at for step in steps.steps for at in (step.entered_at, step.ended_at) if at is not None)
    known = [at for at in (*times[:1], *times[-1:], steps.began_at, steps.ended_at) if at is not None]
    working = [step for step in steps.steps if _works(step, steps)]
    worked = _merge(sorted(_ended_times(working, steps)))
    opened = (step.entered_at for step in working if step.is_open and not steps.is_over)
    return StepTimes(
        Stretch(min(known), max(known)) if known else None,
        steps.is_over,
        worked,
        [0, *accumulate(one.length for one in worked)],
        [Stretch(one.end, other.begin) for one, other in pairwise(worked) if other.begin - one.end > MIN_IDLE],
        min((at for at in opened if at is not None), default=None),
        int(median(after - before for before, after in pairwise(times))) if len(times) > 1 else 0,
    )


def step_times(step: Step, steps: RunSteps, now: Micros) -> tuple[Micros, Micros] | None:
    """Return begin and end of a step; what is unknown of them is the other one. None if both are.

    A step that is open ends `now`, or with its run.
    """
    begin, end = step.entered_at, step.ended_at
    if step.is_open:
        end = steps.ended_at if steps.is_over else now
    if begin is None or end is None:
        known = begin if begin is not None else end
        return None if known is None else (known, known)
    return begin, max(begin, end)


def _works(step: Step, steps: RunSteps) -> bool:
    is_container = step.index in steps.children or step.block_kind in CONTAINER_KINDS
    return not is_container and not step.waits_for_person and step.is_reached


def _ended_times(working: Iterable[Step], steps: RunSteps) -> Iterator[tuple[Micros, Micros]]:
    for step in working:
        if steps.is_over or not step.is_open:
            times = step_times(step, steps, 0)
            if times is not None:
                yield times


def _merge(times: Iterable[tuple[Micros, Micros]]) -> list[Stretch]:
    """Return the union of stretches that are sorted by their begin."""
    merged: list[tuple[Micros, Micros]] = []
    for begin, end in times:
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return [Stretch(begin, end) for begin, end in merged]
