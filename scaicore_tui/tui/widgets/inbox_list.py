"""The list of the inbox screen: what waits, or what was answered."""

from __future__ import annotations

from scaicore_tui.tui.paint import Pieces
from scaicore_tui.tui.widgets.checkpoint_row import answered_row, inbox_row
from scaicore_tui.tui.widgets.checkpoints import CheckpointList


class InboxList(CheckpointList):
    """Checkpoints with all that a wide row has room for. `filtered` tells why there may be none."""

    answered = False
    filtered = False

    @property
    def empty_words(self) -> str:
        if self.filtered:
            return "nothing is kept by the filter: esc clears it"
        return "nothing was answered, as far as it was read" if self.answered else super().empty_words

    def draw_row(self, row: int) -> Pieces:
        checkpoint, width = self._checkpoints[row], self.size.width - 2
        if self.answered:
            return answered_row(checkpoint, width, self._now)
        return inbox_row(checkpoint, width, self._now, self._progress.get(checkpoint.id))
