"""Lists of checkpoints. Cursor and marks stay on their checkpoint when rows move."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

from scaicore_tui.analysis.checkpoint_order import Reviewer
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.tui.key_contexts import KeyContext
from scaicore_tui.tui.keymap import key_name
from scaicore_tui.tui.messages import CheckpointOpened, CheckpointSelected
from scaicore_tui.tui.render.checkpoints import inbox_row, resolved_row
from scaicore_tui.tui.render.line import CURSOR, MARKED, Line, Span
from scaicore_tui.tui.render.waiting_line import waiting_row
from scaicore_tui.tui.widgets.row_list import RowList


class CheckpointList(RowList):
    """Pending checkpoints, with the progress of answers to them."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(id=id)
        self.reviewer = Reviewer()
        # True once the pending checkpoints have been read.
        self.is_loaded = False
        self._checkpoints: Sequence[Checkpoint] = ()
        self._progress: Mapping[str, Span] = {}
        self._marked: Container[str] = ()
        self._now = 0.0

    @property
    def row_count(self) -> int:
        return len(self._checkpoints)

    @property
    def empty_text(self) -> str:
        return "nothing waits for you" if self.is_loaded else "waiting checkpoints have not been read yet"

    @property
    def selected(self) -> Checkpoint | None:
        """The checkpoint under the cursor."""
        return self._checkpoints[self.cursor] if self._checkpoints else None

    @property
    def ids(self) -> frozenset[str]:
        """The ids of all listed checkpoints, visible or not."""
        return frozenset(checkpoint.id for checkpoint in self._checkpoints)

    @property
    def rows(self) -> Sequence[Checkpoint]:
        """All listed checkpoints, from top to bottom."""
        return self._checkpoints

    @property
    def others_in_order(self) -> Sequence[Checkpoint]:
        """All other checkpoints: those below the selected one, then those above it, from the top."""
        return [*self._checkpoints[self.cursor + 1 :], *self._checkpoints[: self.cursor]]

    def draw_row(self, row: int) -> Line:
        checkpoint = self._checkpoints[row]
        width, mark = self.size.width - 2, self._progress.get(checkpoint.id)
        return waiting_row(checkpoint, width, self._now, self.reviewer, mark)

    def show(
        self, checkpoints: Sequence[Checkpoint], progress: Mapping[str, Span], marked: Container[str], now: float
    ) -> bool:
        """Show `checkpoints` and return True if the selected one is no longer among them.

        `progress` is the progress of answers, by checkpoint id; `marked` are ids; `now` is in seconds since 1970.
        """
        before = self.selected
        self._checkpoints, self._progress, self._marked, self._now = checkpoints, progress, marked, now
        rows = {checkpoint.id: row for row, checkpoint in enumerate(checkpoints)}
        stays = before is not None and before.id in rows
        self.cursor = rows[before.id] if before is not None and stays else min(self.cursor, max(0, len(rows) - 1))
        self.scroll_to_cursor()
        self.repaint()
        return before is not None and not stays

    def select(self, checkpoint_id: str) -> None:
        """Move the cursor to the checkpoint, if it is listed."""
        row = next((row for row, one in enumerate(self._checkpoints) if one.id == checkpoint_id), None)
        if row is not None:
            self.set_cursor(row)

    def tick(self, now: float) -> None:
        """Update the ages to `now`, in seconds since 1970."""
        self._now = now
        self.repaint()

    def row_opened(self) -> None:
        if (checkpoint := self.selected) is not None:
            self.post_message(CheckpointOpened(checkpoint.id))

    def cursor_mark(self, row: int) -> Span:
        if self._checkpoints[row].id not in self._marked:
            return super().cursor_mark(row)
        return f"{CURSOR if row == self.cursor else ' '}{MARKED}", "accent strong"


class InboxList(CheckpointList):
    """Pending or resolved checkpoints in wide rows. `is_filtered` explains an empty list."""

    shows_resolved = False
    is_filtered = False
    is_mine_only = False

    @property
    def empty_text(self) -> str:
        if self.is_mine_only and not self.shows_resolved:
            return f"Nothing that waits is assigned to you. {key_name('mine', KeyContext.INBOX)} shows all."
        if self.is_filtered:
            return f"No checkpoints match the filter. {key_name('back', KeyContext.INBOX)} clears the filter."
        return "no resolved checkpoints have been read" if self.shows_resolved else super().empty_text

    def draw_row(self, row: int) -> Line:
        checkpoint, width = self._checkpoints[row], self.size.width - 2
        if self.shows_resolved:
            return resolved_row(checkpoint, width, self._now)
        return inbox_row(checkpoint, width, self._now, self._progress.get(checkpoint.id), self.reviewer)

    def cursor_moved(self, *, by_user: bool) -> None:
        self.post_message(CheckpointSelected())
