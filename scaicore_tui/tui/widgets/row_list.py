"""Base of lists with a cursor. The cursor is a mark at the left edge: moving it repaints two cells."""

from __future__ import annotations

from abc import abstractmethod

from textual import events

from scaicore_tui.tui.render.line import CURSOR, Line, Span
from scaicore_tui.tui.widgets.line_view import LineView

# The mark of the cursor at the left edge of a row takes these.
CURSOR_CELLS = 2


class RowList(LineView):
    """Rows with a cursor. Subclasses draw a row without the cursor mark and react to moving and opening."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(id=id)
        self.cursor = 0
        self.has_keys = False

    @property
    @abstractmethod
    def row_count(self) -> int:
        """The number of rows."""

    @property
    def empty_text(self) -> str:
        """The text of an empty list."""
        return ""

    @abstractmethod
    def draw_row(self, row: int) -> Line:
        """Return the spans of a row, without the cursor mark."""

    def line_of(self, row: int) -> int:
        """Return the line of `row`, which may be one before the first or one after the last."""
        return row

    def row_at(self, line: int) -> int | None:
        """Return the row on a line; None if there is no row on it."""
        return line if line < self.row_count else None

    def cursor_mark(self, row: int) -> Span:
        """Return the two cells before a row."""
        if row != self.cursor:
            return "  ", "text"
        return f"{CURSOR} ", "accent strong" if self.has_keys else "grey"

    def cursor_moved(self, *, by_user: bool) -> None:
        """React to the cursor being on another row; `by_user` is False if the data moved it."""

    def row_opened(self) -> None:
        """React to the row under the cursor being opened."""

    @property
    def line_count(self) -> int:
        return max(1, self.row_count)

    def draw(self, line: int) -> Line:
        if not self.row_count:
            return [("  ", "text"), (self.empty_text, "grey")]
        return [self.cursor_mark(line), *self.draw_row(line)]

    def set_cursor(self, row: int, *, by_user: bool = True) -> None:
        """Move the cursor to `row`, or to the nearest row, and scroll to it."""
        row, before, top = max(0, min(row, self.row_count - 1)), self.cursor, self.top
        if row != before:
            self.cursor = row
            self.cursor_moved(by_user=by_user)
        self.scroll_to_cursor()
        # Scrolling repaints by itself; otherwise only the mark moves.
        if self.top == top:
            self.repaint_lines(self.line_of(before), self.line_of(row))

    def scroll_to_cursor(self) -> None:
        """Scroll until the cursor is visible, together with the lines between its row and the adjacent ones.

        Scrolls by half a page: scrolling one line repaints as much as scrolling many.
        """
        height = self.size.height
        first, last = self.line_of(self.cursor - 1) + 1, self.line_of(self.cursor + 1) - 1
        if height and not self.top <= first <= last < self.top + height:
            self.scroll_to_line(self.line_of(self.cursor) - height // 2)

    def leave_no_gap(self) -> None:
        """Scroll up if fewer rows than before leave lines empty below the last one."""
        if self.top > self.max_scroll_y:
            self.scroll_to_line(self.max_scroll_y)

    def move(self, by: int) -> None:
        self.set_cursor(self.cursor + by)

    def open_row(self) -> None:
        """Open the row under the cursor."""
        if self.row_count:
            self.row_opened()

    def set_active(self, *, active: bool) -> None:
        """Note whether keys go to this list; the cursor is brighter if so."""
        self.has_keys = active
        self.repaint()

    def on_resize(self) -> None:
        self.scroll_to_cursor()

    def on_click(self, event: events.Click) -> None:
        """Select the row; a second click opens it."""
        row = self.row_at(self.top + event.y)
        if row is None:
            return
        if row == self.cursor and event.chain > 1:
            self.row_opened()
        self.set_cursor(row)
