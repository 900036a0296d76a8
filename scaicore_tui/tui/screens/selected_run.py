"""The part of the main screen about the selected run: its steps on a time axis, and the selected one of them."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING

from textual.timer import Timer

from scaicore_tui.runs import Run
from scaicore_tui.tui.key_queue import Debouncer
from scaicore_tui.tui.messages import RunSelected
from scaicore_tui.tui.render.line import Line, Span
from scaicore_tui.tui.run_list_model import RunListModel
from scaicore_tui.tui.run_messages import FactsRead
from scaicore_tui.tui.screens.checkpoint_base import CheckpointListScreen
from scaicore_tui.tui.screens.panes import Panes, run_heading_spans
from scaicore_tui.tui.screens.run_facts import RunFactsReader
from scaicore_tui.tui.state import AppState

if TYPE_CHECKING:
    from scaicore_tui.tui.picture_loader import PictureLoader
    from scaicore_tui.tui.run_picture import RunPicture

# The steps are redrawn once the cursor has rested this long: they are the largest part of the output.
CURSOR_REST_S = 0.15
# A run that is loaded within this time is painted once, complete: painting it in two steps costs bytes.
SLOW_LOAD_S = 0.25
# Longer runs are loaded only when they are selected.
MAX_PRELOADED_EVENTS = 2_000


class SelectedRunScreen(CheckpointListScreen):
    """Shows the steps of the run under the cursor, after the cursor was painted."""

    def __init__(self, state: AppState) -> None:
        super().__init__(state)
        self.run_list_model = RunListModel(state.session.query_context)
        self.panes = Panes(self.run_list_model, state.query_history)
        # The selected run changed while another screen was in front.
        self._shows_outdated = False
        self._node_debouncer = Debouncer(self.panes.runs, self._show_selected_nodes, CURSOR_REST_S)
        self._overdue_timer: Timer | None = None
        self._facts_reader = RunFactsReader(self.post_message)

    @property
    def selected_run(self) -> Run | None:
        """The run under the cursor of the run list."""
        selected = self.panes.runs.selected
        return None if selected is None else self.state.session.index.runs.get(selected.execution_id)

    @property
    def run_heading_spans(self) -> list[Span]:
        """Return the heading of the run whose nodes are shown."""
        run = self.panes.nodes.run
        pending = self.state.checkpoint_of(run)
        return run_heading_spans(run, self.state.now, pending.created if pending is not None else None)

    @cached_property
    def _loader(self) -> PictureLoader:
        """Makes the pictures of runs. Imported when the first one is shown: the list of runs appears sooner."""
        from scaicore_tui.tui.picture_loader import STEPS_GROUP, PictureLoader

        return PictureLoader(partial(self.run_worker, group=STEPS_GROUP), self._show_picture)

    def on_run_selected(self, selected: RunSelected) -> None:
        """Show the nodes of the run under the cursor."""
        if self.panes.runs.following:
            self.mark_selection_moved()
        self._node_debouncer.request(self.state.session.clock.monotonic())

    def _show_selected_nodes(self) -> None:
        self._show_nodes()
        self.refresh_chrome()

    def _show_nodes_in_front(self) -> None:
        """Show the nodes of the selected run, at once or when this screen is in front again."""
        self._shows_outdated = not self.is_in_front
        if self.is_in_front:
            self._show_nodes()

    def on_screen_resume(self) -> None:
        """Show what changed while another screen was in front."""
        if self._shows_outdated:
            self._show_nodes_in_front()
            self.refresh_chrome()

    def _show_nodes(self, *, is_overdue: bool = False) -> None:
        """Show the nodes of the selected run. A run that is being loaded is shown partial once that `is_overdue`."""
        run = self.selected_run
        if run is not None and run.is_loading and not is_overdue and self.panes.nodes.run is not None:
            if self._overdue_timer is None:
                self._overdue_timer = self.set_timer(SLOW_LOAD_S, self._show_overdue)
        elif run is None or run.is_loading:
            self._loader.reset()
            self._show_overview(run, None)
        else:
            self._loader.load_run(run, None, is_complete=False)
            self._load_neighbours()

    def _show_overdue(self) -> None:
        self._overdue_timer = None
        self._show_nodes(is_overdue=True)
        self.refresh_chrome()

    def _show_picture(self, picture: RunPicture) -> None:
        """Show the steps of a run, if it is still the selected one."""
        run = self.selected_run
        if run is not None and run.execution_id == picture.run.execution_id:
            self._show_overview(run, picture)

    def _show_overview(self, run: Run | None, picture: RunPicture | None) -> None:
        self.panes.nodes.show(run, picture, self.state.now)
        self._show_facts()
        self.show_axis()
        self._show_step()

    def on_overview_resized(self) -> None:
        """Fit the labels of the axis: on a narrow screen the steps were hidden until now."""
        self.show_axis()

    def show_axis(self) -> None:
        """Show the labels of the time axis above the steps."""
        nodes = self.panes.nodes
        self.panes.axis.show([[("  ", "text"), *nodes.axis]] if nodes.row_count else [])

    def _fact_lines(self, run: Run) -> list[Line]:
        """Return what is asked, the error and what is unusual; in a narrow list the rows tell the first two.

        Lines for what other runs say are reserved, so that nothing moves once that is read.
        """
        from scaicore_tui.tui.render.run_head import RunFacts, fact_lines, note_lines, past_lines

        state, width = self.state, max(1, self.panes.nodes.size.width - 1)
        facts = RunFacts(
            state.checkpoint_of(run),
            state.replay_relations(run.execution_id),
            state.missing_events(run.execution_id),
        )
        show = fact_lines if self.panes.is_wide else note_lines
        lines = show(run, facts, state.now, width)
        if self.panes.has_room:
            context = self._facts_reader.context_of(run)
            if context is not None:
                slow, first = state.slow_hints(run, context.figures), self._facts_reader.first_difference_of(run)
                facts = RunFacts(context=context, slow=slow, first_difference=first)
            lines += past_lines(run, facts, state.now, width, is_tall=self.panes.is_tall)
        return [[(" ", "text"), *line] for line in lines]

    def show_facts(self, read: FactsRead) -> None:
        """Show what other runs say about the run whose steps are shown."""
        self._facts_reader.take(read)
        self._show_facts()

    def _show_facts(self) -> None:
        run = self.panes.nodes.run
        self.panes.facts.show([] if run is None else self._fact_lines(run))

    def _request_facts(self) -> None:
        """Ask what other runs say about the run whose steps are shown, if there is room for it; show its age."""
        run, now = self.panes.nodes.run, self.state.now
        if run is not None and not run.is_loading and self.panes.has_room:
            self._facts_reader.request(run, now, compares=self.panes.is_tall)
        if self.state.session.known_until:
            self._facts_reader.request_slow(now)

    def _forget_slow(self) -> None:
        """Show no run as slow until that is read again."""
        self.panes.runs.set_slow({})
        self._facts_reader.forget()

    def _show_step(self) -> None:
        """Show the selected step below the others, if there is room."""
        panes = self.panes
        if not panes.shows_step:
            return
        from scaicore_tui.tui.render.step_detail import step_sections

        step, picture = panes.nodes.selected_step, panes.nodes.picture
        sections = [] if step is None or picture is None else step_sections(picture.run, picture.index, step)
        panes.step.show(sections, is_other=True)

    def on_step_selected(self) -> None:
        """Show the step under the cursor."""
        self._show_step()

    def _load_neighbours(self) -> None:
        """Load the runs above and below the cursor: the next key then shows its run at once, in one frame."""
        runs, cursor = self.state.session.index.runs, self.panes.runs.cursor
        for row in (cursor - 1, cursor + 1):
            summary = self.run_list_model[row] if 0 <= row < len(self.run_list_model) else None
            if summary is not None and summary.event_count <= MAX_PRELOADED_EVENTS:
                runs.get(summary.execution_id)
