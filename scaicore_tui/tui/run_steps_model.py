"""The steps of one run as the run screen shows them: what is folded, which part is visible, and where failures are.

Pure: the screen feeds it with the run and the graph of its Core. A row is found again by its id when the run goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from scaicore_tui.analysis.moment import Phase
from scaicore_tui.analysis.step_rows import RowKind, StepRow, build_rows, unfolding
from scaicore_tui.analysis.steps import RunSteps, Step
from scaicore_tui.tui.run_picture import RunPicture


class RunView(StrEnum):
    """The views of a run, in the order of their digits."""

    TIMELINE = "Timeline"
    ORDER = "Steps in order"
    FLOW = "Flow"
    EVENTS = "Events"
    INPUT = "Input"
    OUTPUT = "Output"
    COMPARE = "Compare"

    @property
    def shows_steps(self) -> bool:
        """True if the view is a list of steps, with the selected one beside it."""
        return self in (RunView.TIMELINE, RunView.ORDER, RunView.FLOW)

    @property
    def next(self) -> RunView:
        """The view after this one, and the first after the last."""
        views = list(RunView)
        return views[(views.index(self) + 1) % len(views)]


class RunStepsModel:
    """The picture of one run, its rows and their folding."""

    def __init__(self) -> None:
        self.picture: RunPicture | None = None
        self.steps = RunSteps([], {})
        self.rows: Sequence[StepRow] = ()
        # Rows that a person folded (True) or unfolded.
        self._by_hand: dict[str, bool] = {}
        # Rows that are unfolded for the step at the time cursor only.
        self._for_now: frozenset[str] = frozenset()

    def load(self, picture: RunPicture) -> None:
        """Take the run as it is now, or was at a moment."""
        is_same = self.picture is not None and self.picture.steps is picture.steps
        self.picture, self.steps = picture, picture.steps
        if not is_same:
            self._build_rows()

    def toggle(self, row: StepRow) -> bool:
        """Fold or unfold a row; return False if there is nothing in it."""
        if row.fold_id is None:
            return False
        self._by_hand[row.fold_id] = row.fold_id not in self._folded
        self._for_now -= {row.fold_id}
        self._build_rows()
        return True

    def reveal(self, index: int) -> int:
        """Unfold all that a step is in; return the row of the step."""
        hidden = unfolding(self.steps, index) & self._folded
        if hidden:
            self._by_hand |= dict.fromkeys(hidden, False)
            self._build_rows()
        return self.row_of_step(index) or 0

    def reveal_for_now(self, index: int | None) -> None:
        """Unfold all that a step is in until another one is revealed; with None, unfold nothing."""
        hidden = frozenset[str]() if index is None else unfolding(self.steps, index)
        if hidden != self._for_now:
            self._for_now = hidden
            self._build_rows()

    def row_of_step(self, index: int) -> int | None:
        """Return the row of a step: its own, or that of the innermost folded row that it is in; None without rows."""
        step = self.steps.step(index)
        around = {index, *(container.index for container in self.steps.ancestors(index))}
        found = None
        for number, row in enumerate(self.rows):
            if row.kind is RowKind.STEP and row.step.index == index:
                return number
            is_inside = row.step.index in around or index in row.members or _is_iteration_of(row, step, around)
            found = number if row.is_folded and is_inside else found
        return found

    def row_of_id(self, row_id: str | None) -> int | None:
        """Return the row with an id; None if it is not shown."""
        return next((number for number, row in enumerate(self.rows) if row.id == row_id), None)

    def next_failed(self, after: int, by: int) -> Step | None:
        """Return the failed step after the step `after`, or with a `by` of -1 the one before; None if there is none."""
        failed = () if self.picture is None else self.picture.failed
        moment = None if self.picture is None else self.picture.moment
        found = [step for step in failed if (step.index > after if by > 0 else step.index < after)]
        if moment is not None:
            found = [step for step in found if moment.phase(step) is Phase.ENDED]
        if not found:
            return None
        return found[0] if by > 0 else found[-1]

    def step_of_node(self, node_id: str | None, block_kind: str | None) -> int | None:
        """Return the newest step of a node, the failed one before others; None if the run has none."""
        visits = [step for step in self.steps.steps if (step.node_id, step.block_kind) == (node_id, block_kind)]
        found = [step for step in visits if step.has_failed] or visits
        return found[-1].index if found else None

    def step_of_visit(self, node_id: str, number: int | None) -> int | None:
        """Return the step of a visit of a node: that with a `number` from 1, else the failed or the newest one."""
        visits = self._visits(node_id)
        if number is not None:
            return visits[number - 1].index if number <= len(visits) else None
        found = [step for step in visits if step.has_failed] or visits
        return found[-1].index if found else None

    def visit_number(self, step: Step) -> int | None:
        """Return the number of a step among the visits of its node, from 1; None for a node that was not reached."""
        numbers = (number for number, other in enumerate(self._visits(step.node_id), 1) if other.index == step.index)
        return next(numbers, None)

    def _visits(self, node_id: str | None) -> list[Step]:
        """Return the visits of a node in the order of their begin."""
        visits = [step for step in self.steps.steps if step.node_id == node_id and step.is_reached]
        return sorted(visits, key=lambda step: step.first_event)

    def step_of_event(self, number: int) -> Step | None:
        """Return the step that an event began or ended; None if it did neither."""
        index = None if self.picture is None else self.picture.by_event.get(number)
        return None if index is None else self.steps.step(index)

    @property
    def _folded(self) -> frozenset[str]:
        by_hand = self._by_hand
        at_first = frozenset[str]() if self.picture is None else self.picture.folded
        kept = {row_id for row_id in at_first if by_hand.get(row_id, True)}
        return frozenset(kept | {row_id for row_id, is_folded in by_hand.items() if is_folded}) - self._for_now

    def _build_rows(self) -> None:
        self.rows = build_rows(self.steps, self._folded)


def _is_iteration_of(row: StepRow, step: Step, around: set[int]) -> bool:
    return row.kind is RowKind.ITERATION and any(index in around for index in row.members)
