"""Write standard output: JSON documents for programs, tables for people. No other module writes it."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from scaicore_tui.json_text import write

# SGR codes by colour; only the 16 colours that every terminal has.
_SGR_CODES = {
    "blue": "34",
    "green": "32",
    "red": "31",
    "amber": "33",
    "grey": "2",
    "strong": "1",
    "accent": "36",
    "accent strong": "1;36",
}


class Coloured(NamedTuple):
    """A text with the name of its colour: blue, green, red, amber, grey, strong, accent or `accent strong`."""

    text: str
    colour: str


# One cell of a table.
Cell = str | Coloured


def use_colour(no_color: bool) -> bool:
    """Return True if standard output is a terminal that should show colours (https://no-color.org)."""
    plain = no_color or os.environ.get("NO_COLOR") or os.environ.get("TERM") in (None, "", "dumb")
    return not plain and os.isatty(1)


def cell_text(cell: Cell) -> str:
    """Return the text of a cell without its colour."""
    return cell.text if isinstance(cell, Coloured) else cell


def colour_text(text: str, cell: Cell) -> str:
    """Return `text` in the colour of `cell`."""
    code = _SGR_CODES.get(cell.colour) if isinstance(cell, Coloured) else None
    return f"\x1b[{code}m{text}\x1b[0m" if code and text.strip() else text


PIPE_WIDTH_CELLS = 10_000
COLUMN_GAP = "  "
# Columns are not cut to less than this.
MIN_COLUMN_CELLS = 16
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")

_colours = False


def enable_colour(colours: bool) -> None:
    """Set whether tables have colours."""
    global _colours
    _colours = colours


def width() -> int:
    """Return the width of the terminal in cells; PIPE_WIDTH_CELLS if the output is not a terminal."""
    return shutil.get_terminal_size().columns if os.isatty(1) else PIPE_WIDTH_CELLS


def line(text: str) -> None:
    """Print one line. The text must be safe for a terminal already."""
    sys.stdout.write(text + "\n")


def flush() -> None:
    """Write buffered output. Raises StorageError if that fails."""
    sys.stdout.flush()


def document(value: Any) -> None:
    """Print an indented JSON document, in ASCII, so that no byte of it can control a terminal."""
    line(_json(value, indent=2))


def compact_line(value: Any) -> None:
    """Print a JSON document on one line and flush."""
    line(_json(value))
    sys.stdout.flush()


def _json(value: Any, indent: int | None = None) -> str:
    """Return the value as JSON. Numbers keep their spelling; NaN, which is not valid JSON, becomes null."""
    return write(value, indent=indent, ascii_only=True, non_finite="null")


def verbatim(source: bytes) -> None:
    """Print a JSON text on one line, otherwise unchanged. On a terminal, unsafe characters become JSON escapes."""
    flat = source.replace(b"\r", b" ").replace(b"\n", b" ")
    if sys.stdout.isatty():
        from scaicore_tui.text import escape_json

        text = escape_json(flat.decode("utf-8", "surrogateescape"))
        # JSON escapes, not the ASCII fallback of `streams`: this is data.
        line(text if sys.stdout.encoding == "utf-8" else _NOT_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], text))
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(flat + b"\n")


def raw(text: str) -> None:
    """Print a part of a file as it is, in UTF-8; on a terminal, unsafe characters become visible ones."""
    if sys.stdout.isatty():
        from scaicore_tui.text import sanitize_input

        sys.stdout.write(sanitize_input(text))
        return
    from scaicore_tui.json_text import to_bytes

    sys.stdout.flush()
    sys.stdout.buffer.write(to_bytes(text))


def csv_rows(rows: Iterable[Sequence[Any]]) -> None:
    """Print rows as comma-separated values (RFC 4180). On a terminal, unsafe characters become visible ones."""
    import csv
    import io

    is_terminal = sys.stdout.isatty()
    for row in rows:
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="").writerow(["" if value is None else value for value in row])
        text = buffer.getvalue()
        if is_terminal:
            from scaicore_tui.text import sanitize

            text = sanitize(text)
        line(text)


def block_quote(title: str, text: str, *, ascii_only: bool) -> None:
    """Print a title and, below it, untrusted text with a quote bar before each line."""
    from scaicore_tui.text import ASCII_BAR, QUOTE_BAR, block_quote

    line(title)
    for quoted in block_quote(text, width()):
        line(quoted.replace(QUOTE_BAR, ASCII_BAR, 1) if ascii_only else quoted)


def table(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Print rows of safe text in aligned columns under `head`. A row with one cell takes the whole line."""
    from scaicore_tui.text import cell_width

    available = width()
    lines = [[Coloured(name, "grey") for name in head], *rows]
    columns = zip(*(entries for entries in lines if len(entries) > 1), strict=True)
    found = [max(cell_width(cell_text(entry)) for entry in column) for column in columns]
    widths = share_width(found, available) if found else []
    for entries in lines:
        _row(entries, widths if len(entries) > 1 else [available], available)


def share_width(widths: Sequence[int], available: int) -> list[int]:
    """Return column widths that fit into `available` cells.

    All columns but the last are cut to a common maximum if needed, which is at least MIN_COLUMN_CELLS. The last keeps
    its width: its end is cut off with the line.
    """
    *leading, last = widths
    excess = sum(leading) + len(COLUMN_GAP) * len(leading) + min(last, MIN_COLUMN_CELLS) - available
    maximum = max(leading, default=0)
    while excess > 0 and maximum > MIN_COLUMN_CELLS:
        maximum -= 1
        excess -= sum(size > maximum for size in leading)
    return [*(min(size, maximum) for size in leading), last]


def _row(entries: Sequence[Cell], widths: Sequence[int], available: int) -> None:
    """Print one line of a table, cut to `available` cells."""
    from scaicore_tui.text import pad, truncate

    # No cell is padded to more than the line: cutting long padding would take time.
    padded = [
        pad(cell_text(entry), min(size, available)) + COLUMN_GAP for entry, size in zip(entries, widths, strict=True)
    ]
    shown = truncate("".join(padded).rstrip(), available)
    line(_colour_line(shown, zip(padded, entries, strict=True)) if _colours else shown)


def spans(parts: Iterable[tuple[str, str]]) -> None:
    """Print one line of safe texts, each with the name of its colour. Spaces at its end are left out."""
    kept = [Coloured(text, colour) for text, colour in parts]
    while kept and not kept[-1].text.strip():
        kept.pop()
    if kept:
        kept[-1] = Coloured(kept[-1].text.rstrip(), kept[-1].colour)
    line("".join(colour_text(part.text, part) if _colours else part.text for part in kept))


class Columns:
    """Columns of a table that is printed row by row: each is as wide as its widest entry so far."""

    def __init__(self, *widths: int) -> None:
        self._widths: Sequence[int] = widths

    def row(self, entries: Sequence[Cell]) -> None:
        """Print the next row and flush."""
        from scaicore_tui.text import cell_width

        self._widths = [
            max(size, cell_width(cell_text(entry))) for size, entry in zip(self._widths, entries, strict=True)
        ]
        available = width()
        _row(entries, share_width(self._widths, available), available)
        sys.stdout.flush()


def _colour_line(shown: str, parts: Iterable[tuple[str, Cell]]) -> str:
    """Return `shown` with the colours of its cells. `parts` are the padded texts with their cells, not yet cut."""
    coloured, begin = [], 0
    for text, entry in parts:
        coloured.append(colour_text(shown[begin : begin + len(text)], entry))
        begin += len(text)
    return "".join(coloured)
