"""The only place that writes standard output: documents for programs, tables for people."""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import Any

WIDE = 10_000


def width() -> int:
    """How wide a line may be: the terminal, or any width into a pipe."""
    return shutil.get_terminal_size().columns if os.isatty(1) else WIDE


def line(text: str) -> None:
    """One line, safe already."""
    sys.stdout.write(text + "\n")


def document(value: Any) -> None:
    """One JSON document. ASCII, so that no byte of it can drive a terminal."""
    line(_json(value, indent=2))


def compact_line(value: Any) -> None:
    """One JSON document on one line, at once."""
    line(_json(value))
    sys.stdout.flush()


def _json(value: Any, indent: int | None = None) -> str:
    """The value as JSON. What this has no word for, NaN and what is infinite, is null: else nobody could read it."""
    try:
        return json.dumps(value, indent=indent, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), indent=indent)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def verbatim(source: bytes) -> None:
    """A JSON text as it came, on one line. On a terminal, and only there, what is unsafe becomes JSON escapes."""
    flat = source.replace(b"\r", b" ").replace(b"\n", b" ")
    if sys.stdout.isatty():
        from scaicore_tui.text import escaped

        line(escaped(flat.decode("utf-8", "surrogateescape")))
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(flat + b"\n")


def foreign(title: str, text: str, *, ascii_only: bool) -> None:
    """Foreign text of any kind under a title of ours, each line behind the bar."""
    from scaicore_tui.text import ASCII_BAR, BAR, behind_bar

    line(title)
    for told in behind_bar(text, width()):
        line(told.replace(BAR, ASCII_BAR, 1) if ascii_only else told)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Aligned columns of safe text under a head. A row of one text is a line of its own."""
    from scaicore_tui.text import cells, cut, fit

    room = width()
    lines = [list(head), *(list(row) for row in rows)]
    columns = zip(*(entries for entries in lines if len(entries) > 1), strict=True)
    widths = [max(cells(entry) for entry in column) for column in columns]
    for entries in lines:
        sizes = widths if len(entries) > 1 else map(cells, entries)
        padded = (fit(entry, size) for entry, size in zip(entries, sizes, strict=True))
        line(cut("  ".join(padded).rstrip(), room))
