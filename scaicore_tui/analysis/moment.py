"""The steps of a run as of one of its events, without folding the run again. Pure.

What came later is known too: views draw it faintly, so that rows and axis stay where they are while time moves.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from enum import Enum, auto

from msgspec import Struct
from msgspec.structs import replace

from scaicore_tui.analysis.steps import RunSteps, Step
from scaicore_tui.runs.model import NodeState, NodeVisit
from scaicore_tui.units import Micros


class Phase(Enum):
    """The places of a step relative to a moment."""

    LATER = auto()
    OPEN = auto()
    ENDED = auto()


class Moment(Struct, frozen=True):
    """Event `number` of a run, counted from 1: it has happened, later ones have not. `at` is its time."""

    number: int
    at: Micros

    def phase(self, step: Step) -> Phase:
        """Return where a step is; one that the run never reached is later."""
        if not 0 < step.first_event <= self.number:
            return Phase.LATER
        return Phase.ENDED if 0 < step.ended_event <= self.number else Phase.OPEN

    def phase_of(self, steps: Iterable[Step]) -> Phase:
        """Return where several steps are together: open from the begin of the first to the end of the last."""
        phases = {self.phase(step) for step in steps}
        return phases.pop() if len(phases) == 1 else Phase.OPEN

    def step(self, step: Step) -> Step:
        """Return a step as it was then: without an end if it was open, and without a visit if it was later."""
        phase = self.phase(step)
        if phase is Phase.ENDED:
            return step
        is_open = phase is Phase.OPEN
        return replace(
            step,
            state=NodeState.ENTERED if is_open else None,
            entered_at=step.entered_at if is_open else None,
            ended_at=None,
            duration_ms=None,
            offset_ms=step.offset_ms if is_open else None,
            visit=NodeVisit(NodeState.ENTERED, step.entered_at, entered_event=step.entered_event) if is_open else None,
            error=None,
            entered_event=step.entered_event if is_open else 0,
            ended_event=0,
        )

    def iterations(self, loop: Step, steps: RunSteps) -> int:
        """Return the number of the iteration that a loop was in; 0 before the first."""
        children = steps.children.get(loop.index, [])
        begun = bisect_right(children, self.number, key=lambda index: steps.step(index).first_event or self.number + 1)
        return (steps.step(children[begun - 1]).iteration or 0) if begun else 0
