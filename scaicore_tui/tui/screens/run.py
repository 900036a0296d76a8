"""The screen of one run: its steps on a time axis, in order or in the flow, events, input and output."""

from __future__ import annotations

from textual.app import ComposeResult

from scaicore_tui.analysis.run_history import copy_run
from scaicore_tui.analysis.usual import NO_CONTEXT
from scaicore_tui.runs import Delta
from scaicore_tui.runs.model import NodeKey
from scaicore_tui.session import submission_of
from scaicore_tui.text import clipboard_text, editable_json, quote
from scaicore_tui.timefmt import to_seconds
from scaicore_tui.tui.key_queue import Debouncer
from scaicore_tui.tui.keymap import KeyContext
from scaicore_tui.tui.messages import (
    CopyText,
    EventsRead,
    FilterClosed,
    FilterTyped,
    FlowNeeded,
    FlowRead,
    RunsNeeded,
)
from scaicore_tui.tui.render.run_head import RunFacts, fact_lines, title_spans, view_line
from scaicore_tui.tui.render.step_detail import input_sections, output_sections, step_value
from scaicore_tui.tui.render.value_rows import NO_VALUE, Section
from scaicore_tui.tui.run_list_model import RunListModel
from scaicore_tui.tui.run_steps_model import RunView
from scaicore_tui.tui.screens.run_events import ShownEvents
from scaicore_tui.tui.screens.run_linked import LinkedScreen
from scaicore_tui.tui.screens.run_steps import ShownSteps
from scaicore_tui.tui.state import AppState
from scaicore_tui.tui.widgets.bars import Heading, TextLines
from scaicore_tui.tui.widgets.inputs import SearchBar
from scaicore_tui.tui.widgets.row_list import RowList
from scaicore_tui.tui.widgets.value_list import ValueList

# The inspector follows the cursor once that has rested so long.
CURSOR_REST_S = 0.15
ZOOM_FACTOR = 0.5
# Keys that work while the run is being loaded: those that leave it, and those that do not act on it.
FREE_KEYS = frozenset({"escape", "q", "question_mark", "ctrl+p", "p", "r", "P", "t", "i", "ctrl+l", "ctrl+z", "a", "c"})
COPY_ID_KEY = "ctrl+y"
_SIDE_CELLS = 2


