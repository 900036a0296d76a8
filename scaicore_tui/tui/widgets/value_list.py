"""A list of JSON values that fold, with search."""

from __future__ import annotations

from collections.abc import Sequence

from scaicore_tui.tui.messages import ValueSelected
from scaicore_tui.tui.render.line import Line
from scaicore_tui.tui.render.value_rows import (
    Path,
    Section,
    ValueRow,
    find_paths,
    is_open,
    parents_of,
    value_rows,
)
from scaicore_tui.tui.widgets.row_list import CURSOR_CELLS, RowList


class ValueList(RowList):
    """Sections of values. What was folded by hand stays so while its section has the same key."""

    def __init__(self, empty: str, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(id=id)
        self._empty = empty
        self._sections: Sequence[Section] = ()
        self._value_rows: list[ValueRow] = []
        self._toggled: set[Path] = set()
        # The row before which lines are left empty, so that the last rows are in the last lines, and their number.
        self._gap_row = self._gap_lines = 0

    @property
    def row_count(self) -> int:
        return len(self._value_rows)

    @property
    def empty_text(self) -> str:
        return self._empty

    @property
    def selected(self) -> ValueRow | None:
        """The row under the cursor."""
        return self._value_rows[self.cursor] if self.cursor < self.row_count else None

    @property
    def line_count(self) -> int:
        return max(1, self.row_count + self._gap_lines)

    def line_of(self, row: int) -> int:
        return row if row < self._gap_row else row + self._gap_lines

    def row_at(self, line: int) -> int | None:
        row = line if line < self._gap_row else line - self._gap_lines
        is_gap = line >= self._gap_row > row
        return None if is_gap or row >= self.row_count else row

    def draw(self, line: int) -> Line:
        row = self.row_at(line) if self.row_count else line
        return () if row is None else super().draw(row)

    def draw_row(self, row: int) -> Line:
        return self._value_rows[row].line

    def show(self, sections: Sequence[Section], *, is_other: bool = False) -> None:
        """Show `sections`. If they are of another thing, go to the top; else the cursor stays on its value.

        The value stays in its line, also if others were added above it.
        """
        self._sections = sections
        if is_other:
            self._toggled.clear()
            self.cursor = 0
            self.scroll_to_line(0)
        line = self.cursor - self.top
        self._rebuild(None if is_other else self._selected_path)
        if not is_other and self.cursor - self.top != line:
            self.scroll_to_line(max(0, self.cursor - line))

    def go_to(self, path: Path) -> None:
        """Move the cursor to the value at `path`, if it is shown."""
        row = next((number for number, row in enumerate(self._value_rows) if row.path == path), None)
        if row is not None:
            self.set_cursor(row, by_user=False)

    def cursor_moved(self, *, by_user: bool) -> None:
        if by_user:
            self.screen.post_message(ValueSelected())

    def select(self, key: str) -> None:
        """Go to the section with a key, if it is shown."""
        self._rebuild((key,))
        self.scroll_to_cursor()

    def row_opened(self) -> None:
        """Fold or unfold the value under the cursor, or the one that it is a part of."""
        selected = self.selected
        if selected is None:
            return
        path = selected.fold_path or selected.path[:-1]
        if path:
            self._toggled ^= {path}
            self._rebuild(path)

    def search(self, needle: str, step: int, *, from_here: bool = False) -> bool:
        """Go to the next value with `needle`, or by a `step` of -1 to the one before; unfold it.

        `from_here` counts the current value too. Returns False if there is none.
        """
        found = find_paths(self._sections, needle)
        here = next((index for index, (path, _) in enumerate(found) if path == self._selected_path), -1)
        order = [*range(here + 1, len(found)), *range(here + 1)]
        if step < 0:
            order = [*range(here - 1, -1, -1), *range(len(found) - 1, here - 1, -1)]
        elif from_here and here >= 0:
            order = [here, *order[:-1]]
        match = next((found[index][0] for index in order if found[index][1]), None)
        if match is None:
            return False
        self._unfold(match)
        return True

    def on_resize(self) -> None:
        self._rebuild(self._selected_path)
        super().on_resize()

    @property
    def _selected_path(self) -> Path | None:
        selected = self.selected
        return None if selected is None else selected.path

    def _unfold(self, path: Path) -> None:
        """Go to a value, and unfold all that it is in, and itself if it is the text of a section."""
        for around in (*parents_of(path), *([path] if len(path) == 1 else [])):
            if not is_open(around, self._sections, self._toggled):
                self._toggled ^= {around}
        self._rebuild(path)
        self.scroll_to_cursor()

    def _rebuild(self, path: Path | None) -> None:
        """Make the rows again; the cursor goes to the value at `path`, if it is shown."""
        width = max(1, self.size.width - CURSOR_CELLS)
        self._value_rows = value_rows(self._sections, self._toggled, width)
        last = {section.key for section in self._sections if section.is_last}
        rows = (number for number, row in enumerate(self._value_rows) if row.path[0] in last)
        self._gap_row = next(rows, self.row_count)
        self._gap_lines = max(0, self.size.height - self.row_count) if self._gap_row < self.row_count else 0
        if path is not None:
            rows = (number for number, row in enumerate(self._value_rows) if row.path == path)
            self.cursor = next(rows, self.cursor)
        self.cursor = min(self.cursor, max(0, self.row_count - 1))
        self.leave_no_gap()
        self.repaint()
