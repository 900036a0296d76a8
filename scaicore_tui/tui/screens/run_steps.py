"""The steps of one run in the panes: builds the rows of a view, keeps the cursor on its step, fills the inspector."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from scaicore_tui.analysis.flow_path import find_taken_edges
from scaicore_tui.analysis.flow_view import FlowView, flow_rows, ways_lines
from scaicore_tui.analysis.step_rows import step_id
from scaicore_tui.analysis.steps import Step
from scaicore_tui.analysis.time_axis import Stretch, step_times
from scaicore_tui.analysis.time_scale import zoom
from scaicore_tui.analysis.timeline_view import layout_timeline, note_lines
from scaicore_tui.analysis.usual import NO_CONTEXT
from scaicore_tui.runs import Gap, Run, RunStatus
from scaicore_tui.runs.model import NodeKey, json_digest
from scaicore_tui.text import wrap
from scaicore_tui.tui.render.line import Line
from scaicore_tui.tui.render.step_detail import StepIndex, StepNotes, step_sections
from scaicore_tui.tui.render.step_lists import FlowLines, OrderLines, StepLines, TimelineLines
from scaicore_tui.tui.run_steps_model import RunStepsModel, RunView
from scaicore_tui.tui.screens.run_panes import RunPanes
from scaicore_tui.tui.widgets.line_view import ASCII_CLASS
from scaicore_tui.units import Micros

INFERRED = "(inferred)"
# On a low screen, notes have one line.
MAX_NOTE_LINES = 2


class ShownSteps:
    """The steps of one run. `node` is the node to select at first; else it is the step that failed, waits or works.

    While it `follows`, the cursor goes to the step that works.
    """

    def __init__(self, panes: RunPanes, node: NodeKey | None) -> None:
        self.flow: FlowView | None = None
        self.folds_idle = True
        self.window: Stretch | None = None
        # The number of steps that were tried again.
        self.retries = 0
        # What other runs say about this one.
        self.context = NO_CONTEXT
        # In which events may be missing.
        self.gaps: Sequence[Gap] = ()
        self.follows = True
        self._panes = panes
        self._node = node
        self._model = RunStepsModel()
        self._lines: StepLines | None = None
        self._is_loading = True
        self._inspected: str | None = None
        self._run: Run | None = None
        self._index = StepIndex(self._model.steps)

    @property
    def is_over(self) -> bool:
        """True if nothing grows any more."""
        return self._model.steps.is_over or self._is_loading

    def passed_on(self, step: Step) -> frozenset[int]:
        """Return the digests of the values that a step may have passed on to a run that it started."""
        results = (other.visit.result for other in self._index.results_before(step.first_event) if other.visit)
        own = () if self._run is None or not self._run.has_input else (self._run.input_digest,)
        return frozenset([*map(json_digest, results), *own])

    def load(self, run: Run, view: RunView, now: Micros, missing: str) -> None:
        """Show the run as it is now; `missing` says which events are."""
        is_first, self._is_loading = self._is_loading, run.is_loading
        self._run = run
        if run.is_loading:
            self._show_nothing(f"reading {run.event_count:,} events…")
            return
        selected = None if is_first else self._panes.steps.selected
        self._model.load(run, None if self.flow is None else self.flow.graph, is_complete=not missing)
        self._index = StepIndex(self._model.steps)
        self.retries = sum((step.attempt or 0) > 1 for step in self._model.steps.steps)
        target = self._first_step() if self.follows else None
        if target is not None:
            self._model.reveal(target)
        self.show(view, now, self._model.steps.step(target) if target is not None else selected)

    def show(self, view: RunView, now: Micros, selected: Step | None = None) -> None:
        """Show a view with the cursor on `selected`, else on the step that it is on."""
        step = selected or self._panes.steps.selected
        row_id = None if selected is not None else self._panes.steps.selected_id
        self._lines = self._build(view, now)
        self._panes.show_around([] if self._lines is None else self._lines.head, self._notes(view))
        self._panes.steps.show(self._lines, self._empty_text(view))
        self._panes.steps.set_cursor(self._row_of(view, step, row_id), by_user=False)

    def show_timeline(self, now: Micros) -> None:
        """Draw the timeline for another time; rows and cursor stay."""
        self._lines = self._build(RunView.TIMELINE, now)
        if self._lines is not None:
            self._panes.show_around(self._lines.head, self._notes(RunView.TIMELINE))
            self._panes.steps.show(self._lines, self._empty_text(RunView.TIMELINE))

    def select_event(self, number: int, view: RunView, now: Micros) -> None:
        """Select the step that an event of the run began or ended."""
        found = (step for step in self._model.steps.steps if number in (step.entered_event, step.ended_event))
        step = next(found, None)
        if step is not None:
            self._model.reveal(step.index)
            self.show(view, now, step)

    def zoom(self, factor: float | None, now: Micros) -> str:
        """Show a part of the run `factor` times as long around the selected step; with None all of it.

        Returns why nothing changed; empty if it did.
        """
        if not isinstance(self._lines, TimelineLines):
            return "no timeline is shown"
        axis, before = self._lines.timeline.axis, self.window
        self.window = None if factor is None else zoom(axis, self._middle(now), factor)
        if self.window == axis.whole:
            self.window = None
        if self.window == before:
            return "all of the run is shown" if before is None else "a cell is 1 ms already"
        self.show(RunView.TIMELINE, now)
        return ""

    def toggle_idle(self, now: Micros) -> str:
        """Fold long idle stretches of the time axis, or unfold them; return what happened."""
        if not isinstance(self._lines, TimelineLines):
            return "no timeline is shown"
        had_folds = bool(self._lines.timeline.axis.folds)
        if self.folds_idle and not had_folds:
            return "nothing is idle for long in this run"
        self.folds_idle = not self.folds_idle
        self.show(RunView.TIMELINE, now)
        return "idle time is folded" if self.folds_idle else "idle time is shown at its full length"

    def keep_in_window(self, now: Micros) -> None:
        """Move the visible part of a zoomed run to the selected step, if that is outside."""
        if self.window is None or not isinstance(self._lines, TimelineLines):
            return
        middle = self._middle(now)
        if not self.window.begin <= middle < self.window.end:
            self.window = zoom(self._lines.timeline.axis, middle, 1.0)
            self.show(RunView.TIMELINE, now)

    def _middle(self, now: Micros) -> Micros:
        """Return the middle of the selected step; without one, that of what is shown."""
        step = self._panes.steps.selected
        times = None if step is None else step_times(step, self._model.steps, now)
        if times is None and isinstance(self._lines, TimelineLines):
            window = self._lines.timeline.axis.window
            times = window.begin, window.end
        return sum(times) // 2 if times is not None else now

    def show_inspector(self, run: Run, links: Sequence[str]) -> None:
        """Show the selected step in the inspector, and where `x` leads."""
        step = self._panes.steps.selected
        inspected = None if step is None else f"{run.execution_id} {step_id(step)}"
        is_other, self._inspected = inspected != self._inspected, inspected
        sections = [] if step is None else step_sections(run, self._index, step, self._notes_of(step, links))
        self._panes.inspector.show(sections, is_other=is_other)

    def toggle(self, view: RunView, now: Micros) -> bool:
        """Fold or unfold the selected row; return False if there is nothing in it."""
        row = self._panes.steps.cursor
        if view is not RunView.TIMELINE or row >= len(self._model.rows):
            return False
        if not self._model.toggle(self._model.rows[row]):
            return False
        self.follows = False
        self.show(view, now)
        return True

    def go_to_error(self, by: int, view: RunView, now: Micros) -> bool:
        """Select the next failed step, or with -1 the one before; return False if there is none."""
        here = self._panes.steps.selected
        failed = self._model.failed_steps()
        at = -1 if here is None else here.index
        found = [step for step in failed if (step.index > at if by > 0 else step.index < at)]
        if not found:
            return False
        target = found[0] if by > 0 else found[-1]
        self._model.reveal(target.index)
        self.show(view, now, target)
        return True

    def _first_step(self) -> int | None:
        if self._node is not None:
            found, self._node = self._model.step_of_node(*self._node), None
            self.follows = False
            return found
        found = self._model.first_step()
        self.follows = not self._model.steps.is_over
        return found

    def _show_nothing(self, text: str) -> None:
        self._panes.show_around([], [])
        self._panes.steps.show(None, text)

    def _build(self, view: RunView, now: Micros) -> StepLines | None:
        width, ascii_only = self._panes.steps_width, self._panes.app.has_class(ASCII_CLASS)
        model = self._model
        if view is RunView.ORDER:
            return OrderLines(model.steps, width)
        if view is RunView.FLOW:
            return None if self.flow is None else self._build_flow(self.flow, width, ascii_only=ascii_only)
        timeline = layout_timeline(
            model.steps,
            model.rows,
            width,
            now,
            folds_idle=self.folds_idle,
            window=self.window,
            gaps=self.gaps,
            ascii_only=ascii_only,
        )
        return TimelineLines(timeline)

    def _build_flow(self, flow: FlowView, width: int, *, ascii_only: bool) -> StepLines:
        """Return the rows of the flow for the run that is shown, which may be one as of an event."""
        if self._run is not None and flow.run is not self._run:
            is_waiting = self._run.status is RunStatus.WAITING
            taken = find_taken_edges(flow.graph, self._run)
            flow = replace(flow, run=self._run, taken=taken, waits=flow.waits if is_waiting else {})
        return FlowLines(flow, flow_rows(flow, width, ascii_only=ascii_only), self._model.steps)

    def _row_of(self, view: RunView, step: Step | None, row_id: str | None) -> int:
        """Return the row with an id, or else that of the step; the top one if it has none."""
        if self._lines is None:
            return 0
        if view is RunView.TIMELINE:
            row = self._model.row_of_id(row_id)
            if row is None and step is not None and step.index < len(self._model.steps.steps):
                row = self._model.row_of_step(step.index)
            return row or 0
        for row in range(len(self._lines)):
            other = self._lines.step(row)
            is_same = other is not None and step is not None and other.index == step.index
            if is_same or (view is RunView.FLOW and step is not None and self._is_node(row, step)):
                return row
        return 0

    def _is_node(self, row: int, step: Step) -> bool:
        return isinstance(self._lines, FlowLines) and self._lines.node_id(row) == step.node_id

    def _notes(self, view: RunView) -> list[Line]:
        if view is not RunView.TIMELINE or not isinstance(self._lines, TimelineLines):
            return []
        # What is inferred is always so, and the inspector says it too: what is unusual comes first.
        text = " · ".join(sorted(note_lines(self._lines.timeline), key=lambda note: INFERRED in note))
        lines = wrap(text, max(1, self._panes.steps_width), 1 if self._panes.is_low else MAX_NOTE_LINES) if text else []
        return [[(line, "grey")] for line in lines]

    def _notes_of(self, step: Step, links: Sequence[str]) -> StepNotes:
        """Return what the flow and other runs say about the node of a step, and its links."""
        usual = self.context.nodes.get(step.key)
        notes = StepNotes(links=links, usual="" if usual is None else usual.text)
        if self.flow is None or step.node_id is None or step.node_id not in self.flow.graph.by_id:
            return notes
        ascii_only = self._panes.app.has_class(ASCII_CLASS)
        lines = ways_lines(
            self.flow, step.node_id, max(40, self._panes.inspector.size.width - 4), ascii_only=ascii_only
        )
        ways = ["".join(text for text, _ in line) for line in lines]
        return StepNotes(ways, self.flow.graph.by_id[step.node_id].label, links, notes.usual)

    def _empty_text(self, view: RunView) -> str:
        if view is RunView.FLOW and self.flow is None:
            return "no flow is known of this Core"
        return "no node entered yet"
