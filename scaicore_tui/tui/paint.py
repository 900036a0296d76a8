"""Lines as pieces of styled text, and the strips they become.

Pieces hold text that is safe already (`scaicore_tui.text`). They are never markup: nothing in them is interpreted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from scaicore_tui.runs.status import BREAKPOINT, GAP, NODE_LOOKS, REVIEW, RUN_LOOKS, Look
from scaicore_tui.text import cells, cut, fit, wrap

# A safe text, and the name of its colour; ` strong` behind it makes it bold, ` badge` lets it stand on that colour.
Piece = tuple[str, str]
Pieces = Sequence[Piece]

COLOURS = ("text", "grey", "accent", "blue", "green", "red", "amber")
STRONG = " strong"
BADGE = " badge"
CURSOR = "›"
NEWER = "▲"
MARKED = "■"

# A terminal without Unicode gets one sign for one sign, so that columns stay where they are.
_LOOKS: tuple[Look, ...] = (*RUN_LOOKS.values(), *NODE_LOOKS.values(), BREAKPOINT, REVIEW, GAP)
ASCII_SIGNS = str.maketrans(
    {look.glyph: look.ascii for look in _LOOKS}
    | {
        "…": "~",
        "·": "-",
        CURSOR: ">",
        NEWER: "^",
        MARKED: "@",
        "×": "x",
        "↓": "v",
        "↑": "^",
        "▍": "|",
        "─": "-",
        "–": "-",
    }
)


def badge(text: str, colour: str) -> Piece:
    """`text` on a ground of that colour."""
    return f" {text} ", colour + BADGE


def piece(text: str, width: int, colour: str = "text") -> Piece:
    """A column: `text` in exactly `width` cells."""
    return fit(text, width), colour


def right(text: str, width: int, colour: str = "text") -> Piece:
    """A column whose text ends at its right edge."""
    shown = cut(text, width)
    return " " * (width - cells(shown)) + shown, colour


def spread(left: Iterable[Piece], end: Iterable[Piece], width: int) -> list[Piece]:
    """`left`, then blanks, then `end` at the right edge; without room for both, `left` alone."""
    left, end = list(left), list(end)
    gap = width - length(left) - length(end)
    return [*left, (" " * gap, "text"), *end] if gap > 0 else left


def length(pieces: Iterable[Piece]) -> int:
    """How many cells the pieces take."""
    return sum(cells(text) for text, _ in pieces)


def wrapped(pieces: Iterable[Piece], width: int) -> list[list[Piece]]:
    """The pieces in lines of `width` cells: broken between two pieces, and in one only where it is too long."""
    lines: list[list[Piece]] = [[]]
    for text, colour in pieces:
        if length(lines[-1]) + cells(text) <= width:
            lines[-1].append((text, colour))
            continue
        folded = [[(line, colour)] for line in wrap(text.lstrip(), width)]
        lines = [*lines, *folded] if lines[-1] else folded
    return lines


def strip(pieces: Iterable[Piece], width: int, style: Callable[[str], Style], *, ascii_only: bool) -> Strip:
    """The pieces in exactly `width` cells."""
    merged: list[tuple[str, str]] = []
    left = width
    for text, colour in pieces:
        shown = text if cells(text) <= left else cut(text, left)
        left -= cells(shown)
        _merge(merged, shown, colour)
        if left <= 0:
            break
    _merge(merged, " " * left, "text")
    signs = ASCII_SIGNS if ascii_only else {}
    return Strip([Segment(text.translate(signs), style(colour)) for text, colour in merged], width)


def _merge(merged: list[tuple[str, str]], text: str, colour: str) -> None:
    """Add to the last segment what looks like it: less to hold and to compare. Blanks fit all."""
    if not text:
        return
    before, last = merged[-1] if merged else ("", "")
    is_plain = not last.endswith(BADGE) and not colour.endswith(BADGE)
    if before and (colour == last or (text.isspace() and is_plain)):
        merged[-1] = (before + text, last)
    elif before.isspace() and is_plain:
        merged[-1] = (before + text, colour)
    else:
        merged.append((text, colour))
