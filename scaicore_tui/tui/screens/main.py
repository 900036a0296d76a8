"""The main screen: runs, the nodes of the selected one, what waits for a person."""

from __future__ import annotations

from collections.abc import Collection

from textual.app import ComposeResult

from scaicore_tui.actions import Kind, Submission
from scaicore_tui.runs import Run
from scaicore_tui.session import Update
from scaicore_tui.tui.key_queue import Debouncer
from scaicore_tui.tui.keymap import KeyContext
from scaicore_tui.tui.messages import (
    FilterClosed,
    FilterTyped,
    LoadHistory,
    RunOpened,
    RunSelected,
)
from scaicore_tui.tui.render.line import Span
from scaicore_tui.tui.run_list_model import RunListModel, View
from scaicore_tui.tui.screens.checkpoint_base import CheckpointListScreen
from scaicore_tui.tui.screens.panes import Panes, run_heading
from scaicore_tui.tui.state import AppState
from scaicore_tui.tui.widgets.checkpoint_list import CheckpointList
from scaicore_tui.tui.widgets.row_list import RowList

# While the cursor steps faster than this, in seconds, the nodes wait for its rest: they are most of what is written.
REST = 0.15
# Ages in rows have steps of ten seconds: those that take one take it together, which is less to write than one by one.
AGING = 5


