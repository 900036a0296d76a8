"""The status bar and the line below it that tells what is wrong. One line repaints once a second, if its text does."""

from __future__ import annotations

from scaicore_tui.session import LinkState
from scaicore_tui.tui import link_words as words
from scaicore_tui.tui.link_words import Standing
from scaicore_tui.tui.paint import Piece, Pieces, hanging, length, spread
from scaicore_tui.tui.trouble import trouble
from scaicore_tui.tui.widgets.lines import Bar

GAP: Piece = ("   ", "text")
# From here on everything fits on one line.
ONE_LINE_WIDTH = 112
MAX_TROUBLE_LINES = 3


class StatusBar(Bar):
    """State of the link, counts, feed: on one line, or on two where the screen is narrow."""

    DEFAULT_CSS = """
    StatusBar { background: $panel; height: 2; }
    """

    standing: Standing | None = None

    def show(self, standing: Standing) -> None:
        """Tell how things stand."""
        self.standing = standing
        self.repaint()

    def draw(self, line: int) -> Pieces:
        if self.standing is None:
            return ()
        standing, width = self.standing, self.size.width - 1
        # What changes every second stands first: a line is written from its left edge to its last change.
        counts, name = words.count_pieces(standing), self._named(20 if self.size.height == 1 else 12)
        room = self.size.width - 1 - length(name) - length(_short(counts))
        link: list[Piece] = [(" ", "text"), *words.link_pieces(standing, room)]
        if self.size.height == 1:
            left = [*link, *name, GAP, *counts]
            end = [*words.filter_pieces(standing), (" · ", "grey"), *words.feed_pieces(standing)]
            if length(left) + length(end) >= width:
                end = words.filter_pieces(standing)
            return spread(left, end, width)
        if line == 0:
            left = [*link, *name]
            return (
                spread(left, counts, width + 1) if length(left) + length(counts) < width else [*left, *_short(counts)]
            )
        return spread([(" ", "text"), *words.filter_pieces(standing)], words.feed_pieces(standing), width)

    def _named(self, width: int) -> list[Piece]:
        """The profile, where it is not told with the state."""
        standing = self.standing
        if standing is None or standing.recorded_for is not None:
            return []
        return [GAP, words.name_piece(standing.name, standing.color, width)]


def _short(counts: list[Piece]) -> list[Piece]:
    """The counts with shorter words: all of them must fit."""
    return [("  ", "text"), *((text.replace("ning", "").replace("ing", "").replace("ed", ""), c) for text, c in counts)]


class Trouble(Bar):
    """Why the screen is not live. Takes no room while it is."""

    DEFAULT_CSS = """
    Trouble { height: auto; display: none; }
    """

    _lines: list[str] = []  # noqa: RUF012  (replaced, never changed)
    _colour = "amber"

    def show(self, standing: Standing) -> None:
        """Tell what is wrong, if anything is."""
        reason = trouble(standing)
        self._colour = "red" if standing.state is LinkState.OFFLINE else "amber"
        self._lines = hanging(reason, self.app.size.width - 3, MAX_TROUBLE_LINES) if reason else []
        self.display = bool(reason)
        if self._lines:
            self.styles.height = len(self._lines)
        self.repaint()

    def draw(self, line: int) -> Pieces:
        return [(" ", "text"), (self._lines[line], self._colour)] if line < len(self._lines) else ()
