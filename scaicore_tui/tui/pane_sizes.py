"""The borders between the panes of the main screen: where a person moved them, within bounds. Pure.

A border is a share of the room that both of its panes have, so that it keeps its place when the terminal is resized.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

# A key moves a border by this share of the room.
STEP = 0.05


class Border(Enum):
    """A border between two panes. The share is that of the first pane; of `INBOX`, that of the checkpoints below."""

    # The list of runs and the steps, side by side.
    COLUMNS = "columns"
    # The same, one above the other.
    ROWS = "rows"
    INBOX = "inbox"


# On the smallest screen that shows both panes, each still has its heading and a few rows.
BOUNDS: Mapping[Border, tuple[float, float]] = {
    Border.COLUMNS: (0.3, 0.7),
    Border.ROWS: (0.3, 0.7),
    Border.INBOX: (0.15, 0.55),
}
USUAL: Mapping[Border, float] = {Border.COLUMNS: 0.57, Border.ROWS: 0.5, Border.INBOX: 0.24}


class PaneSizes:
    """The shares of the borders that were moved."""

    def __init__(self) -> None:
        self._shares: dict[Border, float] = {}

    @property
    def is_usual(self) -> bool:
        """True if no border was moved."""
        return not self._shares

    def style(self, border: Border) -> str | None:
        """Return the size of the pane that a share is of, for a style; None if its border was not moved."""
        share = self._shares.get(border)
        return None if share is None else f"{share * 100:.3f}%"

    def move(self, border: Border, steps: int) -> bool:
        """Move a border by some steps; return False if it cannot go further."""
        return self.set_share(border, self._shares.get(border, USUAL[border]) + steps * STEP)

    def set_share(self, border: Border, share: float) -> bool:
        """Move a border to a share, or as near to it as its bounds allow; return False if it was there."""
        first, last = BOUNDS[border]
        share, before = max(first, min(last, share)), self._shares.get(border, USUAL[border])
        self._shares[border] = share
        return abs(share - before) > STEP / 1_000

    def reset(self) -> None:
        """Put all borders back to where they usually are."""
        self._shares.clear()
