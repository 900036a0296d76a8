"""The only place that writes standard output: documents for programs, tables for people."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from scaicore_tui.json_text import write

# Of the sixteen that each terminal has, in its own shades.
_SGR_CODES = {"blue": "34", "green": "32", "red": "31", "amber": "33", "grey": "2", "strong": "1"}


class Coloured(NamedTuple):
    """A text and the name of its colour."""

    text: str
    colour: str


# One cell of a table.
Cell = str | Coloured


def use_colour(no_color: bool) -> bool:
    """Whether standard output is a terminal that should show colours (https://no-color.org)."""
    plain = no_color or os.environ.get("NO_COLOR") or os.environ.get("TERM") in (None, "", "dumb")
    return not plain and os.isatty(1)


def cell_text(cell: Cell) -> str:
    """What a cell says."""
    return cell.text if isinstance(cell, Coloured) else cell


def colour_text(text: str, cell: Cell) -> str:
    """`text` in the colour of `cell`."""
    pen = _SGR_CODES.get(cell.colour) if isinstance(cell, Coloured) else None
    return f"\x1b[{pen}m{text}\x1b[0m" if pen and text.strip() else text


PIPE_WIDTH_CELLS = 10_000
COLUMN_GAP = "  "
# No column is cut to less.
MIN_COLUMN_CELLS = 16
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")

_colours = False


def enable_colour(colours: bool) -> None:
    """Whether tables have colours."""
    global _colours
    _colours = colours


def width() -> int:
    """How wide a line may be: the terminal, or any width into a pipe."""
    return shutil.get_terminal_size().columns if os.isatty(1) else PIPE_WIDTH_CELLS


def line(text: str) -> None:
    """One line, safe already."""
    sys.stdout.write(text + "\n")


def flush() -> None:
    """Write what was kept back. Raises StorageError where that fails."""
    sys.stdout.flush()


def document(value: Any) -> None:
    """One JSON document. ASCII, so that no byte of it can drive a terminal."""
    line(_json(value, indent=2))


def compact_line(value: Any) -> None:
    """One JSON document on one line, at once."""
    line(_json(value))
    sys.stdout.flush()


def _json(value: Any, indent: int | None = None) -> str:
    """The value as JSON, numbers as they came. What this has no word for, NaN, is null: else nobody could read it."""
    return write(value, indent=indent, ascii_only=True, non_finite="null")


def verbatim(source: bytes) -> None:
    """A JSON text as it came, on one line. On a terminal, and only there, what is unsafe becomes JSON escapes."""
    flat = source.replace(b"\r", b" ").replace(b"\n", b" ")
    if sys.stdout.isatty():
        from scaicore_tui.text import escape_json

        text = escape_json(flat.decode("utf-8", "surrogateescape"))
        # Not the ASCII that otherwise stands in for what an encoding lacks: this is data.
        line(text if sys.stdout.encoding == "utf-8" else _NOT_ASCII.sub(lambda sign: json.dumps(sign[0])[1:-1], text))
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(flat + b"\n")


def block_quote(title: str, text: str, *, ascii_only: bool) -> None:
    """Foreign text of any kind under a title of ours, each line behind the bar."""
    from scaicore_tui.text import ASCII_BAR, QUOTE_BAR, block_quote

    line(title)
    for told in block_quote(text, width()):
        line(told.replace(QUOTE_BAR, ASCII_BAR, 1) if ascii_only else told)


def table(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Aligned columns of safe text under a head. A row of one text is a line of its own."""
    from scaicore_tui.text import cell_width

    room = width()
    lines = [[Coloured(name, "grey") for name in head], *rows]
    columns = zip(*(entries for entries in lines if len(entries) > 1), strict=True)
    widths = share_width([max(cell_width(cell_text(entry)) for entry in column) for column in columns], room)
    for entries in lines:
        _row(entries, widths if len(entries) > 1 else [room], room)


def share_width(widths: Sequence[int], room: int) -> list[int]:
    """Widths of columns that have to share `room`: all but the last are cut to a common width where that is needed,
    which is a name's at least; the last takes what is left."""
    *others, last = widths
    excess = sum(others) + len(COLUMN_GAP) * len(others) + min(last, MIN_COLUMN_CELLS) - room
    most = max(others, default=0)
    while excess > 0 and most > MIN_COLUMN_CELLS:
        most -= 1
        excess -= sum(size > most for size in others)
    return [*(min(size, most) for size in others), last]


def _row(entries: Sequence[Cell], widths: Sequence[int], room: int) -> None:
    """One line of a table, of columns that are so wide, cut to as many cells as there is room for."""
    from scaicore_tui.text import pad, truncate

    # What is wider than the line need not be padded, nor cut sign by sign.
    padded = [pad(cell_text(entry), min(size, room)) + COLUMN_GAP for entry, size in zip(entries, widths, strict=True)]
    shown = truncate("".join(padded).rstrip(), room)
    line(_colour_line(shown, zip(padded, entries, strict=True)) if _colours else shown)


class Columns:
    """The columns of a table that is told line by line: each as wide as its widest entry so far."""

    def __init__(self, *widths: int) -> None:
        self._widths: Sequence[int] = widths

    def row(self, entries: Sequence[Cell]) -> None:
        """The next line, at once."""
        from scaicore_tui.text import cell_width

        self._widths = [
            max(size, cell_width(cell_text(entry))) for size, entry in zip(self._widths, entries, strict=True)
        ]
        room = width()
        _row(entries, share_width(self._widths, room), room)
        sys.stdout.flush()


def _colour_line(shown: str, parts: Iterable[tuple[str, Cell]]) -> str:
    """A line with the colours of the parts that it was made of, as far as they are shown."""
    painted, begin = [], 0
    for text, entry in parts:
        painted.append(colour_text(shown[begin : begin + len(text)], entry))
        begin += len(text)
    return "".join(painted)
