"""What the screens with a list of checkpoints have in common: to open one, and to go on to the next when it is sent."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from scaicore_tui.protocol import Checkpoint
from scaicore_tui.runs import Run
from scaicore_tui.tui.keymap import INBOXES
from scaicore_tui.tui.messages import CheckpointOpened
from scaicore_tui.tui.render.inbox import Batch, answerable_together, breakpoints_like
from scaicore_tui.tui.screens.base import SessionScreen
from scaicore_tui.tui.state import AppState
from scaicore_tui.tui.widgets.checkpoint_list import CheckpointList

# A write by one key needs a target that has stood still under the cursor for so many seconds.
SELECTION_SETTLE_S = 0.5


class CheckpointListScreen(SessionScreen):
    """A screen with a list of what waits."""

    def __init__(self, desk: AppState) -> None:
        super().__init__(desk)
        self._moved_at = float("-inf")

    @property
    @abstractmethod
    def inbox(self) -> CheckpointList:
        """The list of checkpoints."""

    @abstractmethod
    def show_inbox(self) -> None:
        """Show the checkpoints as they are now."""

    @property
    def run_of_checkpoint(self) -> Run | None:
        """The run that waits at the selected checkpoint, where it was read."""
        selected = self.inbox.selected
        return self.desk.session.index.runs.get((selected.execution_id if selected is not None else None) or "")

    @property
    def current_checkpoint(self) -> Checkpoint | None:
        """The selected checkpoint; outside the list that of the selected run."""
        return self.inbox.selected if self.key_context in INBOXES else super().current_checkpoint

    def refresh_chrome(self) -> None:
        """The frame; and in an empty list, what that means."""
        if self.inbox.is_known != self.desk.is_pending_known:
            self.inbox.is_known = self.desk.is_pending_known
            self.inbox.repaint()
        super().refresh_chrome()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Marking needs the list: elsewhere its key pages."""
        return super().check_action(action, parameters) and (action != "mark" or self.key_context in INBOXES)

    def mark_selection_moved(self) -> None:
        """What is under the cursor came there by itself, just now."""
        self._moved_at = self.desk.session.clock.monotonic()

    def on_checkpoint_opened(self, opened: CheckpointOpened) -> None:
        """Read and answer the checkpoint."""
        checkpoint = self.desk.session.checkpoint(opened.checkpoint_id)
        if checkpoint is not None:
            self.open_answer(checkpoint)

    def answer_sent(self, checkpoint_id: str) -> None:
        """Go on to the next one that still wants an answer."""
        selected = self.inbox.selected
        if self.key_context in INBOXES and selected is not None and selected.id == checkpoint_id:
            following = (row for row in self.inbox.in_turn if self.desk.why_not_answer(row) is None)
            if (upcoming := next(following, None)) is not None:
                self.inbox.select(upcoming.id)
                self.mark_selection_moved()

    def action_mark(self) -> None:
        """Mark the selected one, by its id, or take the mark away."""
        selected = self.inbox.selected
        if selected is None or self.desk.session.checkpoint(selected.id) is None:
            self.show_message("space: only what waits can be marked", "amber")
        else:
            self.desk.toggle_mark(selected.id)
            self.show_inbox()
            self.refresh_chrome()

    def action_answer(self) -> None:
        """Answer the marked ones, where there are any."""
        if self.key_context in INBOXES and self.desk.marked:
            self._answer_marked()
        else:
            super().action_answer()

    def action_continue_all(self) -> None:
        checkpoint = self.inbox.selected if self.key_context in INBOXES else None
        reason = self.desk.why_not_continue(checkpoint)
        if reason is not None or checkpoint is None:
            self.show_message(f"C: {reason}", "amber")
        else:
            scopes = breakpoints_like(self.desk.pending, checkpoint)
            from scaicore_tui.tui.dialogs.bulk import ContinueAllScreen

            hidden = frozenset[str]().union(*map(self._unlisted, scopes.values()))
            self.app.push_screen(ContinueAllScreen(self.desk, scopes, hidden))

    def action_continue(self) -> None:
        """Continue the breakpoint at hand, unless it came under the cursor just now."""
        if self.desk.session.clock.monotonic() - self._moved_at < SELECTION_SETTLE_S:
            self.show_message("c: the selection just moved; look, and press again", "amber")
        else:
            super().action_continue()

    def action_replay(self) -> None:
        """Replay the run at hand; of a checkpoint, the one that waits there."""
        if self.key_context in INBOXES and self.inbox.selected is not None and self.run_of_checkpoint is None:
            self.show_message("R: the run of this checkpoint has not been read", "amber")
        else:
            super().action_replay()

    @property
    def copy_id(self) -> tuple[str, str | None]:
        if self.key_context in INBOXES:
            checkpoint = self.inbox.selected
            return "checkpoint id", checkpoint.id if checkpoint is not None else None
        return super().copy_id

    @property
    def copy_json(self) -> tuple[str, dict[str, Any] | None]:
        if self.key_context in INBOXES:
            checkpoint = self.inbox.selected
            return "the checkpoint", checkpoint.raw if checkpoint is not None else None
        return super().copy_json

    def _answer_marked(self) -> None:
        desk = self.desk
        marked = [row for row in desk.pending if row.id in desk.marked]
        batch = answerable_together(marked, self.inbox.selected, desk.why_not_in_batch)
        if batch.checkpoints:
            from scaicore_tui.tui.dialogs.bulk import BulkScreen

            self.app.push_screen(BulkScreen(desk, batch, self._unlisted(batch)))
        else:
            self.show_message(f"a: none of the marked ones: {batch.left_out[0][1]}", "amber")

    def _unlisted(self, batch: Batch) -> frozenset[str]:
        """Those that are not in the list, as a filter hides them."""
        return frozenset(batch.ids) - self.inbox.ids
