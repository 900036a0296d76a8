"""The screen of one run: its steps on a time axis, in order or in the flow, events, input and output."""

from __future__ import annotations

from functools import partial

from msgspec.structs import replace
from textual.app import ComposeResult

from scaicore_tui.analysis.event_pages import EventPage
from scaicore_tui.analysis.run_history import copy_run
from scaicore_tui.analysis.steps import Step
from scaicore_tui.analysis.usual import NO_CONTEXT
from scaicore_tui.runs import Delta
from scaicore_tui.runs.deep_link import DeepLink
from scaicore_tui.runs.model import NodeKey
from scaicore_tui.session import submission_of
from scaicore_tui.tui.key_contexts import KeyContext
from scaicore_tui.tui.key_queue import Debouncer
from scaicore_tui.tui.messages import (
    PictureShown,
    RunsNeeded,
)
from scaicore_tui.tui.picture_loader import STEPS_GROUP, PictureLoader
from scaicore_tui.tui.render.line import Span
from scaicore_tui.tui.render.run_head import RunFacts, fact_lines, title_spans, view_line
from scaicore_tui.tui.run_list_model import RunListModel
from scaicore_tui.tui.run_messages import EventsNeeded, EventsRead, FlowNeeded, FlowRead
from scaicore_tui.tui.run_picture import RunPicture
from scaicore_tui.tui.run_steps_model import RunView
from scaicore_tui.tui.screens.run_steps import ShownSteps
from scaicore_tui.tui.screens.run_views import ViewsScreen
from scaicore_tui.tui.state import AppState
from scaicore_tui.tui.widgets.bars import Heading, TextLines
from scaicore_tui.units import Micros

# The inspector follows the cursor once that has rested so long.
CURSOR_REST_S = 0.15
ZOOM_FACTOR = 0.5
# Keys that work while the run is being loaded: those that leave it, and those that do not act on it.
FREE_KEYS = frozenset({"escape", "q", "question_mark", "ctrl+p", "p", "r", "P", "t", "i", "ctrl+l", "ctrl+z", "a", "c"})
# The number of an event that is after all others.
_NEWEST = 2**62
_SIDE_CELLS = 2


