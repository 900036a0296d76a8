"""The only place that writes standard output: documents for programs, tables for people."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from scaicore_tui.cli.colours import Cell, Painted, in_colour, text_of

# What a terminal could take for an order; in JSON each has an escape of the same meaning.
_TERMINAL_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
GAP = "  "

_colours = False


def paint(colours: bool) -> None:
    """Whether tables have colours."""
    global _colours
    _colours = colours


def line(text: str) -> None:
    """One line, safe already."""
    sys.stdout.write(text + "\n")


def document(value: Any) -> None:
    """One JSON document. ASCII, so that no byte of it can drive a terminal."""
    line(json.dumps(value, indent=2))


def compact_line(value: Any) -> None:
    """One JSON document on one line, at once."""
    line(json.dumps(value))
    sys.stdout.flush()


def verbatim(source: bytes) -> None:
    """A JSON text as it came, on one line. On a terminal, and only there, controls become JSON escapes."""
    flat = source.replace(b"\r", b" ").replace(b"\n", b" ")
    if sys.stdout.isatty():
        line(_TERMINAL_CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", flat.decode("utf-8", "replace")))
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(flat + b"\n")


def table(head: Sequence[str], rows: Iterable[Sequence[Cell]], width: int) -> None:
    """Aligned columns of safe text under a head, cut to `width` cells. A row of one text is a line of its own."""
    from scaicore_tui.text import cells

    lines = [[Painted(name, "grey") for name in head], *rows]
    columns = zip(*(entries for entries in lines if len(entries) > 1), strict=True)
    widths = [max(cells(text_of(entry)) for entry in column) for column in columns]
    for entries in lines:
        row(entries, widths if len(entries) > 1 else [width], width)


def row(entries: Sequence[Cell], widths: Sequence[int], width: int) -> None:
    """One line of a table, of columns that are so wide, cut to `width` cells."""
    from scaicore_tui.text import cut, fit

    padded = [fit(text_of(entry), size) + GAP for entry, size in zip(entries, widths, strict=True)]
    shown = cut("".join(padded).rstrip(), width)
    line(_painted(shown, zip(padded, entries, strict=True)) if _colours else shown)


class Columns:
    """The columns of a table that is told line by line: each as wide as its widest entry so far."""

    def __init__(self, *widths: int) -> None:
        self._widths: Sequence[int] = widths

    def row(self, entries: Sequence[Cell], width: int) -> None:
        """The next line, at once."""
        from scaicore_tui.text import cells

        self._widths = [max(size, cells(text_of(entry))) for size, entry in zip(self._widths, entries, strict=True)]
        row(entries, self._widths, width)
        sys.stdout.flush()


def _painted(shown: str, parts: Iterable[tuple[str, Cell]]) -> str:
    """A line with the colours of the parts that it was made of, as far as they are shown."""
    painted, begin = [], 0
    for text, entry in parts:
        painted.append(in_colour(shown[begin : begin + len(text)], entry))
        begin += len(text)
    return "".join(painted)
