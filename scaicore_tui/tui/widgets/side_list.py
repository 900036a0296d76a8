"""A list of two values side by side: what is equal folds, and the differences are gone through one by one."""

from __future__ import annotations

from collections.abc import Sequence

from scaicore_tui.analysis.value_diff import Path
from scaicore_tui.tui.messages import ValueSelected
from scaicore_tui.tui.render.line import Line
from scaicore_tui.tui.render.side_by_side import SideRow, Sides, column_cells, side_rows
from scaicore_tui.tui.widgets.row_list import CURSOR_CELLS, RowList


class SideList(RowList):
    """The values of two runs. What was folded by hand stays so until other values are shown."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(id=id)
        self._sides: Sequence[Sides] = ()
        self._side_rows: list[SideRow] = []
        self._toggled: set[tuple[str, Path]] = set()

    @property
    def row_count(self) -> int:
        return len(self._side_rows)

    @property
    def empty_text(self) -> str:
        return "neither run has a value here"

    @property
    def selected(self) -> SideRow | None:
        """The row under the cursor."""
        return self._side_rows[self.cursor] if self.cursor < self.row_count else None

    @property
    def columns(self) -> tuple[int, int]:
        """The cells before the first value, and those of each value."""
        before, cells = column_cells(self._side_rows, self._row_cells)
        return before + CURSOR_CELLS, cells

    def draw_row(self, row: int) -> Line:
        return self._side_rows[row].line

    def show(self, sides: Sequence[Sides], *, is_other: bool) -> None:
        """Show values. If they are others than before, go to the first difference; else the cursor stays."""
        self._sides = sides
        if is_other:
            self._toggled.clear()
            self.cursor = 0
            self.scroll_to_line(0)
        self._rebuild()
        if is_other:
            self.go_to_difference(1, from_here=True)

    def go_to_difference(self, by: int, *, from_here: bool = False) -> bool:
        """Go to the next difference, or with -1 to the one before; `from_here` counts the current row too."""
        begin = self.cursor + (0 if from_here else by)
        numbers = range(begin, self.row_count) if by > 0 else range(begin, -1, -1)
        return self._go_to(next((number for number in numbers if self._side_rows[number].differs), None))

    def search(self, needle: str, by: int, *, from_here: bool = False) -> bool:
        """Go to the next row with `needle` in what is unfolded, or with -1 to the one before, and around the end."""
        wanted, here = needle.casefold(), self.cursor + (0 if from_here else by)
        numbers = [(here + by * step) % max(1, self.row_count) for step in range(self.row_count)]
        return self._go_to(next((number for number in numbers if wanted in self._text(number)), None))

    def cursor_moved(self, *, by_user: bool) -> None:
        if by_user:
            self.screen.post_message(ValueSelected())

    def row_opened(self) -> None:
        """Fold or unfold the values under the cursor."""
        selected = self.selected
        if selected is not None and selected.pair.is_open is not None:
            self._toggled ^= {(selected.title, selected.pair.path)}
            self._rebuild()

    def on_resize(self) -> None:
        self._rebuild()
        super().on_resize()

    @property
    def _row_cells(self) -> int:
        """The cells of a row; before the first layout those of the screen, all of which the list will have."""
        return max(1, (self.size.width or self.app.size.width) - CURSOR_CELLS)

    def _text(self, row: int) -> str:
        return "".join(text for text, _ in self._side_rows[row].line).casefold()

    def _go_to(self, row: int | None) -> bool:
        if row is not None:
            self.set_cursor(row)
        return row is not None

    def _rebuild(self) -> None:
        """Make the rows again; the cursor stays on its values."""
        selected = self.selected
        self._side_rows = side_rows(self._sides, self._toggled, self._row_cells)
        if selected is not None:
            key = selected.title, selected.pair.path
            rows = (number for number, row in enumerate(self._side_rows) if (row.title, row.pair.path) == key)
            self.cursor = next(rows, self.cursor)
        self.cursor = min(self.cursor, max(0, self.row_count - 1))
        self.leave_no_gap()
        self.repaint()