class RunScreen(ViewsScreen):
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
        view: RunView = RunView.TIMELINE,
        link: DeepLink | None = None,
    ) -> None:
        super().__init__(state, execution_id, node, view)
        self._link = link
        if link is not None and link.node_id is not None:
            self._steps.select_visit(link.node_id, link.visit)
        self._listed = listed
        self._heading = Heading()
        self._facts = TextLines(id="facts")
        self._view_line = TextLines()
        self._moment_line = TextLines()
        self._inspector = Debouncer(self._panes.steps, self._show_inspector, CURSOR_REST_S)
        # The newest events, asked for while the run is loaded; None before they were.
        self._newest: EventsNeeded | None = None
        self._loader = PictureLoader(partial(self.run_worker, group=STEPS_GROUP), self._show_picture)

    @property
    def key_context(self) -> KeyContext:
        return KeyContext.COMPARE if self.is_comparing else KeyContext.DETAIL

    def is_waiting_for(self, key: str) -> bool:
        """Return True if `key` must wait: it acts on the run, of which nothing is shown yet."""
        if key in FREE_KEYS or self.focused is not None:
            return super().is_waiting_for(key)
        return self._is_empty or super().is_waiting_for(key)

    @property
    def _is_empty(self) -> bool:
        """True while the first picture, or the first page of events, is awaited."""
        if self._view is RunView.EVENTS:
            return self._events.is_reading
        if self.is_comparing:
            return self.is_first_comparison_awaited
        run = self.current_run
        return run is not None and self._steps.picture is None and (self._loader.is_waiting or run.is_loading)

    def compose_body(self) -> ComposeResult:
        yield self._heading
        yield self._facts
        yield self._view_line
        yield self._search_bar
        yield self._moment_bar
        yield self._panes
        yield self._compare_panes
        yield self._moment_line

    def on_mount(self) -> None:
        """Show the run once the layout is known."""
        super().on_mount()
        self._relayout()
        self._show_panes()
        self._read()
        self.call_after_refresh(self._show_run)
        if self._link is not None and self._link.event is not None:
            self.go_to_event(self._link.event)

    def on_resize(self) -> None:
        """Lay out for the new size."""
        self._relayout()
        super().on_resize()
        self.call_after_refresh(self._show_again)

    def apply_delta(self, delta: Delta) -> None:
        """Show the run again if it, its replay relations, its checkpoint or its gaps may have changed."""
        self.follow_partner(delta)
        if delta.concerns(self._execution_id) and self._time_cursor is None:
            self._read()
            self._show_run()
        elif self._time_cursor is None and not delta.is_loaded and self.awaits_sub_run:
            self._read()
        elif submission_of(delta) is not None or delta.checkpoints is not None:
            self._show_head()
        if self._time_cursor is not None and self.new_count != self._steps.new_count:
            self._steps.new_count = self.new_count
            self._moment_line.show(self.moment_lines())
            self._steps.show(self._view, self.shown_time)
        super().apply_delta(delta)

    def tick(self) -> None:
        """Let open bars grow."""
        if self._view is RunView.TIMELINE and self._steps.grows:
            self._steps.show_timeline(self.shown_time)
        super().tick()

    def show_events(self, read: EventsRead) -> None:
        """Show the events of this run that this screen asked for last."""
        page = read.page
        if read.request is self._events.request:
            if self._view is RunView.EVENTS:
                self._events.show(page)
                self._show_head()
        elif read.request is self._newest:
            self._show_newest(page)

    def _show_newest(self, page: EventPage) -> None:
        """Show the newest events of a run that is being loaded."""
        run = self.current_run
        if run is not None and run.is_loading and run.event_count > len(page.rows):
            self._loader.load_newest(run, [row.event for row in page.rows])

    def show_flow(self, read: FlowRead) -> None:
        """Show the flow of this run, and what it says about the steps."""
        if read.execution_id == self._execution_id:
            self._steps.flow = read.view
            self._show_run()

    def refresh_chrome(self) -> None:
        """Redraw the bars and the head."""
        self._show_head()
        super().refresh_chrome()

    def refresh_position(self) -> None:
        """Redraw nothing: neither the bars nor the head depend on the cursor."""

    def set_dimmed(self, *, runs: bool, checkpoints: bool) -> None:
        """Dim a stale run."""
        self._panes.set_dimmed(dimmed=runs)
        self._compare_panes.set_dimmed(dimmed=runs)

    def leave(self) -> None:
        """Give the keys back to the steps; from there go back."""
        if self.is_comparing and self._compare_panes.is_inspecting:
            self._inspect_values(inspecting=False)
        elif self.return_to_now():
            return
        elif self.is_comparing and self._view_before is not None:
            self._set_view(self._view_before)
        elif self._panes.is_enlarged:
            self.action_enlarge()
        elif self._panes.is_inspecting:
            self.focus_inspector(inspecting=False)
        else:
            self.dismiss()

    def on_step_selected(self) -> None:
        """Show the step under the cursor."""
        now = self.state.session.clock.monotonic()
        if self.is_comparing:
            self._values.request(now)
            return
        self._steps.follows = False
        self._inspector.request(now)

    def on_step_opened(self) -> None:
        """Fold or unfold the row under the cursor; without anything to fold, go to the inspector."""
        if self.is_comparing:
            self._inspect_values(inspecting=True)
        elif not self._steps.toggle(self._view, self.shown_time):
            self.focus_inspector(inspecting=True)

    def action_fold(self) -> None:
        self.active_list.open_row()

    def action_next_error(self) -> None:
        self._go_to_error(1, "further down")

    def action_previous_error(self) -> None:
        self._go_to_error(-1, "further up")

    def action_zoom_in(self) -> None:
        self._zoom("zoom_in", ZOOM_FACTOR)

    def action_zoom_out(self) -> None:
        self._zoom("zoom_out", 1 / ZOOM_FACTOR)

    def action_whole_run(self) -> None:
        self._zoom("whole_run", None)

    def action_enlarge(self) -> None:
        """Show only the pane with the keys, or both again."""
        if self._view.shows_steps:
            self._panes.enlarge(is_enlarged=not self._panes.is_enlarged)
            self.call_after_refresh(self._show_again)
        else:
            self.show_message(f"{self.key_of('enlarge')}: this view has all of the screen already", "amber")

    def action_idle(self) -> None:
        self.show_message(f"{self.key_of('idle')}: {self._steps.toggle_idle(self.shown_time)}")

    @property
    def link(self) -> DeepLink | None:
        """The link to the selected visit, as of the event that is shown."""
        base, step, cursor = super().link, self.selected_step, self._time_cursor
        if base is None:
            return None
        event = None if cursor is None else cursor.number
        if step is None or step.node_id is None:
            return replace(base, event=event)
        return replace(base, node_id=step.node_id, visit=self._steps.visit_number(step), event=event)

    def open_run(self, execution_id: str) -> None:
        self.app.push_screen(RunScreen(self.state, execution_id, self._listed))

    def context_changed(self) -> None:
        self._show_head()
        self._show_inspector()

    def action_newer_run(self) -> None:
        if self.is_comparing:
            self.choose_partner("newer_run", -1)
            return
        self._go_to_run(-1, self.key_of("newer_run"), "this is the newest run of the list")

    def action_older_run(self) -> None:
        if self.is_comparing:
            self.choose_partner("older_run", 1)
            return
        self._go_to_run(1, self.key_of("older_run"), "this is the oldest run of the list")

    def _read(self) -> None:
        """Ask for the flow, and for what other runs say about this one; while it is loaded, for its newest events."""
        run = self.current_run
        if run is None:
            return
        if not run.is_loading:
            self.post_message(FlowNeeded(copy_run(run)))
        elif self._view is not RunView.EVENTS:
            self._newest = EventsNeeded(self._execution_id, id(self), _NEWEST)
            self.post_message(self._newest)

    def show_moment(self) -> None:
        """Show the run as of another event, with the step of that event selected; or as it is now."""
        self._steps.new_count = self.new_count
        if self._time_cursor is None:
            self._read()
        self._show_run()
        self._moment_line.show(self.moment_lines())
        self.refresh_chrome()

    @property
    def is_behind(self) -> bool:
        cursor, picture = self._time_cursor, self._steps.picture
        moment = None if picture is None else picture.moment
        return cursor is not None and (moment is None or moment.number != cursor.number)

    def visits_of_selected(self) -> tuple[Step | None, list[int]]:
        return self._steps.visits_of_selected()

    def time_at(self, cell: int) -> Micros | None:
        return self._steps.time_at(cell)

    def _show_run(self) -> None:
        """Ask for the picture of the run; short ones are shown at once."""
        run, cursor, flow = self.current_run, self._time_cursor, self._steps.flow
        is_complete = not self.state.missing_events(self._execution_id)
        if run is None:
            self._show_again()
        elif cursor is not None:
            last = self._steps.picture
            self._loader.load_past(cursor, flow, last.last if last is not None else None, is_complete=is_complete)
        elif not run.is_loading:
            self._loader.load_run(run, flow, is_complete=is_complete)
        if self._steps.picture is None:
            self._steps.show_nothing("" if run is None else f"reading {run.event_count:,} events…")
            self._show_again()

    def _show_picture(self, picture: RunPicture) -> None:
        """Show a picture, unless another run or another time is shown by now."""
        is_past = self._time_cursor is not None
        if picture.run.execution_id != self._execution_id or is_past != (picture.moment is not None):
            return
        self._past_run = picture.run if is_past else None
        self._steps.gaps = self.state.gaps_within(self._execution_id)
        self._steps.load(picture, self._view, self.shown_time)
        self._moment_line.show(self.moment_lines())
        self._show_head()
        self._show_inspector()
        if not self._view.shows_steps:
            self.show_values(is_other=False)
        self.post_message(PictureShown())

    def _show_again(self) -> None:
        """Show the same picture again, for another size."""
        self._steps.show(self._view, self.shown_time)
        self._show_head()
        self._show_inspector()
        if not self._view.shows_steps:
            self.show_values(is_other=False)

    def _show_head(self) -> None:
        run, now, picture = self.shown_run, self.moment_s, self._steps.picture
        asked = self.state.checkpoint_of(run) if self._time_cursor is None else None
        since = asked.created if asked is not None else None
        position = "" if self.is_comparing else self._position_in_list
        first: list[Span] = [("A  ", "accent strong")] if self.is_comparing else []
        self._heading.show([*first, *title_spans(run, now, since)], [(position, "grey")], active=True)
        width = self.app.size.width
        self._view_line.show([view_line(self._view, run, width, self._events.count_text)])
        if run is not None:
            # As of a time in the past, the duration of an open step tells nothing.
            slow = () if self._time_cursor is not None else self.state.slow_hints(run, self._past_context.figures)
            self._steps.slow = {hint.entered_event: hint.text for hint in slow}
            facts = RunFacts(
                asked,
                self.state.replay_relations(self._execution_id),
                self.state.missing_events(self._execution_id),
                self._past_context,
                0 if picture is None else picture.retries,
                slow,
            )
            is_hidden = self.is_comparing and self._panes.is_low
            self._facts.show(
                [] if is_hidden else fact_lines(run, facts, now, width - _SIDE_CELLS, is_low=self._panes.is_low)
            )

    @property
    def _position_in_list(self) -> str:
        row = None if self._listed is None else self._listed.row_of(self._execution_id)
        return "" if self._listed is None or row is None else f"run {row + 1:,} of {len(self._listed):,}  [ ]"

    def _show_inspector(self) -> None:
        if self._view is RunView.TIMELINE:
            self._steps.keep_in_window(self.shown_time)
        self._steps.show_inspector([link.label for link in self.links])

    def _set_view(self, view: RunView) -> None:
        was_events, self._view, self._view_before = self._view is RunView.EVENTS, view, None
        self._show_panes()
        if was_events and self._steps.picture is None:
            self._read()
        if view.shows_steps:
            self._steps.show(view, self.shown_time)
            self._show_inspector()
        else:
            self.show_values(is_other=True)
        self.refresh_chrome()

    def _zoom(self, action: str, factor: float | None) -> None:
        if self._view is not RunView.TIMELINE:
            self._set_view(RunView.TIMELINE)
        steps, now = self._steps, self.shown_time
        reason = steps.zoom_to_step(now) if factor is None else steps.zoom(factor, now)
        if reason:
            self.show_message(f"{self.key_of(action)}: {reason}")

    def focus_inspector(self, *, inspecting: bool) -> None:
        """Give the keys to the inspector, or to the steps."""
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
        self._time_cursor = self._past_run = self._first_travel = None
        self._past_context = NO_CONTEXT
        self._loader.reset()
        self._moment_line.show([])
        self._events.clear()
        self.forget_comparison()
        self._steps = ShownSteps(self._panes, None)
        self._panes.inspect(inspecting=False)
        self._read()
        if self._view is RunView.EVENTS:
            self.show_values(is_other=True)
        self._show_run()
        self.refresh_chrome()
