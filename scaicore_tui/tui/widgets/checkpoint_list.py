"""A list of checkpoints. Its cursor and its marks stay on checkpoints, not on rows."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

from scaicore_tui.protocol import Checkpoint
from scaicore_tui.tui.messages import CheckpointOpened
from scaicore_tui.tui.render.checkpoints import checkpoint_row, inbox_row, resolved_row
from scaicore_tui.tui.render.line import CURSOR, MARKED, Line, Span
from scaicore_tui.tui.widgets.row_list import RowList


class CheckpointList(RowList):
    """What waits for a person. `progress` says of a checkpoint how far an answer to it got."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(id=id)
        # Whether what waits was ever read.
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
        return "nothing waits for you" if self.is_loaded else "what waits was not read yet"

    @property
    def selected(self) -> Checkpoint | None:
        """The checkpoint under the cursor."""
        return self._checkpoints[self.cursor] if self._checkpoints else None

    @property
    def ids(self) -> frozenset[str]:
        """Those listed, in sight or not."""
        return frozenset(checkpoint.id for checkpoint in self._checkpoints)

    @property
    def others_in_order(self) -> Sequence[Checkpoint]:
        """All others, beginning behind the selected one and going on at the top."""
        return [*self._checkpoints[self.cursor + 1 :], *self._checkpoints[: self.cursor]]

    def draw_row(self, row: int) -> Line:
        checkpoint = self._checkpoints[row]
        return checkpoint_row(checkpoint, self.size.width - 2, self._now, self._progress.get(checkpoint.id))

    def show(
        self, checkpoints: Sequence[Checkpoint], progress: Mapping[str, Span], marked: Container[str], now: float
    ) -> bool:
        """Show the checkpoints as they are at `now`; whether the cursor had to leave its own."""
        before = self.selected
        self._checkpoints, self._progress, self._marked, self._now = checkpoints, progress, marked, now
        rows = {checkpoint.id: row for row, checkpoint in enumerate(checkpoints)}
        stays = before is not None and before.id in rows
        self.cursor = rows[before.id] if before is not None and stays else min(self.cursor, max(0, len(rows) - 1))
        self.scroll_to_cursor()
        self.repaint()
        return before is not None and not stays

    def select(self, checkpoint_id: str) -> None:
        """Put the cursor on that checkpoint, if it is listed."""
        row = next((row for row, one in enumerate(self._checkpoints) if one.id == checkpoint_id), None)
        if row is not None:
            self.set_cursor(row)

    def tick(self, now: float) -> None:
        """Only time passed."""
        self._now = now
        self.repaint()

    def row_opened(self) -> None:
        if (checkpoint := self.selected) is not None:
            self.post_message(CheckpointOpened(checkpoint.id))

    def cursor_mark(self, row: int) -> Span:
        sign, colour = super().cursor_mark(row)
        if self._checkpoints[row].id not in self._marked:
            return sign, colour
        return f"{CURSOR if row == self.cursor else ' '}{MARKED}", "accent strong"


class InboxList(CheckpointList):
    """Checkpoints with all that a wide row has room for. `filtered` tells why there may be none."""

    shows_resolved = False
    is_filtered = False

    @property
    def empty_text(self) -> str:
        if self.is_filtered:
            return "nothing is kept by the filter: esc clears it"
        return "nothing was answered, as far as it was read" if self.shows_resolved else super().empty_text

    def draw_row(self, row: int) -> Line:
        checkpoint, width = self._checkpoints[row], self.size.width - 2
        if self.shows_resolved:
            return resolved_row(checkpoint, width, self._now)
        return inbox_row(checkpoint, width, self._now, self._progress.get(checkpoint.id))
