"""Lines of styled text, and their conversion to Textual strips.

Spans hold text that was sanitized by `scaicore_tui.text`. They are never markup: nothing in them is interpreted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from scaicore_tui.runs.status_style import BREAKPOINT, GAP, NODE_STYLES, REVIEW, RUN_STYLES, StatusStyle
from scaicore_tui.text import ELLIPSIS, cell_width, one_line, pad, truncate, wrap
from scaicore_tui.text import QUOTE_BAR as BAR_SIGN

# A sanitized text and the name of its colour. The suffix ` strong` makes it bold, ` badge` makes the colour its
# background.
Span = tuple[str, str]
Line = Sequence[Span]

COLOURS = ("text", "grey", "accent", "blue", "green", "red", "amber")
STRONG = " strong"
BADGE = " badge"
CURSOR = "›"
NEWER = "▲"
MARKED = "■"
# Marks text from a flow, up to the end of the line. Nothing else is marked so: no flow can imitate the program.
BAR: Span = (BAR_SIGN, "blue")

# ASCII replacements, one character for one, so that columns keep their width.
_STYLES: tuple[StatusStyle, ...] = (*RUN_STYLES.values(), *NODE_STYLES.values(), BREAKPOINT, REVIEW, GAP)
ASCII_SIGNS = str.maketrans(
    {style.glyph: style.ascii for style in _STYLES}
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
        "▾": "v",
        "▸": ">",
        "→": ">",
        "←": "<",
        "↗": "^",
        "○": "o",
        "★": "!",
        "≠": "!",
        "−": "-",
    }
)


def badge(text: str, colour: str) -> Span:
    """Return `text` on a background of that colour."""
    return f" {text} ", colour + BADGE


def column(text: str, width: int, colour: str = "text") -> Span:
    """Return `text` padded or truncated to exactly `width` cells."""
    return pad(text, width), colour


def right_align(text: str, width: int, colour: str = "text") -> Span:
    """Return `text` right-aligned in exactly `width` cells."""
    shown = truncate(text, width)
    return " " * (width - cell_width(shown)) + shown, colour


def justify(left: Iterable[Span], end: Iterable[Span], width: int) -> list[Span]:
    """Return `left` and, right-aligned, `end`; `left` alone if both do not fit."""
    left, end = list(left), list(end)
    gap = width - line_width(left) - line_width(end)
    return [*left, (" " * gap, "text"), *end] if gap > 0 else left


def line_width(spans: Iterable[Span]) -> int:
    """Return the width of the spans in cells."""
    return sum(cell_width(text) for text, _ in spans)


def untrusted(text: str, width: int, colour: str = "text", max_lines: int | None = None) -> list[Line]:
    """Wrap text from a flow to `width` cells, each line behind the quote bar, and cut it after `max_lines`."""
    return [[BAR, (line, colour)] for line in wrap(text, width - cell_width(BAR[0]), max_lines)]


def hanging_indent(text: str, width: int, max_lines: int) -> list[str]:
    """Wrap a message of the program to `width` cells and at most `max_lines`.

    All lines but the first are indented, so that text quoted from a flow cannot look like a message of its own.
    """
    text = one_line(text)
    first, *rest = wrap(text, width)
    continued = wrap(text[len(first) :].lstrip(), width - 2, max_lines - 1) if rest else []
    return [first, *(f"  {line}" for line in continued)]


def wrap_spans(spans: Iterable[Span], width: int, max_lines: int) -> list[list[Span]]:
    """Wrap spans to `width` cells: between spans, or within one that is wider than a line.

    Ends with an ellipsis if there are more than `max_lines` lines.
    """
    lines: list[list[Span]] = [[]]
    for text, colour in spans:
        if line_width(lines[-1]) + cell_width(text) <= width:
            lines[-1].append((text, colour))
            continue
        wrapped = [[(line, colour)] for line in wrap(text.lstrip(), width)]
        lines = [*lines, *wrapped] if lines[-1] else wrapped
    if len(lines) > max_lines:
        lines = [*lines[: max_lines - 1], [*lines[max_lines - 1], (ELLIPSIS, "text")]]
    return lines


def to_strip(spans: Iterable[Span], width: int, style: Callable[[str], Style], *, ascii_only: bool) -> Strip:
    """Convert spans to a strip of exactly `width` cells. `style` maps the name of a colour to a style."""
    merged: list[Span] = []
    left = width
    for text, colour in spans:
        shown = text if cell_width(text) <= left else truncate(text, left)
        left -= cell_width(shown)
        _merge(merged, shown, colour)
        if left <= 0:
            break
    _merge(merged, " " * left, "text")
    replacements = ASCII_SIGNS if ascii_only else {}
    return Strip([Segment(text.translate(replacements), style(colour)) for text, colour in merged], width)


def _merge(merged: list[Span], text: str, colour: str) -> None:
    """Append text to the last span if the style is the same, or if either is blank; else as a new span.

    Fewer segments take less memory and are faster to compare.
    """
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
