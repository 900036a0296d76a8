"""Colours of a table or a line, on a terminal that has them, and wants them: nothing says anything by colour alone."""

from __future__ import annotations

import os
from typing import NamedTuple

# Of the sixteen that each terminal has, in its own shades.
_PENS = {"blue": "34", "green": "32", "red": "31", "amber": "33", "grey": "2", "strong": "1"}


class Painted(NamedTuple):
    """A text and the name of its colour."""

    text: str
    colour: str


# One cell of a table.
Cell = str | Painted


def are_wanted(no_color: bool) -> bool:
    """Whether standard output is a terminal that should show colours (https://no-color.org)."""
    plain = no_color or os.environ.get("NO_COLOR") or os.environ.get("TERM") in (None, "", "dumb")
    return not plain and os.isatty(1)


def text_of(cell: Cell) -> str:
    """What a cell says."""
    return cell.text if isinstance(cell, Painted) else cell


def in_colour(text: str, cell: Cell) -> str:
    """`text` in the colour of `cell`."""
    pen = _PENS.get(cell.colour) if isinstance(cell, Painted) else None
    return f"\x1b[{pen}m{text}\x1b[0m" if pen and text.strip() else text
