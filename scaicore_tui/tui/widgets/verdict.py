"""The lines that say what Enter would do, or why it can't."""

from __future__ import annotations

from collections.abc import Sequence

from scaicore_tui.tui.paint import Piece, Pieces, wrapped
from scaicore_tui.tui.widgets.lines import Bar

MAX_LINES = 3


class Verdict(Bar):
    """Takes more than a line only where the words need it."""

    DEFAULT_CSS = """
    Verdict { height: 2; padding: 1 1 0 1; }
    """

    _said: tuple[Piece, ...] = ()
    _lines: Sequence[Pieces] = ()

    def show(self, *said: Piece) -> None:
        """Say this."""
        self._said = said
        self._wrap()

    def on_resize(self) -> None:
        """Wrap for the new width."""
        self._wrap()

    def draw(self, line: int) -> Pieces:
        return self._lines[line] if line < len(self._lines) else ()

    def _wrap(self) -> None:
        self._lines = wrapped(self._said, self.size.width, MAX_LINES) if self.size.width else [self._said]
        self.styles.height = max(1, len(self._lines)) + 1
        self.repaint()