class MainScreen(CheckpointListScreen):
    """Runs, nodes, checkpoints."""

    def __init__(self, desk: AppState) -> None:
        super().__init__(desk)
        self.listing = RunListModel()
        self.panes = Panes(self.listing)
        self._linked: dict[str, str] = {}
        self._following = Debouncer(self, self._nodes_follow, REST)
        self._aged_at = 0

    @property
    def key_context(self) -> KeyContext:
        return self.panes.front

    @property
    def active_list(self) -> RowList:
        return self.panes.lists[self.key_context]

    @property
    def current_run(self) -> Run | None:
        """The run that the row of the front pane is about."""
        if self.key_context is KeyContext.CHECKPOINTS:
            return self.run_of_checkpoint
        shown = self.panes.nodes.run
        if self.key_context is KeyContext.NODES and shown is not None:
            return self.desk.session.index.runs.get(shown.execution_id)
        return self.selected_run

    @property
    def selected_run(self) -> Run | None:
        """The run under the cursor of the list of runs."""
        selected = self.panes.runs.selected
        return None if selected is None else self.desk.session.index.runs.get(selected.execution_id)

    @property
    def heading_of_run(self) -> list[Span]:
        """Of the run whose nodes are shown."""
        run = self.panes.nodes.run
        pending = self.desk.checkpoint_of(run)
        return run_heading(run, self.desk.now, pending.created if pending is not None else None)

    @property
    def inbox(self) -> CheckpointList:
        return self.panes.inbox

    def compose_body(self) -> ComposeResult:
        yield self.panes

    def on_mount(self) -> None:
        """Show what is known already."""
        super().on_mount()
        self.panes.focus_pane(KeyContext.RUNS)
        self.apply_update(Update(frozenset(self.desk.session.index.summaries), checkpoints=True, gaps=True))

    def on_resize(self) -> None:
        """Lay out for the new size."""
        self.panes.relayout()
        super().on_resize()

    def apply_update(self, update: Update) -> None:
        """The session changed: list, inbox and nodes, as far as it concerns them."""
        if update.runs or update.gaps:
            self._list_changed(update.runs, gaps=update.gaps)
        if update.checkpoints or update.submission is not None:
            self.show_inbox()
        if update.submission is not None:
            self.panes.runs.mark(self.desk.replay_progress())
            self._link(update.submission)
        super().apply_update(update)

    def tick(self) -> None:
        """Ages grow."""
        now = self.desk.now
        if int(now) // AGING != self._aged_at:
            self._aged_at = int(now) // AGING
            self.panes.runs.tick(now)
            self.panes.nodes.tick(now)
            self.panes.inbox.tick(now)
        super().tick()

    def refresh_chrome(self) -> None:
        """The frame, and the headings."""
        session = self.desk.session
        marked = len(self.desk.marked)
        waiting = self.desk.pending_count() if self.desk.is_pending_known else "?"
        offline = self.desk.offline
        self.panes.show_headings(self.heading_of_run, waiting, marked, has_older=session.has_older, offline=offline)
        super().refresh_chrome()

    def set_dimmed(self, *, runs: bool, waiting: bool) -> None:
        """Each pane by itself."""
        self.panes.runs.fade(faded=runs)
        self.panes.nodes.fade(faded=runs)
        self.inbox.fade(faded=waiting)

    def on_run_selected(self, selected: RunSelected) -> None:
        """Show the nodes of the run under the cursor."""
        if self.panes.runs.following:
            self.mark_selection_moved()
        self._following.request(self.desk.session.clock.monotonic())

    def on_run_opened(self, opened: RunOpened) -> None:
        """Open the run's own view."""
        from scaicore_tui.tui.screens.run import RunScreen

        self.app.push_screen(RunScreen(self.desk, opened.execution_id))

    def on_load_history(self, request: LoadHistory) -> None:
        """Say so; the request itself goes on to the app."""
        if self.desk.session.has_older:
            self.show_message("reading older events…")
        else:
            request.stop()

    def on_filter_typed(self, typed: FilterTyped) -> None:
        """Filter by what stands there so far."""
        self._narrow(self.listing.view, typed.needle)

    def on_filter_closed(self, closed: FilterClosed) -> None:
        """Back to the runs."""
        if not closed.kept:
            self._narrow(self.listing.view, "")
        self.set_focus(None)
        self.panes.focus_pane(KeyContext.RUNS)

    def action_answer(self) -> None:
        """Answer the checkpoint at hand, or else the most urgent one: the dialog says which it is."""
        open_ones = (row for row in self.desk.pending if self.desk.why_not_answer(row) is None)
        if self.current_checkpoint is None and (most_urgent := next(open_ones, None)) is not None:
            self.open_answer(most_urgent)
        else:
            super().action_answer()

    def action_open(self) -> None:
        self.active_list.open_row()

    def action_next_pane(self) -> None:
        self._cycle(1)

    def action_previous_pane(self) -> None:
        self._cycle(-1)

    def action_filter(self) -> None:
        self._bring_runs()
        self.panes.filter.open()

    def action_view(self) -> None:
        self._narrow(self.listing.view.next, self.listing.needle)
        self.show_message(f"view: {self.listing.view}")

    def action_follow(self) -> None:
        self._bring_runs()
        self.panes.runs.follow(following=not self.panes.runs.following)
        self.refresh_chrome()

    def action_next_error(self) -> None:
        self._to_error(1, "further down")

    def action_previous_error(self) -> None:
        self._to_error(-1, "further up")

    def leave(self) -> None:
        """Give up the filter and the view, and stay on the run that was found with them."""
        if self.listing.is_filtered:
            self.panes.runs.stay()
            self.panes.filter.action_close(kept=False)
            self._narrow(View.ALL, "")

    def _list_changed(self, changed: Collection[str], *, gaps: bool = False) -> None:
        self.listing.apply(self.desk.session.index, changed)
        self.panes.runs.show(self.desk.now)
        run = self.selected_run
        if run is not None and (gaps or run.execution_id in changed):
            self._show_nodes()

    def show_inbox(self) -> None:
        desk = self.desk
        if self.inbox.show(desk.pending, desk.progress(), desk.marked, desk.now):
            self.mark_selection_moved()

    def _show_nodes(self) -> None:
        run, desk = self.selected_run, self.desk
        if run is None:
            self.panes.nodes.show(None, desk.now)
        else:
            self.panes.nodes.show(
                run, desk.now, desk.replay_relations(run.execution_id), desk.missing_events(run.execution_id)
            )

    def _nodes_follow(self) -> None:
        self._show_nodes()
        self.refresh_chrome()

    def _link(self, submission: Submission) -> None:
        """Select the run that a replay started, if the cursor was left on the run it came from.

        A run that was only likely may give way to the one that it proves to be.
        """
        found, before = submission.execution_id, self._linked.get(submission.id, submission.target_id)
        if submission.kind is not Kind.REPLAY or submission.is_recovered:
            return
        self._show_nodes()
        if found is None or found == before or found not in self.desk.session.index.runs:
            return
        self._linked[submission.id] = found
        run = self.selected_run
        # What a poll tells of a write comes before what it tells of the runs.
        self._list_changed({found})
        if run is not None and run.execution_id == before:
            self.panes.runs.select(found)

    def _narrow(self, view: View, needle: str) -> None:
        self.listing.set_filter(view, needle)
        self.panes.runs.show(self.desk.now)
        self._show_nodes()
        self.refresh_chrome()

    def _cycle(self, step: int) -> None:
        self._following.flush()
        places = list(self.panes.lists)
        self.panes.focus_pane(places[(places.index(self.key_context) + step) % len(places)])
        self.refresh_chrome()

    def _bring_runs(self) -> None:
        """What moves the cursor of that list gives it the keys."""
        if self.key_context is not KeyContext.RUNS:
            self.panes.focus_pane(KeyContext.RUNS)

    def _to_error(self, step: int, where: str) -> None:
        row = self.listing.next_failed(self.panes.runs.cursor, step)
        if row is None:
            self.show_message(f"no failed run {where}")
        else:
            self._bring_runs()
            self.panes.runs.set_cursor(row)
            self.refresh_chrome()
