"""Lines as pieces of styled text, and the strips they become.

Pieces hold text that is safe already (`scaicore_tui.text`). They are never markup: nothing in them is interpreted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from scaicore_tui.runs.status_style import BREAKPOINT, GAP, NODE_STYLES, REVIEW, RUN_STYLES, StatusStyle
from scaicore_tui.text import ELLIPSIS, cell_width, one_line, pad, truncate, wrap
from scaicore_tui.text import QUOTE_BAR as BAR_SIGN

# A safe text, and the name of its colour; ` strong` behind it makes it bold, ` badge` lets it stand on that colour.
Span = tuple[str, str]
Line = Sequence[Span]

COLOURS = ("text", "grey", "accent", "blue", "green", "red", "amber")
STRONG = " strong"
BADGE = " badge"
CURSOR = "›"
NEWER = "▲"
MARKED = "■"
# What comes from a flow stands behind this bar, whatever it says, to the end of its line: nothing else does, so that no
# flow can speak in the program's place.
BAR: Span = (BAR_SIGN, "blue")

# A terminal without Unicode gets one sign for one sign, so that columns stay where they are.
_LOOKS: tuple[StatusStyle, ...] = (*RUN_STYLES.values(), *NODE_STYLES.values(), BREAKPOINT, REVIEW, GAP)
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


def badge(text: str, colour: str) -> Span:
    """`text` on a ground of that colour."""
    return f" {text} ", colour + BADGE


def column(text: str, width: int, colour: str = "text") -> Span:
    """A column: `text` in exactly `width` cells."""
    return pad(text, width), colour


def right_align(text: str, width: int, colour: str = "text") -> Span:
    """A column whose text ends at its right edge."""
    shown = truncate(text, width)
    return " " * (width - cell_width(shown)) + shown, colour


def justify(left: Iterable[Span], end: Iterable[Span], width: int) -> list[Span]:
    """`left`, then blanks, then `end` at the right edge; without room for both, `left` alone."""
    left, end = list(left), list(end)
    gap = width - line_width(left) - line_width(end)
    return [*left, (" " * gap, "text"), *end] if gap > 0 else left


def line_width(pieces: Iterable[Span]) -> int:
    """How many cells the pieces take."""
    return sum(cell_width(text) for text, _ in pieces)


def untrusted(text: str, width: int, colour: str = "text", most: int | None = None) -> list[Line]:
    """Foreign text in lines of `width` cells, each behind the bar; of more than `most` the first ones."""
    return [[BAR, (line, colour)] for line in wrap(text, width - cell_width(BAR[0]), most)]


def hanging_indent(words: str, width: int, most: int) -> list[str]:
    """Words of ours, with foreign ones in quotes, as at most so many lines of `width` cells. All but the first are
    indented: what stands there goes on, and is no message of its own."""
    words = one_line(words)
    first, *rest = wrap(words, width)
    going_on = wrap(words[len(first) :].lstrip(), width - 2, most - 1) if rest else []
    return [first, *(f"  {line}" for line in going_on)]


def wrap_spans(pieces: Iterable[Span], width: int, most: int) -> list[list[Span]]:
    """The pieces in lines of `width` cells: broken between two pieces, and in one only where it is too long. Of more
    than `most` lines the first ones, and a sign that there are more."""
    lines: list[list[Span]] = [[]]
    for text, colour in pieces:
        if line_width(lines[-1]) + cell_width(text) <= width:
            lines[-1].append((text, colour))
            continue
        folded = [[(line, colour)] for line in wrap(text.lstrip(), width)]
        lines = [*lines, *folded] if lines[-1] else folded
    if len(lines) > most:
        lines = [*lines[: most - 1], [*lines[most - 1], (ELLIPSIS, "text")]]
    return lines


def to_strip(pieces: Iterable[Span], width: int, style: Callable[[str], Style], *, ascii_only: bool) -> Strip:
    """The pieces in exactly `width` cells."""
    merged: list[tuple[str, str]] = []
    left = width
    for text, colour in pieces:
        shown = text if cell_width(text) <= left else truncate(text, left)
        left -= cell_width(shown)
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
