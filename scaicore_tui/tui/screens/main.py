"""The main screen: runs, the nodes of the selected run, pending checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.timer import Timer

from scaicore_tui.actions import Kind, Submission, gate
from scaicore_tui.runs import Delta, Run
from scaicore_tui.session import submission_of
from scaicore_tui.text import one_line
from scaicore_tui.tui.key_queue import Debouncer
from scaicore_tui.tui.keymap import KeyContext
from scaicore_tui.tui.messages import (
    FiguresRead,
    FilterClosed,
    LoadHistory,
    QueriesNeeded,
    QueriesRead,
    QueryTyped,
    RecheckRuns,
    RunOpened,
    RunSelected,
    RunsFound,
    RunsRechecked,
    SearchRuns,
    ValuesCounted,
)
from scaicore_tui.tui.render.line import Line, Span
from scaicore_tui.tui.run_list_model import RunListModel, View
from scaicore_tui.tui.screens.checkpoint_base import CheckpointListScreen
from scaicore_tui.tui.screens.panes import Panes, run_heading_spans
from scaicore_tui.tui.screens.period import Period
from scaicore_tui.tui.state import AppState
from scaicore_tui.tui.widgets.checkpoint_list import CheckpointList
from scaicore_tui.tui.widgets.line_view import ASCII_CLASS
from scaicore_tui.tui.widgets.row_list import RowList

if TYPE_CHECKING:
    from scaicore_tui.analysis.query import Query
    from scaicore_tui.tui.picture_loader import PictureLoader
    from scaicore_tui.tui.run_picture import RunPicture

# The node list is redrawn once the cursor has rested this long: it is the largest part of the output.
CURSOR_REST_S = 0.15
# A run that is loaded within this time is painted once, complete: painting it in two steps costs bytes.
SLOW_LOAD_S = 0.25
# Longer runs are loaded only when they are selected.
MAX_PRELOADED_EVENTS = 2_000
# Keys that act on the selected run, and keys that work while a filter is searched.
SELECTION_KEYS = frozenset({"enter", "a", "c", "R", "y", "Y"})
SEARCH_KEYS = frozenset({"escape", "q", "slash"})
# Ages in rows change together, at this interval: one repaint costs fewer bytes than many.
AGE_REFRESH_S = 5
# The group of the workers that prepare the steps of long runs.
STEPS_GROUP = "steps"


class MainScreen(CheckpointListScreen):
    """Three panes: runs, nodes, checkpoints."""

    def __init__(self, state: AppState) -> None:
        super().__init__(state)
        self.run_list_model = RunListModel(state.session.query_context)
        self.panes = Panes(self.run_list_model, state.query_history)
        # Whether history and saved views were read; the name of the saved view that is shown.
        self._has_queries = False
        self._saved_view: str | None = None
        self._replay_runs: dict[str, str] = {}
        self._node_debouncer = Debouncer(self.panes.runs, self._show_selected_nodes, CURSOR_REST_S)
        self._period = Period(self.post_message)
        self._overdue_timer: Timer | None = None
        self._age_step = 0

    @property
    def key_context(self) -> KeyContext:
        return self.panes.active_context

    @property
    def active_list(self) -> RowList:
        return self.panes.lists[self.key_context]

    @property
    def current_run(self) -> Run | None:
        """The run of the selected row in the active pane."""
        if self.key_context is KeyContext.CHECKPOINTS:
            return self.run_of_checkpoint
        shown = self.panes.nodes.run
        if self.key_context is KeyContext.NODES and shown is not None:
            return self.state.session.index.runs.get(shown.execution_id)
        return self.selected_run

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

    @property
    def inbox(self) -> CheckpointList:
        return self.panes.inbox

    @cached_property
    def _loader(self) -> PictureLoader:
        """Makes the pictures of runs. Imported when the first one is shown: the list of runs appears sooner."""
        from scaicore_tui.tui.picture_loader import PictureLoader

        return PictureLoader(partial(self.run_worker, group=STEPS_GROUP), self._show_picture)

    def compose_body(self) -> ComposeResult:
        yield self.panes

    def on_mount(self) -> None:
        """Show the runs and checkpoints known so far."""
        super().on_mount()
        self.panes.focus_pane(KeyContext.RUNS)
        self.apply_delta(self.state.session.everything())

    def on_resize(self) -> None:
        """Lay out for the new size."""
        self.panes.relayout()
        super().on_resize()
        self._period.mark_outdated()
        self._period.request(self.state.now, self.size.width)

    def apply_delta(self, delta: Delta) -> None:
        """Update the panes that the change concerns."""
        submission = submission_of(delta)
        if delta.has_runs:
            self._period.mark_outdated()
            self._update_runs(delta)
        if delta.checkpoints is not None or submission is not None:
            self.show_inbox()
        if submission is not None:
            self.panes.runs.set_replay_marks(self.state.replay_progress())
            self._follow_replay(submission)
        super().apply_delta(delta)

    def tick(self) -> None:
        """Update the ages."""
        now = self.state.now
        if int(now) // AGE_REFRESH_S != self._age_step:
            self._age_step = int(now) // AGE_REFRESH_S
            self.panes.runs.tick(now)
            self.panes.nodes.tick(now)
            self.panes.inbox.tick(now)
            self._period.request(now, self.size.width)
        super().tick()

    def refresh_chrome(self) -> None:
        """Redraw the bars and the headings."""
        session = self.state.session
        marked = len(self.state.marked)
        waiting = self.state.pending_count() if self.state.is_pending_known else "?"
        offline = self.state.offline
        self.panes.show_headings(self.run_heading_spans, waiting, marked, has_older=session.has_older, offline=offline)
        super().refresh_chrome()

    def refresh_position(self) -> None:
        """Redraw the heading of the active list; the other headings follow with the nodes, after the paint."""
        if self.key_context is KeyContext.RUNS:
            self.panes.show_runs_heading(has_older=self.state.session.has_older)
        else:
            self.refresh_chrome()

    def set_dimmed(self, *, runs: bool, checkpoints: bool) -> None:
        """Dim stale panes: `runs` stands for the run and node lists."""
        self.panes.runs.set_dimmed(dimmed=runs)
        self.panes.nodes.set_dimmed(dimmed=runs)
        self.inbox.set_dimmed(dimmed=checkpoints)

    def is_waiting_for(self, key: str) -> bool:
        """Return True if `key` must wait: a filter is being searched, or what it acts on is being loaded."""
        if self.focused is not None:
            return False
        is_searching = self.run_list_model.searching is not None and key not in SEARCH_KEYS
        return is_searching or (self.panes.runs.is_loading and key in SELECTION_KEYS) or super().is_waiting_for(key)

    def show_matches(self, found: RunsFound) -> None:
        """List the runs that match the filter, or say why they could not be searched."""
        if found.problem:
            self.show_message(f"/: {found.problem}", "amber")
        if self.run_list_model.add_matches(found.query, found.positions, found.searched):
            self._recheck()
            self._show_rows()

    def show_figures(self, read: FiguresRead) -> None:
        """Show runs and failures over time."""
        self._period.take(read)
        self._show_rate()

    def _show_rate(self) -> None:
        ascii_only = self.app.has_class(ASCII_CLASS)
        self.panes.rate.show(self._period.lines(self.state.now, self.size.width, ascii_only=ascii_only))

    def show_rechecked(self, rechecked: RunsRechecked) -> None:
        """List the runs that changed and match still or now."""
        if self.run_list_model.set_checked(rechecked.query, rechecked.positions, rechecked.matching):
            self._show_rows()

    def show_values(self, counted: ValuesCounted) -> None:
        """Offer the values of a field in the filter."""
        self.panes.filter.show_values({counted.field: counted.values})

    def show_queries(self, read: QueriesRead) -> None:
        """Offer the queries used before and the saved views."""
        self.state.query_history.load(read.history)
        self.state.views = read.views

    def on_run_selected(self, selected: RunSelected) -> None:
        """Show the nodes of the run under the cursor."""
        if self.panes.runs.following:
            self.mark_selection_moved()
        self._node_debouncer.request(self.state.session.clock.monotonic())

    def on_run_list_resized(self) -> None:
        """Fit the headings of the columns, and the facts of the selected run, to the width."""
        self.panes.show_columns()
        self._show_nodes()

    def on_run_opened(self, opened: RunOpened) -> None:
        """Open the run's detail screen."""
        from scaicore_tui.tui.screens.run import RunScreen

        self.app.push_screen(RunScreen(self.state, opened.execution_id, self.run_list_model, opened.node))

    def on_load_history(self, request: LoadHistory) -> None:
        """Show a message if there is more to read; the app handles the request itself."""
        if self.state.session.has_older:
            self.show_message("reading older events…")
        else:
            request.stop()

    def on_query_typed(self, typed: QueryTyped) -> None:
        """Apply the query as it is typed."""
        self._set_filter(self.run_list_model.view, None if typed.query.is_empty else typed.query)

    def on_filter_closed(self, closed: FilterClosed) -> None:
        """Return the keys to the run list."""
        if not closed.kept:
            self._saved_view = None
            self._set_filter(self.run_list_model.view, None)
        self.set_focus(None)
        self.panes.focus_pane(KeyContext.RUNS)

    def action_answer(self) -> None:
        """Answer the current checkpoint; without one, the most urgent. The dialog's title names it."""
        context = self.state.session.write_context
        answerable = (row for row in self.state.pending if gate.why_not_answer(context, row) is None)
        if self.current_checkpoint is None and (most_urgent := next(answerable, None)) is not None:
            self.open_answer(most_urgent)
        else:
            super().action_answer()

    def action_open(self) -> None:
        self.active_list.open_row()

    def action_next_pane(self) -> None:
        self._cycle_pane(1)

    def action_previous_pane(self) -> None:
        self._cycle_pane(-1)

    def action_filter(self) -> None:
        self._focus_runs()
        self._read_queries()
        self.panes.filter.open()

    def action_view(self) -> None:
        """Show the next view: the built-in ones, then the saved ones. A query that was typed stays in the former."""
        self._read_queries()
        saved, view = list(self.state.views), self.run_list_model.view.next
        if self._saved_view is not None or view is View.ALL:
            self._show_saved_view(saved[saved.index(self._saved_view) + 1 :] if self._saved_view in saved else saved)
        else:
            self._set_filter(view, self._query)
            self.show_message(f"view: {view}")

    def _show_saved_view(self, names: Sequence[str]) -> None:
        """Show the first of these saved views; without any, all runs, and the query that was typed if there was one."""
        was_saved, self._saved_view = self._saved_view is not None, next(iter(names), None)
        query = None if was_saved else self._query
        self.show_message(f"view: {one_line(self._saved_view or View.ALL)}")
        if self._saved_view is not None:
            query = self._parsed(self.state.views[self._saved_view].query)
        self.panes.filter.set_text("" if query is None else query.text)
        self._set_filter(View.ALL, query)

    def _parsed(self, text: str) -> Query | None:
        """Return the query in `text`. If it cannot be read, show why and return None."""
        from scaicore_tui.analysis.query import RUNS, QueryError, parse_query

        try:
            query = parse_query(text, RUNS)
        except QueryError as error:
            self.show_message(f"v: {one_line(str(error))}", "amber")
            return None
        return None if query.is_empty else query

    def _read_queries(self) -> None:
        """Ask once for the queries used before, and for the saved views."""
        if not self._has_queries:
            self._has_queries = True
            self.post_message(QueriesNeeded())

    def action_follow(self) -> None:
        self._focus_runs()
        self.panes.runs.set_following(following=not self.panes.runs.following)
        self.refresh_chrome()

    def action_causes(self) -> None:
        """Show failures by their cause."""
        from scaicore_tui.tui.screens.causes import CausesScreen

        self.app.push_screen(CausesScreen(self.state, self._period, self._list_cause))

    def _list_cause(self, query: str) -> None:
        """List the runs of one cause."""
        self._saved_view = None
        self.panes.filter.set_text(query)
        self._set_filter(View.ALL, self._parsed(query))
        self._focus_runs()

    def action_period(self) -> None:
        """Tell of another period."""
        self._period.use_next()
        self._period.request(self.state.now, self.size.width)
        self.show_message(f"period: {self._period.name}")

    def action_ages(self) -> None:
        self.panes.runs.show_ages(ages=not self.panes.runs.shows_ages)
        self.panes.show_columns()

    def action_next_error(self) -> None:
        self._go_to_error(1, "further down")

    def action_previous_error(self) -> None:
        self._go_to_error(-1, "further up")

    def leave(self) -> None:
        """Clear the filter and the view, and keep the selected run."""
        if self.run_list_model.is_filtered:
            self.panes.runs.keep_selection()
            self._saved_view = None
            self.panes.filter.action_close(kept=False)
            self._set_filter(View.ALL, None)

    def _update_runs(self, delta: Delta) -> None:
        self.run_list_model.apply(self.state.session.index, delta)
        self._recheck()
        self.panes.runs.show(self.state.now)
        run = self.selected_run
        if run is not None and delta.concerns(run.execution_id):
            self._show_nodes()

    def _recheck(self) -> None:
        """Let the journal tell which runs that changed match the query now, if that depends on their events."""
        query, unchecked = self.run_list_model.query, self.run_list_model.take_unchecked()
        if query is not None and unchecked:
            self.post_message(RecheckRuns(query, unchecked))

    def show_inbox(self) -> None:
        state = self.state
        self.panes.runs.set_pending(state.pending)
        if self.inbox.show(state.pending, state.progress(), state.marked, state.now):
            self.mark_selection_moved()

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

    def _show_picture(self, picture: RunPicture) -> None:
        """Show the steps of a run, if it is still the selected one."""
        run = self.selected_run
        if run is not None and run.execution_id == picture.run.execution_id:
            self._show_overview(run, picture)

    def _show_overview(self, run: Run | None, picture: RunPicture | None) -> None:
        state, panes = self.state, self.panes
        panes.nodes.show(run, picture, state.now)
        panes.facts.show([] if run is None else self._fact_lines(run))
        panes.axis.show([[("  ", "text"), *panes.nodes.axis]] if panes.nodes.row_count else [])
        self._show_step()

    def _fact_lines(self, run: Run) -> list[Line]:
        """Return what is asked, the error and what is unusual; in a narrow list the rows tell the first two."""
        from scaicore_tui.tui.render.run_head import RunFacts, fact_lines, note_lines

        state, width = self.state, max(1, self.panes.nodes.size.width - 1)
        facts = RunFacts(
            state.checkpoint_of(run),
            state.replay_relations(run.execution_id),
            state.missing_events(run.execution_id),
        )
        show = fact_lines if self.panes.is_wide else note_lines
        lines = show(run, facts, state.now, width)
        return [[(" ", "text"), *line] for line in lines]

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

    def _show_overdue(self) -> None:
        self._overdue_timer = None
        self._show_nodes(is_overdue=True)
        self.refresh_chrome()

    def _show_selected_nodes(self) -> None:
        self._show_nodes()
        self.refresh_chrome()

    def _follow_replay(self, submission: Submission) -> None:
        """Select the run that a replay started, if the cursor is still on the replayed run.

        If the likely run turns out to be wrong, select the confirmed one instead.
        """
        found, before = submission.execution_id, self._replay_runs.get(submission.id, submission.target_id)
        if submission.kind is not Kind.REPLAY or submission.is_recovered:
            return
        self._show_nodes()
        summary = self.state.session.index.get(found or "")
        if found is None or found == before or summary is None:
            return
        self._replay_runs[submission.id] = found
        run = self.selected_run
        # A poll publishes submissions before runs, so the new run may not be in the list yet.
        self._update_runs(Delta({found: summary}))
        if run is not None and run.execution_id == before:
            self.panes.runs.select(found)

    def _set_filter(self, view: View, query: Query | None) -> None:
        model = self.run_list_model
        model.set_view(view)
        if query != self._query:
            model.search(query)
            self.post_message(SearchRuns(query))
        saved = self.state.views.get(self._saved_view or "")
        edited = "" if saved is None or query is None or saved.query == query.text else " *"
        self.panes.view_name = f"{one_line(self._saved_view, 20)}{edited}" if self._saved_view is not None else ""
        self._show_rows()

    @property
    def _query(self) -> Query | None:
        """The query in force, or the one that is being searched; None without one."""
        return self.run_list_model.searching or self.run_list_model.query

    def _show_rows(self) -> None:
        self.panes.runs.show(self.state.now)
        self._show_nodes()
        self.refresh_chrome()

    def _cycle_pane(self, step: int) -> None:
        self._node_debouncer.flush()
        contexts = list(self.panes.lists)
        self.panes.focus_pane(contexts[(contexts.index(self.key_context) + step) % len(contexts)])
        self.refresh_chrome()

    def _focus_runs(self) -> None:
        """Make the run list the active pane."""
        if self.key_context is not KeyContext.RUNS:
            self.panes.focus_pane(KeyContext.RUNS)

    def _go_to_error(self, step: int, direction: str) -> None:
        row = self.run_list_model.next_failed(self.panes.runs.cursor, step)
        if row is None:
            self.show_message(f"no failed run {direction}")
        else:
            self._focus_runs()
            self.panes.runs.set_cursor(row)
            self.refresh_chrome()
