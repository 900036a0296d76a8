"""What a terminal shows, as far as it was told: the difference to that is all that need be written."""

from __future__ import annotations

from collections.abc import Iterable

from rich.color import ColorSystem
from textual.geometry import Size
from textual.strip import Strip

from scaicore_tui.tui.terminal.cells import Cell, cells_of, is_wide
from scaicore_tui.tui.terminal.pens import Pen
from scaicore_tui.tui.terminal.strokes import Place, painted, strokes, travel

# Column and line of a strip's first cell, and the strip.
Patch = tuple[int, int, Strip]

# Looks like nothing that is ever painted.
_UNKNOWN: Cell = ("\0", Pen(None, ""))


class ScreenMemory:
    """The cells of one terminal, its pen, and where its cursor is."""

    def __init__(self) -> None:
        self.forget()

    @property
    def is_blank(self) -> bool:
        """Whether nothing is known: all of the screen must be painted."""
        return not self._rows

    def forget(self) -> None:
        """Something else may have been written, or the terminal may have another size now."""
        self._rows: list[list[Cell]] = []
        self._size = Size(0, 0)
        self._pen: Pen | None = None
        self._at: Place = None

    def paint(self, patches: Iterable[Patch], size: Size, depth: ColorSystem) -> str:
        """What makes a terminal of that size show the patches; empty where it does."""
        if size != self._size:
            self.forget()
            self._size = size
            self._rows = [[_UNKNOWN] * size.width for _ in range(size.height)]
        changed: dict[int, set[int]] = {}
        for x, y, strip in patches:
            if 0 <= y < size.height and (columns := self._lay(x, y, strip, depth)):
                changed.setdefault(y, set()).update(columns)
        found = [stroke for y in sorted(changed) for stroke in strokes(y, self._rows[y], sorted(changed[y]))]
        text, self._pen, self._at = painted(found, self._pen, self._at)
        return text

    def point(self, to: tuple[int, int]) -> str:
        """What moves the cursor there; empty where it is."""
        if self._at == to:
            return ""
        moved = travel(self._at, to)
        self._at = to
        return moved

    def _lay(self, x: int, y: int, strip: Strip, depth: ColorSystem) -> list[int]:
        """Remember a strip; the columns in which it differs from what was there."""
        row, changed = self._rows[y], []
        for column, cell in enumerate(cells_of(strip, depth), x):
            if column >= len(row):
                break
            if column >= 0 and row[column] != cell:
                self._tear(row, column)
                row[column] = cell
                changed.append(column)
        return changed

    @staticmethod
    def _tear(row: list[Cell], column: int) -> None:
        """Half of a wide sign is about to be painted over: nobody knows what the other half shows then."""
        if not row[column][0] and column and is_wide(row[column - 1]):
            row[column - 1] = _UNKNOWN
        if is_wide(row[column]) and column + 1 < len(row) and not row[column + 1][0]:
            row[column + 1] = _UNKNOWN
