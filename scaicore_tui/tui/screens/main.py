"""The main screen: runs, the steps of the selected run, pending checkpoints."""

from __future__ import annotations

from textual.app import ComposeResult

from scaicore_tui.actions import Kind, Submission, gate
from scaicore_tui.config.views import Sort
from scaicore_tui.runs import Delta, Run
from scaicore_tui.session import TeamDelta, submission_of
from scaicore_tui.tui.key_contexts import KeyContext
from scaicore_tui.tui.messages import (
    LoadHistory,
    RunOpened,
)
from scaicore_tui.tui.render.line import Span
from scaicore_tui.tui.render.waiting_line import waiting_line
from scaicore_tui.tui.run_list_model import RunListModel
from scaicore_tui.tui.screens.marked_runs import MarkedRunsScreen
from scaicore_tui.tui.state import AppState
from scaicore_tui.tui.widgets.checkpoint_list import CheckpointList
from scaicore_tui.tui.widgets.row_list import RowList

# Ages in rows change together, at this interval: one repaint costs fewer bytes than many.
AGE_REFRESH_S = 5
# What a heading takes beside its text: marks at both edges.
HEADING_CELLS = 3


class MainScreen(MarkedRunsScreen):
    """Three panes: runs, steps, checkpoints."""

    def __init__(self, state: AppState) -> None:
        super().__init__(state)
        self._replay_runs: dict[str, str] = {}
        # The number of known events when the figures were found to be outdated.
        self._event_count = 0
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
    def listed_runs(self) -> RunListModel:
        return self.run_list_model

    @property
    def inbox(self) -> CheckpointList:
        return self.panes.inbox

    def compose_body(self) -> ComposeResult:
        yield self.panes

    def on_mount(self) -> None:
        """Show the runs and checkpoints known so far."""
        super().on_mount()
        self.panes.focus_pane(KeyContext.RUNS)
        self._show_rate()
        self.apply_delta(self.state.session.everything())
        self.restore(self.state.session.screen.choices)

    def on_resize(self) -> None:
        """Lay out for the new size."""
        self.panes.relayout()
        super().on_resize()
        self._period.resize(self.state.now, self.size.width)
        self._show_rate()

    def apply_delta(self, delta: Delta) -> None:
        """Update the panes that the change concerns."""
        submission = submission_of(delta)
        if delta.has_runs:
            self._mark_outdated(delta)
            self._update_runs(delta)
        if delta.gaps is not None:
            self._forget_slow()
        if delta.checkpoints is not None or submission is not None or isinstance(delta, TeamDelta):
            self.show_inbox()
        if submission is not None:
            self.panes.runs.set_replay_marks(self.state.replay_progress())
            self._follow_replay(submission)
        super().apply_delta(delta)

    def _mark_outdated(self, delta: Delta) -> None:
        """Note that the figures of the period are outdated. Runs that were only loaded were counted before."""
        event_count = self.state.session.index.event_count
        if event_count != self._event_count or (delta.loaded and self._period.is_empty):
            self._event_count = event_count
            self._period.mark_outdated()

    def tick(self) -> None:
        """Update the ages."""
        now = self.state.now
        if int(now) // AGE_REFRESH_S != self._age_step:
            self._age_step = int(now) // AGE_REFRESH_S
            self.panes.runs.tick(now)
            if self.panes.nodes.tick(now):
                self.show_axis()
            self._show_facts()
            self.panes.inbox.tick(now)
        self._period.request(now, self.size.width)
        self._request_facts()
        super().tick()

    def refresh_chrome(self) -> None:
        """Redraw the bars and the headings."""
        session = self.state.session
        marked = len(self.state.marked)
        self.panes.show_headings(self.run_heading_spans, self._waiting_spans(), marked, has_older=session.has_older)
        super().refresh_chrome()

    def _waiting_spans(self) -> list[Span]:
        """Return how many checkpoints wait, for whom, and which is due first."""
        state = self.state
        if not state.is_pending_known:
            return [("Waiting ?", "grey")]
        if state.offline:
            return [(f"Waited {state.pending_count()}", "grey")]
        reviewer, width = state.session.reviewer, self.size.width - HEADING_CELLS
        return [*waiting_line(state.pending, state.pending_count(), reviewer, state.now, width)]

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

    def action_follow(self) -> None:
        self._focus_runs()
        if self.shown_sort is not Sort.CHANGED:
            self.set_sort(None)
        self.panes.runs.set_following(following=not self.panes.runs.following)
        self.refresh_chrome()

    def action_enlarge(self) -> None:
        """Give all of the screen to the active pane, or show all panes again."""
        if self.panes.is_single and not self.panes.is_enlarged:
            self.show_message("z: one pane fits: tab shows the next")
        else:
            self.panes.enlarge(is_enlarged=not self.panes.is_enlarged)
            self.refresh_chrome()

    def action_grow_pane(self) -> None:
        self._resize_pane("+", 1, "the pane is as large as it can be")

    def action_shrink_pane(self) -> None:
        self._resize_pane("-", -1, "the pane is as small as it can be")

    def action_reset_panes(self) -> None:
        if not self.panes.reset_sizes():
            self.show_message("=: the panes have their usual sizes")

    def _resize_pane(self, key: str, steps: int, end: str) -> None:
        if self.panes.is_single:
            self.show_message(f"{key}: the pane has all of the screen")
        elif not self.panes.resize_active(steps):
            self.show_message(f"{key}: {end}")

    def leave(self) -> None:
        """Show all panes again; then clear the filter and the view."""
        if self.panes.is_enlarged:
            self.action_enlarge()
        else:
            super().leave()

    def action_causes(self) -> None:
        """Show failures by their cause."""
        from scaicore_tui.tui.screens.causes import CausesScreen

        self.app.push_screen(CausesScreen(self.state, self._period, self._list_cause))

    def action_ages(self) -> None:
        self.panes.runs.show_ages(ages=not self.panes.runs.shows_ages)
        self.panes.show_columns()
        self.post_view()

    def action_next_error(self) -> None:
        self._go_to_error(1, "further down")

    def action_previous_error(self) -> None:
        self._go_to_error(-1, "further up")

    def _update_runs(self, delta: Delta) -> None:
        self.run_list_model.apply(self.state.session.index, delta)
        self._note_delta(delta)
        self._recheck()
        self.panes.runs.show(self.state.now)
        run = self.selected_run
        if run is not None and delta.concerns(run.execution_id):
            self._show_nodes_in_front()

    def show_inbox(self) -> None:
        state = self.state
        self.panes.runs.set_pending(state.pending)
        self.inbox.reviewer = state.session.reviewer
        if self.inbox.show(state.pending, state.progress(), state.marked, state.now):
            self.mark_selection_moved()

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

    def _cycle_pane(self, step: int) -> None:
        self._node_debouncer.flush()
        contexts = list(self.panes.lists)
        self.panes.focus_pane(contexts[(contexts.index(self.key_context) + step) % len(contexts)])
        self.refresh_chrome()

    def _go_to_error(self, step: int, direction: str) -> None:
        row = self.run_list_model.next_failed(self.panes.runs.cursor, step)
        if row is None:
            self.show_message(f"no failed run {direction}")
        else:
            self._focus_runs()
            self.panes.runs.set_cursor(row)
            self.refresh_chrome()
