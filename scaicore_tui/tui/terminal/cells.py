"""Strips as the cells that they fill. Pure. No cell holds what drives a terminal, whoever made the strip."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from unicodedata import category

from rich.color import ColorSystem
from rich.style import Style
from textual.strip import Strip

from scaicore_tui.text import cells as width_of
from scaicore_tui.text import sealed
from scaicore_tui.tui.terminal.pens import Pen, pen_of

UNASSIGNED = "Cn"

# What a cell shows, and its pen. A wide sign fills its second cell with nothing.
Cell = tuple[str, Pen]


def cells_of(strip: Strip, depth: ColorSystem) -> Iterator[Cell]:
    """What each cell of a strip shows."""
    for text, style, control in strip:
        if control is None:
            yield from _cells(text, style, depth)


def is_wide(cell: Cell) -> bool:
    """Whether the sign fills the next cell, too."""
    text = cell[0]
    return not text.isascii() and width_of(text) > 1


def is_certain(text: str) -> bool:
    """Whether every terminal gives `text` as many cells as we do: not where signs join, nor with newer ones."""
    if text.isascii():
        return True
    is_known = len(text) == 1 and category(text) != UNASSIGNED
    return is_known and (width_of(text) == 1 or "\u2e80" <= text <= "\uffe6")


@lru_cache(2048)
def _cells(text: str, style: Style | None, depth: ColorSystem) -> tuple[Cell, ...]:
    pen = pen_of(style, depth)
    ground = pen.ground()
    text = sealed(text)
    if text.isascii():
        return tuple((sign, ground if sign == " " else pen) for sign in text)
    found: list[Cell] = []
    for sign in _graphemes(text):
        found += [(sign, ground if sign == " " else pen), *[("", pen)] * (width_of(sign) - 1)]
    return tuple(found)


def _graphemes(text: str) -> list[str]:
    """Signs with all that belongs to them; what has nothing to belong to is nowhere."""
    found: list[str] = []
    for sign in text:
        if width_of(sign):
            found.append(sign)
        elif found:
            found[-1] += sign
    return found
