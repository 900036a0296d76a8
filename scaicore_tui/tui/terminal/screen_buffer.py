"""The contents of the terminal screen, so that only the cells that differ are written.

Why: Textual writes a changed line again from the left edge of its widget, and ends each segment with a reset. A key
press then costs several kilobytes; as a difference it costs a few hundred bytes, which matters over SSH.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from rich.color import ColorSystem
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Size
from textual.screen import Screen
from textual.strip import Strip

from scaicore_tui.tui.terminal.cells import Cell, Sgr, cells_of, is_wide
from scaicore_tui.tui.terminal.writer import CursorPosition, cursor_move, encode, text_runs

# Differs from every cell that is ever drawn.
_UNKNOWN = Cell("\0", Sgr(None, ""))


class PlacedStrip(NamedTuple):
    """A strip, and the column and row of its first cell."""

    x: int
    y: int
    strip: Strip


class ScreenBuffer:
    """The cells, the SGR parameters and the cursor position of one terminal."""

    def __init__(self) -> None:
        self.forget()

    @property
    def is_unknown(self) -> bool:
        """True if nothing is known about the screen: the next update must draw all of it."""
        return not self._rows

    def forget(self) -> None:
        """Forget the contents: something else was written, or the size changed."""
        self._rows: list[list[Cell]] = []
        self._size = Size(0, 0)
        self._sgr: Sgr | None = None
        self._cursor: CursorPosition = None

    def render(self, screen: Screen[object], update: object, color_system: ColorSystem) -> str | None:
        """Return the text that draws one of Textual's updates; None if `update` is something else."""
        if not isinstance(update, LayoutUpdate | ChopsUpdate):
            return None
        compositor = screen._compositor
        if self.is_unknown and isinstance(update, ChopsUpdate):
            update = compositor.render_full_update()
        return self.draw(compositor_updates(update), compositor.size, color_system)

    def draw(self, strips: Iterable[PlacedStrip], size: Size, color_system: ColorSystem) -> str:
        """Return the text that makes a terminal of `size` show the strips; empty if it already does."""
        if size != self._size:
            self.forget()
            self._size = size
            self._rows = [[_UNKNOWN] * size.width for _ in range(size.height)]
        changed: dict[int, set[int]] = {}
        for x, y, strip in strips:
            if 0 <= y < size.height and (columns := self._put(x, y, strip, color_system)):
                changed.setdefault(y, set()).update(columns)
        runs = [run for y in sorted(changed) for run in text_runs(y, self._rows[y], sorted(changed[y]))]
        text, self._sgr, self._cursor = encode(runs, self._sgr, self._cursor)
        return text

    def move_cursor(self, to: tuple[int, int]) -> str:
        """Return the sequence that moves the cursor to a column and row; empty if it is there."""
        if self._cursor == to:
            return ""
        sequence = cursor_move(self._cursor, to)
        self._cursor = to
        return sequence

    def _put(self, x: int, y: int, strip: Strip, color_system: ColorSystem) -> list[int]:
        """Store a strip. Return the columns that changed."""
        row, changed = self._rows[y], []
        for column, cell in enumerate(cells_of(strip, color_system), x):
            if column >= len(row):
                break
            if column >= 0 and (old := row[column]) != cell:
                # Only half a wide character is empty, and no wide one is ASCII.
                if not old.text or not old.text.isascii():
                    self._split_wide(row, column)
                row[column] = cell
                changed.append(column)
        return changed

    @staticmethod
    def _split_wide(row: list[Cell], column: int) -> None:
        """Mark the other half of a wide character as unknown, since one half is about to be overwritten."""
        if not row[column].text and column and is_wide(row[column - 1]):
            row[column - 1] = _UNKNOWN
        if is_wide(row[column]) and column + 1 < len(row) and not row[column + 1].text:
            row[column + 1] = _UNKNOWN


def compositor_updates(update: LayoutUpdate | ChopsUpdate) -> Iterator[PlacedStrip]:
    """Return the strips of one of Textual's updates: of the whole screen, or of the parts that changed."""
    return _whole_screen(update) if isinstance(update, LayoutUpdate) else _changed_parts(update)


def _whole_screen(update: LayoutUpdate) -> Iterator[PlacedStrip]:
    for y, line in enumerate(update.strips, update.region.y):
        x = update.region.x
        for strip in line:
            yield PlacedStrip(x, y, strip)
            x += strip.cell_length


def _changed_parts(update: ChopsUpdate) -> Iterator[PlacedStrip]:
    for y, begin, end in update.spans:
        for stop, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if strip is not None and x < end and stop > begin:
                yield PlacedStrip(x, y, strip if stop <= end else strip.crop(0, end - x))
