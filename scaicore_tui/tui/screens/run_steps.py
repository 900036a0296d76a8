"""The steps of one run in the panes: builds the rows of a view, keeps the cursor on its step, fills the inspector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from scaicore_tui.analysis.flow_view import FlowView, flow_rows, ways_lines
from scaicore_tui.analysis.moment import Phase
from scaicore_tui.analysis.step_rows import step_id
from scaicore_tui.analysis.step_times import Stretch, step_times
from scaicore_tui.analysis.steps import Step
from scaicore_tui.analysis.time_axis import HALVES_PER_CELL, MICROS_PER_MS, clamp_window
from scaicore_tui.analysis.time_scale import zoom
from scaicore_tui.analysis.timeline_view import GAP_CELLS, layout_timeline, note_lines
from scaicore_tui.analysis.usual import NO_CONTEXT
from scaicore_tui.runs import Gap
from scaicore_tui.runs.model import NodeKey, json_digest
from scaicore_tui.text import display_name, wrap
from scaicore_tui.tui.render.line import Line
from scaicore_tui.tui.render.step_detail import StepNotes, later_sections, step_sections
from scaicore_tui.tui.render.step_lists import FlowLines, OrderLines, StepLines, TimelineLines
from scaicore_tui.tui.render.value_rows import Section
from scaicore_tui.tui.run_picture import RunPicture
from scaicore_tui.tui.run_steps_model import RunStepsModel, RunView
from scaicore_tui.tui.screens.run_panes import RunPanes
from scaicore_tui.tui.widgets.line_view import ASCII_CLASS
from scaicore_tui.units import Micros

INFERRED = "(inferred)"
PARTIAL = "only the newest steps so far: the other events are being read"
# On a low screen, notes have one line.
MAX_NOTE_LINES = 2
# A zoom to a step shows this share of its time before and after it.
STEP_MARGIN_SHARE = 10


class ShownSteps:
    """The steps of one run. `node` is the node to select at first; else it is the step that failed, waits or works.

    While it `follows`, the cursor goes to the step that works.
    """

    def __init__(self, panes: RunPanes, node: NodeKey | None) -> None:
        self.flow: FlowView | None = None
        self.folds_idle = True
        self.window: Stretch | None = None
        # What other runs say about this one.
        self.context = NO_CONTEXT
        self._kept: Step | None = None
        # Hints that a step is slow, by the number of the event that began it.
        self.slow: Mapping[int, str] = {}
        # In which events may be missing.
        self.gaps: Sequence[Gap] = ()
        # The number of events that arrived since the past is shown.
        self.new_count = 0
        self.follows = True
        self._panes = panes
        self._node = node
        # The node and the number of the visit to select at first, in place of `node`.
        self._visit: tuple[str, int | None] | None = None
        self._model = RunStepsModel()
        self._lines: StepLines | None = None
        self._inspected: str | None = None

    @property
    def picture(self) -> RunPicture | None:
        """The run as it is shown; None before the first one."""
        return self._model.picture

    @property
    def grows(self) -> bool:
        """True if bars grow with time."""
        return self.picture is not None and self.picture.moment is None and not self._model.steps.is_over

    @property
    def selected(self) -> Step | None:
        """The selected step as of the moment that is shown; None for one that was later."""
        step, moment = self._panes.steps.selected, None if self.picture is None else self.picture.moment
        if step is None or moment is None:
            return step
        return None if moment.phase(step) is Phase.LATER else moment.step(step)

    def passed_on(self, step: Step) -> frozenset[int]:
        """Return the digests of the values that a step may have passed on to a run that it started."""
        picture = self.picture
        if picture is None:
            return frozenset()
        before = picture.index.results_before(step.first_event)
        results = (json_digest(other.visit.result) for other in before if other.visit is not None)
        return frozenset([*results, *([picture.run.input_digest] if picture.run.has_input else [])])

    def select_visit(self, node_id: str, number: int | None) -> None:
        """Select a visit of a node at first: that with a `number` from 1, else the failed or the newest one."""
        self._visit = (node_id, number)

    def visit_number(self, step: Step) -> int | None:
        """Return the number of a step among the visits of its node, from 1."""
        return self._model.visit_number(step)

    def load(self, picture: RunPicture, view: RunView, now: Micros) -> None:
        """Show the run as it is now, or, with a moment, with the step of its event selected."""
        selected = None if self.picture is None else self._panes.steps.selected
        self._model.load(picture)
        target = self._first_step(picture)
        if picture.moment is not None:
            self._model.reveal_for_now(None if target is None else target.index)
        else:
            self._model.reveal_for_now(None)
            if target is not None:
                self._model.reveal(target.index)
        self.show(view, now, target or selected)

    def show_nothing(self, text: str) -> None:
        """Show a text in place of the steps."""
        self._panes.show_around([], [])
        self._panes.steps.show(None, text)

    def show(self, view: RunView, now: Micros, selected: Step | None = None) -> None:
        """Show a view with the cursor on `selected`, else on the step that it is on."""
        if self.picture is None or not self._panes.steps_width:
            return
        # A flow that is not read yet has no rows: the step that was selected before is selected again once it is.
        step = self._kept = selected or self._panes.steps.selected or self._kept
        row_id = None if selected is not None else self._panes.steps.selected_id
        self._lines = self._build(self.picture, view, now)
        self._panes.show_around([] if self._lines is None else self._lines.head, self._notes(view))
        self._panes.steps.show(self._lines, self._empty_text(view))
        self._panes.steps.set_cursor(self._row_of(view, step, row_id), by_user=False)

    def show_timeline(self, now: Micros) -> None:
        """Draw the timeline for another time; rows and cursor stay."""
        if self.picture is not None and self._panes.steps_width:
            self._lines = self._build(self.picture, RunView.TIMELINE, now)
            if self._lines is not None:
                self._panes.show_around(self._lines.head, self._notes(RunView.TIMELINE))
                self._panes.steps.show(self._lines, self._empty_text(RunView.TIMELINE))

    def visits_of_selected(self) -> tuple[Step | None, list[int]]:
        """Return the selected step, and the numbers of the events that began a visit of its node, in order."""
        step, picture = self._panes.steps.selected, self.picture
        if step is None or picture is None:
            return None, []
        visits = (picture.last or picture).index.visits_of(step)
        return step, sorted(filter(None, (visit.entered_event for visit in visits)))

    def time_at(self, cell: int) -> Micros | None:
        """Return the last time in a cell of the time axis, counted from the left edge of the steps; None beside it."""
        if not isinstance(self._lines, TimelineLines):
            return None
        timeline = self._lines.timeline
        cell -= timeline.name_cells + GAP_CELLS
        is_inside = 0 <= cell < timeline.axis.width
        return timeline.axis.time_at((cell + 1) * HALVES_PER_CELL) - 1 if is_inside else None

    def zoom(self, factor: float, now: Micros) -> str:
        """Show a part of the run `factor` times as long around the selected step.

        Returns why nothing changed; empty if it did.
        """
        if not isinstance(self._lines, TimelineLines):
            return "no timeline is shown"
        axis, before = self._lines.timeline.axis, self.window
        self.window = zoom(axis, self._middle(now), factor)
        if self.window == axis.whole:
            self.window = None
        if self.window == before:
            return "all of the run is shown" if before is None else "a cell is 1 ms already"
        self.show(RunView.TIMELINE, now)
        return ""

    def zoom_to_step(self, now: Micros) -> str:
        """Show all of the run if a part is shown, else the selected step. Returns why nothing changed."""
        if not isinstance(self._lines, TimelineLines):
            return "no timeline is shown"
        step, self.window = self._panes.steps.selected, None if self.window is not None else self._window_of_step(now)
        if self.window is None and not self._lines.timeline.axis.is_zoomed:
            return "no step is selected" if step is None else "the selected step takes all of the run"
        self.show(RunView.TIMELINE, now)
        return ""

    def _window_of_step(self, now: Micros) -> Stretch | None:
        """Return the time of the selected step, with a little before and after; None if that is all of the run."""
        step = self._panes.steps.selected
        times = None if step is None else step_times(step, self._model.steps, now)
        if times is None or not isinstance(self._lines, TimelineLines):
            return None
        begin, end = times
        axis = self._lines.timeline.axis
        shortest = axis.width * MICROS_PER_MS
        beside = max((end - begin) // STEP_MARGIN_SHARE, (shortest - (end - begin)) // 2, 0)
        window = clamp_window(Stretch(begin - beside, max(end + beside, begin - beside + shortest)), axis.whole)
        return None if window == axis.whole else window

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

    def show_inspector(self, links: Sequence[str]) -> None:
        """Show the selected step in the inspector, and where `x` leads."""
        step, picture = self._panes.steps.selected, self.picture
        if picture is None:
            self._panes.inspector.show([], is_other=True)
            return
        inspected = None if step is None else f"{picture.run.execution_id} {step_id(step)}"
        is_other, self._inspected = inspected != self._inspected, inspected
        sections = [] if step is None else self._sections(picture, step, links)
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
        target = self._model.next_failed(-1 if here is None else here.index, by)
        if target is None:
            return False
        self._model.reveal(target.index)
        self.show(view, now, target)
        return True

    def _sections(self, picture: RunPicture, step: Step, links: Sequence[str]) -> list[Section]:
        notes, moment = self._notes_of(step, links), picture.moment
        if moment is None:
            return step_sections(picture.run, picture.index, step, notes)
        if moment.phase(step) is Phase.LATER:
            return later_sections(step, notes)
        return step_sections(picture.run, picture.index.as_of(moment.number), moment.step(step), notes)

    def _first_step(self, picture: RunPicture) -> Step | None:
        """Return the step to go to, if the cursor should go to another one."""
        if picture.moment is not None:
            return self._model.step_of_event(picture.moment.number)
        if not self.follows:
            return None
        if self._visit is not None:
            found, self._visit = self._model.step_of_visit(*self._visit), None
            self.follows = False
        elif self._node is not None:
            found, self._node = self._model.step_of_node(*self._node), None
            self.follows = False
        else:
            found = picture.first
            self.follows = not picture.steps.is_over
        return None if found is None else picture.steps.step(found)

    def _build(self, picture: RunPicture, view: RunView, now: Micros) -> StepLines | None:
        width, ascii_only = self._panes.steps_width, self._panes.app.has_class(ASCII_CLASS)
        model = self._model
        if view is RunView.ORDER:
            return OrderLines(model.steps, width, picture.moment)
        if view is RunView.FLOW:
            flow = picture.flow
            if flow is None:
                return None
            return FlowLines(flow, flow_rows(flow, width, ascii_only=ascii_only), model.steps, picture.moment)
        timeline = layout_timeline(
            model.steps,
            model.rows,
            width,
            now,
            folds_idle=self.folds_idle,
            window=self.window,
            gaps=self.gaps,
            ascii_only=ascii_only,
            facts=picture.facts,
        )
        return TimelineLines(timeline, picture.moment, self.new_count)

    def _row_of(self, view: RunView, step: Step | None, row_id: str | None) -> int:
        """Return the row with an id, or else that of the step; the top one if it has none."""
        if self._lines is None:
            return 0
        if view is RunView.TIMELINE:
            row = self._model.row_of_id(row_id)
            if row is None and step is not None and step.index < len(self._model.steps.steps):
                row = self._model.row_of_step(step.index)
            return row or 0
        if view is RunView.ORDER:
            # Steps without a visit come last: the others are in their own rows.
            return 0 if step is None else min(step.index, max(0, len(self._lines) - 1))
        for row in range(len(self._lines)):
            other = self._lines.step(row)
            is_same = other is not None and step is not None and other.index == step.index
            if is_same or (step is not None and self._is_node(row, step)):
                return row
        return 0

    def _is_node(self, row: int, step: Step) -> bool:
        return isinstance(self._lines, FlowLines) and self._lines.node_id(row) == step.node_id

    def _notes(self, view: RunView) -> list[Line]:
        notes = []
        if view is RunView.TIMELINE and isinstance(self._lines, TimelineLines):
            # What is inferred is always so, and the inspector says it too: what is unusual comes first.
            notes = sorted(note_lines(self._lines.timeline), key=lambda note: INFERRED in note)
        if self.picture is not None and self.picture.is_partial:
            notes.insert(0, PARTIAL)
        text, max_lines = " · ".join(notes), 1 if self._panes.is_low else MAX_NOTE_LINES
        lines = wrap(text, max(1, self._panes.steps_width), max_lines) if text else []
        return [[(line, "grey")] for line in lines]

    def _notes_of(self, step: Step, links: Sequence[str]) -> StepNotes:
        """Return what the flow and other runs say about the node of a step, and its links."""
        found = self.context.nodes.get(step.key)
        usual, slow = "" if found is None else found.text, self.slow.get(step.entered_event, "")
        notes = StepNotes(links=links, usual=usual, slow=slow if step.entered_event else "")
        flow = None if self.picture is None else self.picture.flow
        if flow is None or step.node_id is None or step.node_id not in flow.graph.by_id:
            return notes
        ascii_only = self._panes.app.has_class(ASCII_CLASS)
        if not isinstance(self._lines, FlowLines):
            return replace(notes, name=flow.graph.by_id[step.node_id].label)
        width = max(40, self._panes.inspector.size.width - 4)
        lines = ways_lines(flow, step.node_id, width, ascii_only=ascii_only)
        # The name of the node is in the first line of the inspector.
        name = f"{display_name(step.node_id)}  "
        ways = ["".join(text for text, _ in line).removeprefix(name) for line in lines]
        return replace(notes, ways=ways, name=flow.graph.by_id[step.node_id].label)

    def _empty_text(self, view: RunView) -> str:
        if view is RunView.FLOW and (self.picture is None or self.picture.flow is None):
            return "no flow is known of this Core"
        return "no node entered yet"
