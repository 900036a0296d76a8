"""The only place that writes standard output: documents for programs, tables for people."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

# What a terminal could take for an order; in JSON each has an escape of the same meaning.
_TERMINAL_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


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
    """A JSON text as it came, on one line. On a terminal, and only there, controls become JSON escapes."""
    flat = source.replace(b"\r", b" ").replace(b"\n", b" ")
    if sys.stdout.isatty():
        line(_TERMINAL_CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", flat.decode("utf-8", "replace")))
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(flat + b"\n")


def table(head: Sequence[str], rows: Iterable[Sequence[str]], width: int) -> None:
    """Aligned columns of safe text under a head, cut to `width` cells. A row of one text is a line of its own."""
    from scaicore_tui.text import cells, cut, fit

    lines = [list(head), *(list(row) for row in rows)]
    columns = zip(*(entries for entries in lines if len(entries) > 1), strict=True)
    widths = [max(cells(entry) for entry in column) for column in columns]
    for entries in lines:
        sizes = widths if len(entries) > 1 else map(cells, entries)
        padded = (fit(entry, size) for entry, size in zip(entries, sizes, strict=True))
        line(cut("  ".join(padded).rstrip(), width))