class RunScreen(LinkedScreen):
    """One run, updated while it goes on."""

    DEFAULT_CSS = """
    RunScreen #facts { padding: 0 1; }
    """

    def __init__(
        self,
        state: AppState,
        execution_id: str,
        listed: RunListModel | None = None,
        node: NodeKey | None = None,
    ) -> None:
        super().__init__(state, execution_id, node)
        self._listed = listed
        self._view = RunView.TIMELINE
        self._heading = Heading()
        self._facts = TextLines(id="facts")
        self._view_line = TextLines()
        self._search_bar = SearchBar()
        self._needle = ""
        self._moment_line = TextLines()
        self._events = ShownEvents(self._panes.values, self.post_message)
        self._inspector = Debouncer(self, self._show_inspector, CURSOR_REST_S)

    @property
    def key_context(self) -> KeyContext:
        return KeyContext.DETAIL

    @property
    def active_list(self) -> RowList:
        return self._panes.active

    def is_waiting_for(self, key: str) -> bool:
        """Return True if `key` must wait: it acts on the run, which is being loaded."""
        if key in FREE_KEYS or self.focused is not None:
            return super().is_waiting_for(key)
        run, is_reading = self.current_run, self._view is RunView.EVENTS and self._events.is_reading
        return is_reading or (run is not None and run.is_loading) or super().is_waiting_for(key)

    def compose_body(self) -> ComposeResult:
        yield self._heading
        yield self._facts
        yield self._view_line
        yield self._search_bar
        yield self._panes
        yield self._moment_line

    def on_mount(self) -> None:
        """Show the run once the layout is known."""
        super().on_mount()
        self._panes.relayout()
        self._panes.show_kind(values=False)
        self._read()
        self.call_after_refresh(self._show_run)

    def on_resize(self) -> None:
        """Lay out for the new size."""
        self._panes.relayout()
        super().on_resize()
        self.call_after_refresh(self._show_run)

    def apply_delta(self, delta: Delta) -> None:
        """Show the run again if it, its replay relations, its checkpoint or its gaps may have changed."""
        if delta.concerns(self._execution_id) and self._time_cursor is None:
            self._read()
            self._show_run()
        elif self._time_cursor is None and not delta.is_loaded and self.awaits_sub_run:
            self._read()
        elif submission_of(delta) is not None or delta.checkpoints is not None:
            self._show_head()
        super().apply_delta(delta)

    def tick(self) -> None:
        """Let open bars grow."""
        if self._view is RunView.TIMELINE and not self._steps.is_over:
            self._steps.show_timeline(self.shown_time)
        super().tick()

    def show_events(self, read: EventsRead) -> None:
        """Show the events of this run that were read from the journal."""
        if read.execution_id == self._execution_id and self._view is RunView.EVENTS:
            self._events.show(read.page)
            self._show_head()

    def show_flow(self, read: FlowRead) -> None:
        """Show the flow of this run, and what it says about the steps."""
        if read.execution_id == self._execution_id:
            self._steps.flow = read.view
            self._show_run()

    def refresh_chrome(self) -> None:
        """Redraw the bars and the head."""
        self._show_head()
        super().refresh_chrome()

    def set_dimmed(self, *, runs: bool, checkpoints: bool) -> None:
        """Dim a stale run."""
        self._panes.set_dimmed(dimmed=runs)

    def leave(self) -> None:
        """Give the keys back to the steps; from there go back."""
        if self.return_to_now():
            return
        if self._panes.is_inspecting:
            self._focus_inspector(inspecting=False)
        else:
            self.dismiss()

    def on_step_selected(self) -> None:
        """Show the step under the cursor."""
        self._steps.follows = False
        self._inspector.request(self.state.session.clock.monotonic())

    def on_step_opened(self) -> None:
        """Fold or unfold the row under the cursor; without anything to fold, go to the inspector."""
        if not self._steps.toggle(self._view, self.shown_time):
            self._focus_inspector(inspecting=True)

    def action_fold(self) -> None:
        self.active_list.open_row()

    def action_next_pane(self) -> None:
        self._focus_inspector(inspecting=not self._panes.is_inspecting)

    def action_next_error(self) -> None:
        self._go_to_error(1, "further down")

    def action_previous_error(self) -> None:
        self._go_to_error(-1, "further up")

    def action_view(self) -> None:
        self._set_view(self._view.next)

    def action_view_timeline(self) -> None:
        self._set_view(RunView.TIMELINE)

    def action_view_order(self) -> None:
        self._set_view(RunView.ORDER)

    def action_view_flow(self) -> None:
        self._set_view(RunView.FLOW)

    def action_view_events(self) -> None:
        self._set_view(RunView.EVENTS)

    def action_view_input(self) -> None:
        self._set_view(RunView.INPUT)

    def action_view_output(self) -> None:
        self._set_view(RunView.OUTPUT)

    def action_zoom_in(self) -> None:
        self._zoom("+", ZOOM_FACTOR)

    def action_zoom_out(self) -> None:
        self._zoom("-", 1 / ZOOM_FACTOR)

    def action_whole_run(self) -> None:
        self._zoom("=", None)

    def action_idle(self) -> None:
        self.show_message(f"I: {self._steps.toggle_idle(self.shown_time)}")

    def action_filter(self) -> None:
        """Search in the values that are shown; beside steps, in those of the selected step."""
        if self._view.shows_steps:
            self._focus_inspector(inspecting=True)
        self._search_bar.open()

    def on_filter_typed(self, typed: FilterTyped) -> None:
        """Go to the first match, from the current value on; events are filtered."""
        self._needle = typed.needle
        if self._view is RunView.EVENTS:
            self._events.filter(typed.needle)
        elif typed.needle:
            self._searched.search(typed.needle, 1, from_here=True)

    def on_filter_closed(self, closed: FilterClosed) -> None:
        """Give the keys back; escape drops what was typed."""
        self.set_focus(None)
        if not closed.kept:
            self._needle = ""
            if self._view is RunView.EVENTS:
                self._events.filter("")
        self.refresh_chrome()

    def on_value_selected(self) -> None:
        """Read other events as the cursor comes near to the end of those that are shown."""
        if self._view is RunView.EVENTS:
            self._events.moved()

    def action_first(self) -> None:
        if self._view is RunView.EVENTS:
            self._events.go_to(1)
        super().action_first()

    def action_last(self) -> None:
        if self._view is RunView.EVENTS and self.shown_run is not None:
            self._events.go_to(self._through or self.shown_run.event_count + self.shown_run.duplicates)
        super().action_last()

    def action_next_match(self) -> None:
        self._go_to_match("n", 1)

    def action_previous_match(self) -> None:
        self._go_to_match("N", -1)

    def action_copy(self) -> None:
        """Copy the value at the cursor; in the list of steps the result of the step, or its error."""
        rows = self.active_list
        row = rows.selected if isinstance(rows, ValueList) else None
        if row is not None:
            label, value = row.label, row.value
        else:
            label, value = step_value(self.selected_step)
        if value is NO_VALUE:
            self.show_message(f"y: no value in this row; {COPY_ID_KEY} copies the id of the run", "amber")
        else:
            text = clipboard_text(value) if isinstance(value, str) else editable_json(value)
            self.app.post_message(CopyText(label, text))

    def action_copy_id(self) -> None:
        """Copy the id of the run."""
        super().action_copy()

    @property
    def _searched(self) -> ValueList:
        """The list that is searched."""
        return self._panes.inspector if self._view.shows_steps else self._panes.values

    def _go_to_match(self, key: str, step: int) -> None:
        if not self._needle:
            self.show_message(f"{key}: nothing is searched; / searches")
        elif self._view is RunView.EVENTS:
            self.active_list.move(step)
        elif not self._searched.search(self._needle, step):
            self.show_message(f"{key}: {quote(self._needle)} is not in what is shown")
        self.refresh_chrome()

    def open_run(self, execution_id: str) -> None:
        self.app.push_screen(RunScreen(self.state, execution_id, self._listed))

    def context_changed(self) -> None:
        self._show_head()
        self._show_inspector()

    def action_newer_run(self) -> None:
        self._go_to_run(-1, "[", "this is the newest run of the list")

    def action_older_run(self) -> None:
        self._go_to_run(1, "]", "this is the oldest run of the list")

    def _read(self) -> None:
        """Ask for the flow, and for what other runs say about this one."""
        run = self.current_run
        if run is not None and not run.is_loading:
            self.post_message(FlowNeeded(copy_run(run)))

    def show_moment(self) -> None:
        """Show the run as of another event, with the step of that event selected; or as it is now."""
        cursor = self._time_cursor
        self._moment_line.show(self.moment_lines())
        if cursor is None:
            self._read()
        self._show_run()
        if cursor is not None:
            self._steps.select_event(cursor.number, self._view, self.shown_time)
            self._show_inspector()
        self.refresh_chrome()

    def _show_run(self) -> None:
        run = self.shown_run
        if run is not None and self._panes.steps.size.width:
            missing = self.state.missing_events(self._execution_id)
            self._steps.gaps = self.state.gaps_within(self._execution_id)
            self._steps.load(run, self._view, self.shown_time, missing)
        self._show_head()
        self._show_inspector()
        if self._view is RunView.EVENTS:
            self._events.refresh(self._execution_id, self._through)
        elif not self._view.shows_steps:
            self._show_values(is_other=False)

    @property
    def _through(self) -> int | None:
        """The number of the event at the time cursor, repeats included; None if the run is shown as it is now."""
        run = self.shown_run if self._time_cursor is not None else None
        return None if run is None else run.event_count + run.duplicates

    def _show_head(self) -> None:
        run, now = self.shown_run, self.state.now
        asked = self.state.checkpoint_of(run) if self._time_cursor is None else None
        since = asked.created if asked is not None else None
        # The ages of a run in the past are those of that time.
        at = now if self._time_cursor is None else to_seconds(self.shown_time)
        self._heading.show(title_spans(run, at, since), [(self._position_in_list, "grey")], active=True)
        width = self.app.size.width
        self._view_line.show([view_line(self._view, run, width, self._events.count_text)])
        if run is not None:
            facts = RunFacts(
                asked,
                self.state.replay_relations(self._execution_id),
                self.state.missing_events(self._execution_id),
                self._past_context,
                self._steps.retries,
            )
            self._facts.show(fact_lines(run, facts, at, width - _SIDE_CELLS, is_low=self._panes.is_low))

    @property
    def _position_in_list(self) -> str:
        row = None if self._listed is None else self._listed.row_of(self._execution_id)
        return "" if self._listed is None or row is None else f"run {row + 1:,} of {len(self._listed):,}  [ ]"

    def _show_inspector(self) -> None:
        run = self.shown_run
        if self._view is RunView.TIMELINE:
            self._steps.keep_in_window(self.shown_time)
        if run is not None:
            self._steps.show_inspector(run, [link.label for link in self.links])

    def _show_values(self, *, is_other: bool) -> None:
        self._panes.values.show(self._value_sections(), is_other=is_other)

    def _value_sections(self) -> list[Section]:
        run = self.shown_run
        if run is None:
            return []
        return input_sections(run) if self._view is RunView.INPUT else output_sections(run)

    def _set_view(self, view: RunView) -> None:
        self._view = view
        self._panes.show_kind(values=not view.shows_steps)
        if view.shows_steps:
            self._steps.show(view, self.shown_time)
            self._show_inspector()
        elif view is RunView.EVENTS:
            self._panes.values.show([], is_other=True)
            step, through = self.selected_step, self._through
            near = through or (0 if step is None else step.first_event) or 1
            self._events.ask(self._execution_id, through, near)
        else:
            self._show_values(is_other=True)
        self.refresh_chrome()

    def _zoom(self, key: str, factor: float | None) -> None:
        if self._view is not RunView.TIMELINE:
            self._set_view(RunView.TIMELINE)
        reason = self._steps.zoom(factor, self.shown_time)
        if reason:
            self.show_message(f"{key}: {reason}")

    def _focus_inspector(self, *, inspecting: bool) -> None:
        if self._view.shows_steps:
            self._inspector.flush()
            self._panes.inspect(inspecting=inspecting)
            self.call_after_refresh(self._panes.active.scroll_to_cursor)

    def _go_to_error(self, step: int, direction: str) -> None:
        if not self._view.shows_steps:
            self._set_view(RunView.TIMELINE)
        if self._steps.go_to_error(step, self._view, self.shown_time):
            self.on_step_selected()
        else:
            self.show_message(f"no failed step {direction}")

    def _go_to_run(self, by: int, key: str, end: str) -> None:
        """Show another run of the list."""
        row = None if self._listed is None else self._listed.row_of(self._execution_id)
        if self._listed is None or row is None:
            self.show_message(f"{key}: this run is not in the list", "amber")
            return
        if not 0 <= row + by < len(self._listed):
            self.show_message(f"{key}: {end}")
            return
        other = self._listed[row + by]
        if other is None:
            self.post_message(RunsNeeded([self._listed.position(row + by)]))
            self.show_message(f"{key}: that run is being loaded: press it again")
            return
        self._execution_id = other.execution_id
        self._time_cursor = self._first_move = None
        self._past_context = NO_CONTEXT
        self._moment_line.show([])
        self._events.clear()
        self._steps = ShownSteps(self._panes, None)
        self._panes.inspect(inspecting=False)
        self._read()
        self._show_run()
        self.refresh_chrome()
