"""The steps of one run as the run screen shows them: what is folded, which part is visible, and where failures are.

Pure: the screen feeds it with the run and the graph of its Core. A row is found again by its id when the run goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from scaicore_tui.analysis.flow_graph import FlowGraph
from scaicore_tui.analysis.step_rows import RowKind, StepRow, build_rows, default_folded, unfolding
from scaicore_tui.analysis.steps import RunSteps, Step, build_steps
from scaicore_tui.runs import NodeState, Run, RunStatus


class RunView(StrEnum):
    """The views of a run, in the order of their digits."""

    TIMELINE = "Timeline"
    ORDER = "Steps in order"
    FLOW = "Flow"
    EVENTS = "Events"
    INPUT = "Input"
    OUTPUT = "Output"

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
    """Steps, rows and folding of one run."""

    def __init__(self) -> None:
        self.steps = RunSteps([], {})
        self.rows: Sequence[StepRow] = ()
        self._has_failed = False
        # Rows that a person folded (True) or unfolded.
        self._by_hand: dict[str, bool] = {}

    def load(self, run: Run, graph: FlowGraph | None, *, is_complete: bool) -> None:
        """Take the run as it is now. Only a graph that is proven to be the one of its Core makes its steps certain."""
        self._has_failed = run.outcome is RunStatus.FAILED
        is_proven = graph is not None and not graph.is_likely
        self.steps = build_steps(run, graph, is_complete=is_proven and is_complete)
        self._build_rows()

    def toggle(self, row: StepRow) -> bool:
        """Fold or unfold a row; return False if there is nothing in it."""
        if row.fold_id is None:
            return False
        self._by_hand[row.fold_id] = row.fold_id not in self._folded
        self._build_rows()
        return True

    def reveal(self, index: int) -> int:
        """Unfold all that a step is in; return the row of the step."""
        hidden = unfolding(self.steps, index) & self._folded
        if hidden:
            self._by_hand |= dict.fromkeys(hidden, False)
            self._build_rows()
        return self.row_of_step(index) or 0

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

    def first_step(self) -> int | None:
        """Return the step to look at first: the one that failed, waits or works; None if the run went well.

        A container fails because of a step in it; that one is meant.
        """
        failed = self.failed_steps()
        if failed and self._has_failed:
            return max(failed, key=lambda step: step.ended_event).index
        if self.steps.is_over:
            return None
        opened = [step for step in self.steps.steps if step.is_open and not self._has_open_child(step)]
        waiting = [step for step in opened if step.waits_for_person]
        return (waiting or opened)[-1].index if opened else None

    def failed_steps(self) -> list[Step]:
        """Return the steps that failed, without containers in which a step failed, in the order of the rows."""
        failed = [step for step in self.steps.steps if step.has_failed]
        blamed = {step.parent for step in failed}
        return [step for step in failed if step.index not in blamed]

    def step_of_node(self, node_id: str | None, block_kind: str | None) -> int | None:
        """Return the newest step of a node, the failed one before others; None if the run has none."""
        visits = [step for step in self.steps.steps if (step.node_id, step.block_kind) == (node_id, block_kind)]
        found = [step for step in visits if step.has_failed] or visits
        return found[-1].index if found else None

    @property
    def _folded(self) -> frozenset[str]:
        by_hand = self._by_hand
        kept = {row_id for row_id in default_folded(self.steps) if by_hand.get(row_id, True)}
        return frozenset(kept | {row_id for row_id, is_folded in by_hand.items() if is_folded})

    def _build_rows(self) -> None:
        self.rows = build_rows(self.steps, self._folded)

    def _has_open_child(self, step: Step) -> bool:
        return any(child.state is NodeState.ENTERED for child in self.steps.children_of(step.index))


def _is_iteration_of(row: StepRow, step: Step, around: set[int]) -> bool:
    return row.kind is RowKind.ITERATION and any(index in around for index in row.members)
