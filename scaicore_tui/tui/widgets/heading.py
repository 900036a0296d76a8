"""The line above a pane: its name, and what it shows. A mark says which pane the keys go to."""

from __future__ import annotations

from collections.abc import Sequence

from scaicore_tui.tui.paint import Piece, Pieces, spread
from scaicore_tui.tui.widgets.lines import Bar


class Heading(Bar):
    """The heading of one pane."""

    DEFAULT_CSS = """
    Heading { background: $panel; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(id=id)
        self._left: Sequence[Piece] = ()
        self._end: Sequence[Piece] = ()
        self._active = False

    def show(self, left: Sequence[Piece], end: Sequence[Piece] = (), *, active: bool = False) -> None:
        """The heading says `left`, and `end` at the right edge if there is room."""
        self._left, self._end, self._active = left, end, active
        self.repaint()

    def draw(self, line: int) -> Pieces:
        mark = ("▍", "accent strong") if self._active else (" ", "text")
        return spread([mark, *self._left], [*self._end, (" ", "text")], self.size.width)
