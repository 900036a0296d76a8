"""The line above the footer where notices stand."""

from __future__ import annotations

from scaicore_tui.tui.notices import Notice
from scaicore_tui.tui.paint import Piece, Pieces, hanging, spread
from scaicore_tui.tui.widgets.lines import Bar

MAX_LINES = 4


class NoticeBar(Bar):
    """One notice, and how many more stand. Takes more than a line only where the words need it."""

    _lines: list[str] = []  # noqa: RUF012  (replaced, never changed)
    _colour = "text"
    _end: Piece = ("", "text")

    def show(self, notice: Notice | None, count: int) -> None:
        """Show `notice`, the newest of `count`."""
        room = self.app.size.width - 18
        self._lines = hanging(notice.words, room, MAX_LINES) if notice is not None else []
        self._colour = notice.colour if notice is not None else "text"
        more = f"1 of {count} · " if count > 1 else ""
        self._end = (f"{more}esc ok ", "grey") if notice is not None and notice.sticky else ("", "text")
        height = max(1, len(self._lines))
        if self.size.height != height:
            self.styles.height = height
        self.repaint()

    def draw(self, line: int) -> Pieces:
        if line >= len(self._lines):
            return ()
        said: list[Piece] = [(" ", "text"), (self._lines[line], self._colour)]
        return spread(said, [self._end], self.size.width) if line == 0 else said
