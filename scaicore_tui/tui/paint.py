"""Lines as pieces of styled text, and the strips they become.

Pieces hold text that is safe already (`scaicore_tui.text`). They are never markup: nothing in them is interpreted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from scaicore_tui.runs.status import BREAKPOINT, GAP, NODE_LOOKS, REVIEW, RUN_LOOKS, Look
from scaicore_tui.text import BAR as BAR_SIGN
from scaicore_tui.text import ELLIPSIS, cells, cut, fit, one_line, wrap

# A safe text, and the name of its colour; ` strong` behind it makes it bold, ` badge` lets it stand on that colour.
Piece = tuple[str, str]
Pieces = Sequence[Piece]

COLOURS = ("text", "grey", "accent", "blue", "green", "red", "amber")
STRONG = " strong"
BADGE = " badge"
CURSOR = "›"
NEWER = "▲"
MARKED = "■"
# What comes from a flow stands behind this bar, whatever it says, to the end of its line: nothing else does, so that no
# flow can speak in the program's place.
BAR: Piece = (BAR_SIGN, "blue")

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
        "▍": "[",
        "│": "|",
        "“": '"',
        "”": '"',
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


def foreign(text: str, width: int, colour: str = "text", most: int | None = None) -> list[Pieces]:
    """Foreign text in lines of `width` cells, each behind the bar; of more than `most` the first ones."""
    return [[BAR, (line, colour)] for line in wrap(text, width - cells(BAR[0]), most)]


def hanging(words: str, width: int, most: int) -> list[str]:
    """Words of ours, with foreign ones in quotes, as at most so many lines of `width` cells. All but the first are
    indented: what stands there goes on, and is no message of its own."""
    words = one_line(words)
    first, *rest = wrap(words, width)
    going_on = wrap(words[len(first) :].lstrip(), width - 2, most - 1) if rest else []
    return [first, *(f"  {line}" for line in going_on)]


def wrapped(pieces: Iterable[Piece], width: int, most: int) -> list[list[Piece]]:
    """The pieces in lines of `width` cells: broken between two pieces, and in one only where it is too long. Of more
    than `most` lines the first ones, and a sign that there are more."""
    lines: list[list[Piece]] = [[]]
    for text, colour in pieces:
        if length(lines[-1]) + cells(text) <= width:
            lines[-1].append((text, colour))
            continue
        folded = [[(line, colour)] for line in wrap(text.lstrip(), width)]
        lines = [*lines, *folded] if lines[-1] else folded
    if len(lines) > most:
        lines = [*lines[: most - 1], [*lines[most - 1], (ELLIPSIS, "text")]]
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
