"""Base of screens with a checkpoint list: open, mark, answer and continue checkpoints, and advance to the next one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from functools import partial
from typing import Any

from scaicore_tui.actions import gate
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.runs import Run
from scaicore_tui.tui.key_contexts import INBOXES
from scaicore_tui.tui.messages import CheckpointOpened
from scaicore_tui.tui.render.inbox import Batch, answerable_together, breakpoints_like
from scaicore_tui.tui.screens.base import SessionScreen
from scaicore_tui.tui.state import AppState
from scaicore_tui.tui.widgets.checkpoint_list import CheckpointList

# `c` writes with one key press. It is refused if the selection changed by itself less than this many seconds ago.
SELECTION_SETTLE_S = 0.5


class CheckpointListScreen(SessionScreen):
    """A screen with a list of pending checkpoints."""

    def __init__(self, state: AppState) -> None:
        super().__init__(state)
        self._moved_at = float("-inf")

    @property
    @abstractmethod
    def inbox(self) -> CheckpointList:
        """The list of checkpoints."""

    @abstractmethod
    def show_inbox(self) -> None:
        """Update the list of checkpoints."""

    @property
    def run_of_checkpoint(self) -> Run | None:
        """The run that waits at the selected checkpoint; None if its events have not been read."""
        selected = self.inbox.selected
        return self.state.session.index.runs.get((selected.execution_id if selected is not None else None) or "")

    @property
    def current_checkpoint(self) -> Checkpoint | None:
        """The selected checkpoint; if another pane has the keys, the checkpoint of the selected run."""
        return self.inbox.selected if self.key_context in INBOXES else super().current_checkpoint

    def refresh_chrome(self) -> None:
        """Redraw the bars, and the text of an empty list."""
        if self.inbox.is_loaded != self.state.is_pending_known:
            self.inbox.is_loaded = self.state.is_pending_known
            self.inbox.repaint()
        super().refresh_chrome()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable marking outside the checkpoint list, where its key turns the page."""
        return super().check_action(action, parameters) and (action != "mark" or self.key_context in INBOXES)

    def mark_selection_moved(self) -> None:
        """Note that the selection changed without a key press."""
        self._moved_at = self.state.session.clock.monotonic()

    def on_checkpoint_opened(self, opened: CheckpointOpened) -> None:
        """Open the answer dialog for the checkpoint."""
        checkpoint = self.state.session.checkpoint(opened.checkpoint_id)
        if checkpoint is not None:
            self.open_answer(checkpoint)

    def answer_sent(self, checkpoint_id: str) -> None:
        """Select the next checkpoint that can be answered."""
        selected = self.inbox.selected
        if self.key_context in INBOXES and selected is not None and selected.id == checkpoint_id:
            context = self.state.session.write_context
            answerable = (row for row in self.inbox.others_in_order if gate.why_not_answer(context, row) is None)
            if (next_checkpoint := next(answerable, None)) is not None:
                self.inbox.select(next_checkpoint.id)
                self.mark_selection_moved()

    def action_mark(self) -> None:
        """Mark or unmark the selected checkpoint, and go to the next one."""
        selected = self.inbox.selected
        if selected is None or self.state.session.checkpoint(selected.id) is None:
            self.show_reason("mark", "only a waiting checkpoint can be marked")
        else:
            self.state.toggle_mark(selected.id)
            self.inbox.move(1)
            self.show_inbox()
            self.refresh_chrome()

    def action_answer(self) -> None:
        """Answer the marked checkpoints; without marks, the current one."""
        if self.key_context in INBOXES and self.state.marked:
            self._answer_marked()
        else:
            super().action_answer()

    def action_continue_all(self) -> None:
        checkpoint = self.inbox.selected if self.key_context in INBOXES else None
        reason = gate.why_not_continue(self.state.session.write_context, checkpoint)
        if reason is not None or checkpoint is None:
            self.show_reason("continue_all", f"{reason}")
        else:
            scopes = breakpoints_like(self.state.pending, checkpoint)
            from scaicore_tui.tui.dialogs.bulk import ContinueAllScreen

            hidden = frozenset[str]().union(*map(self._hidden_by_filter, scopes.values()))
            self.app.push_screen(ContinueAllScreen(self.state, scopes, hidden))

    def action_continue(self) -> None:
        """Continue the current breakpoint, unless the selection has just changed by itself."""
        if self.state.session.clock.monotonic() - self._moved_at < SELECTION_SETTLE_S:
            self.show_reason("continue", f"the selection just changed; check it, press {self.key_of('continue')} again")
        else:
            super().action_continue()

    def action_replay(self) -> None:
        """Replay the current run; in the checkpoint list, the run that waits at the selected checkpoint."""
        if self.key_context in INBOXES and self.inbox.selected is not None and self.run_of_checkpoint is None:
            self.show_reason("replay", "the run of this checkpoint has not been read")
        else:
            super().action_replay()

    @property
    def copy_id(self) -> tuple[str, str | None]:
        if self.key_context in INBOXES:
            checkpoint = self.inbox.selected
            return "checkpoint id", checkpoint.id if checkpoint is not None else None
        return super().copy_id

    @property
    def copy_json(self) -> tuple[str, Mapping[str, Any] | None]:
        if self.key_context in INBOXES:
            checkpoint = self.inbox.selected
            return "the checkpoint", checkpoint.raw if checkpoint is not None else None
        return super().copy_json

    def _answer_marked(self) -> None:
        state = self.state
        marked = [row for row in state.pending if row.id in state.marked]
        batch = answerable_together(
            marked, self.inbox.selected, partial(gate.why_not_in_batch, state.session.write_context)
        )
        if batch.checkpoints:
            from scaicore_tui.tui.dialogs.bulk import BulkScreen

            self.app.push_screen(BulkScreen(state, batch, self._hidden_by_filter(batch)))
        else:
            self.show_reason("answer", f"none of the marked checkpoints can be answered: {batch.left_out[0][1]}")

    def _hidden_by_filter(self, batch: Batch) -> frozenset[str]:
        """Return the ids of those in `batch` that the filter hides."""
        return frozenset(batch.ids) - self.inbox.ids
