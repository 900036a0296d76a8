"""The one way from foreign text to anything a person sees: screen, toast, title, standard output.

Whatever could drive a terminal, reorder a line or hide in it becomes visible text. Data is stored and sent raw;
this is the edge, and nothing goes round it.

What is read (`safe`, and all that is made with it) has bounds, and says where it was cut. What is edited (`typed`,
`escaped`, `source`) has none: what is seen there is what is sent. All of it takes linear time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import islice, pairwise
from typing import Any

from rich.cells import cell_len, chop_cells, get_character_cell_size, set_cell_size

from scaicore_tui.json_text import reindent, write

CONTROL_PICTURES = 0x2400
ELLIPSIS = "…"
# Stands before each line that is foreign as a whole.
QUOTE_BAR = "│ "
ASCII_BAR = "| "
# So many signs may share the cell of another one.
MAX_COMBINING_MARKS = 4
# So many signs of a line, and of a text, are shown.
MAX_LINE_CHARS = 10_000
MAX_TEXT_CHARS = 200_000

# A name among our words takes so many cells at most, and what somebody else says so many.
MAX_DISPLAY_NAME_CELLS = 60
MAX_QUOTE_CELLS = 300
# To fill a cell, so many signs are looked at: blanks in a row, and marks, fill none.
_AHEAD = 16

# The last two of each plane are no characters.
_NO_CHARACTERS = "".join(chr(plane << 16 | 0xFFFE) + chr(plane << 16 | 0xFFFF) for plane in range(1, 17))
# C0 without newline and tab, DEL, C1, surrogates; all that Unicode calls format (bidi controls, tags, …); separators of
# lines, fillers, joiners and selectors that show nothing; what is private, and looks as some font likes.
_UNSAFE_SIGNS = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\uf8ff\ufdd0-\ufdef\ufe00-\ufe0d\ufeff\uffa0"
    "\ufff0-\uffff\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff\U000f0000-\U0010ffff" + _NO_CHARACTERS
)
_UNSAFE = re.compile(f"[{_UNSAFE_SIGNS}]")
_NO_CELL = re.compile(f"[\t\n{_UNSAFE_SIGNS}]")
# Below these no sign stands on another one.
_MAY_STACK = re.compile("[\u0300-\U0010ffff]+")
_SELECTORS = "\ufe0e\ufe0f"
# What an emoji may begin with, although it is a letter or a digit.
_EMOJI = "0123456789#*\u2139"
_BLANKS = re.compile(r"\s+")
_ONLY_BLANKS = "␠"
# A word that can't be mistaken for any of ours around it.
_PLAIN = re.compile(r"\w(?:[\w.@:/+#~-]*[\w…])?")
_QUOTES = str.maketrans('“”"', "'''")

Show = Callable[[str], str]


def sanitize(text: str) -> str:
    """Make `text` safe to read, within bounds; newline and tab stay. Idempotent."""
    if text.isascii() and text.isprintable() and len(text) <= MAX_LINE_CHARS:
        return text
    return _cut_off(text, MAX_TEXT_CHARS, _safe_lines, "\n")


def sanitize_input(text: str) -> str:
    """Text that is typed or pasted, safe to show; a clipboard's line ends of any kind are newlines."""
    return _visible(_newlines(text))


def sanitize_input_line(text: str) -> str:
    """The same as one line."""
    return sanitize_input(text).replace("\n", " ").replace("\t", " ")


def escape_json(json_text: str) -> str:
    """JSON text that means the same, with JSON's own escapes in place of all that is unsafe to show."""
    if json_text.isascii() and json_text.isprintable():
        return json_text
    return _map_unsafe(_newlines(json_text), _json_escape, _json_escape)


def replace_controls(text: str) -> str:
    """`text` with a sign of one cell in place of each that no cell may hold: the last defence, where it is painted."""
    return text if text.isascii() and text.isprintable() else _NO_CELL.sub("\ufffd", text)


def one_line(text: str, width: int | None = None) -> str:
    """`text` as one safe line, cut with an ellipsis to `width` terminal cells. Blanks in a row are one: columns are
    ours to make."""
    most = MAX_LINE_CHARS if width is None else min(MAX_LINE_CHARS, _AHEAD * max(1, width))
    flat = text[:most]
    if not flat.isascii() or not flat.isprintable() or "  " in flat:
        flat = _BLANKS.sub(" ", _visible(flat))
    flat = flat.strip() or (_ONLY_BLANKS if text else "")
    if len(text) > most or len(flat) > most:
        flat = flat[: most - 1] + ELLIPSIS
    return flat if width is None else truncate(flat, width)


def display_name(text: str, width: int = MAX_DISPLAY_NAME_CELLS) -> str:
    """A foreign name or id among words of ours, in at most `width` cells: as it is where it is one plain word, else in
    quotes, so that it can't go on in our place."""
    flat = one_line(text, width)
    return flat if _PLAIN.fullmatch(flat) else quote(text, width)


def quote(text: str, width: int = MAX_QUOTE_CELLS) -> str:
    """Foreign words among ours, as one line of at most `width` cells, in quotes that no quote in them can end."""
    return f"“{one_line(text, max(0, width - 2)).translate(_QUOTES)}”"


def block_quote(text: str, width: int) -> list[str]:
    """Foreign text as lines of at most `width` cells, each behind the bar that no line of ours has."""
    return [QUOTE_BAR + line for line in wrap(text, width - len(QUOTE_BAR))]


def truncate(text: str, width: int) -> str:
    """`text` in at most `width` cells; what was cut off leaves an ellipsis."""
    if width <= 0:
        return ""
    # As many signs as can be in that many cells: most texts need not be measured whole.
    most = (MAX_COMBINING_MARKS + 1) * width
    if len(text) > most:
        text = text[:most] + ELLIPSIS
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + ELLIPSIS


def pad(text: str, width: int) -> str:
    """`text` in exactly `width` cells: cut, or padded at the right."""
    shown = truncate(text, width)
    return shown + " " * (width - cell_len(shown))


def cell_width(text: str) -> int:
    """How many terminal cells `text` takes."""
    return cell_len(text)


def wrap(text: str, width: int, most: int | None = None) -> list[str]:
    """`text` in lines of at most `width` cells, broken at spaces where there are any; of more than `most` lines the
    first ones, with an ellipsis."""
    lines: list[str] = []
    for paragraph in sanitize(text).expandtabs(4).split("\n"):
        lines += _wrap_paragraph(paragraph, max(1, width))
    if most is None or len(lines) <= most:
        return lines
    return [*lines[: most - 1], set_cell_size(lines[most - 1], width - 1).rstrip() + ELLIPSIS]


def json_inline(value: Any, width: int | None = None) -> str:
    """A JSON value on one safe line: a bare string as itself, the rest as JSON."""
    return one_line(value if isinstance(value, str) else _json(value), width)


def json_pretty(value: Any) -> str:
    """A JSON value over several safe lines, for reading."""
    return sanitize(value if isinstance(value, str) else _json(value, indent=2))


def editable_json(value: Any) -> str:
    """A JSON value over several safe lines, for editing: what is read out of them is that very value. One that can't be
    written as JSON is words, which are none."""
    return escape_json(_json(value, indent=2))


def reindent_json(json_text: str) -> str:
    """Valid JSON text over several safe lines, for editing: numbers, and keys that are there twice, as they came."""
    return escape_json(reindent(json_text))


def clipboard_text(value: str) -> str:
    """A value to carry elsewhere, where nobody looks at it again: as it is, or as JSON where not all of it is seen."""
    return value if sanitize_input_line(value) == value else editable_json(value)


def _json(value: Any, indent: int | None = None) -> str:
    """JSON text to read; words, where it has no end or Python none for it."""
    try:
        return write(value, indent=indent)
    except RecursionError:
        return "(nested too deeply to be shown)"
    except ValueError:
        return "(it holds a number of too many digits to be shown)"


def _newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _json_escape(text: str) -> str:
    return json.dumps(text)[1:-1]


def _cut_off(text: str, most: int, show: Show, before: str = "") -> str:
    """What `show` makes of `text`, in at most so many signs; `before` stands before the words that say how many."""
    shown = show(text[:most])
    if len(text) <= most and len(shown) <= most:
        return shown
    words = f"{before}{ELLIPSIS} (cut: {len(text):,} signs)"
    return shown[: most - len(words)] + words


def _safe_lines(text: str) -> str:
    return "\n".join(_cut_off(line, MAX_LINE_CHARS, _visible) for line in text.split("\n"))


def _visible(text: str) -> str:
    """Show each unsafe sign; of too many on top of each other, that there were more."""
    if text.isascii() and text.isprintable():
        return text
    return _map_unsafe(text, _name, lambda _: ELLIPSIS)


def _name(sign: str) -> str:
    code = ord(sign)
    if code < 0x20:
        return chr(CONTROL_PICTURES + code)
    if code == 0x7F:
        return "␡"
    return f"<{code:02X}>" if code < 0x100 else f"<U+{code:04X}>"


def _map_unsafe(text: str, show: Show, show_more: Show) -> str:
    """`text` with `show` of each unsafe sign, and `show_more` of the signs that are too many in one cell."""
    text = _UNSAFE.sub(lambda match: show(match[0]), text)
    return text if text.isascii() else _MAY_STACK.sub(lambda match: _limit_combining(match, show, show_more), text)


def _limit_combining(match: re.Match[str], show: Show, show_more: Show) -> str:
    """A run of signs of which some may have no cell of their own: those stand on the one before them."""
    run, start = match[0], match.start()
    if 0 not in map(get_character_cell_size, run):
        return run
    heads = [at for at, sign in enumerate(run) if get_character_cell_size(sign)]
    first = heads[0] if heads else len(run)
    shown = [_limit_marks(match.string[start - 1 : start], run[:first], show, show_more)]
    for begin, end in pairwise([*heads, len(run)]):
        shown += [run[begin], _limit_marks(run[begin], run[begin + 1 : end], show, show_more)]
    return "".join(shown)


def _limit_marks(base: str, marks: str, show: Show, show_more: Show) -> str:
    """What stands on `base`: a bounded number of signs, and a selector only where it selects."""
    if not base.strip():
        return "".join(map(show, marks))
    kept = (
        show(sign) if sign in _SELECTORS and (at or not _accepts_selector(base)) else sign
        for at, sign in enumerate(marks)
    )
    more = marks[MAX_COMBINING_MARKS:]
    return "".join(islice(kept, MAX_COMBINING_MARKS)) + (show_more(more) if more else "")


def _accepts_selector(base: str) -> bool:
    """Whether a selector changes how that sign looks: behind any other it is there to hide."""
    return base in _EMOJI or not (base.isascii() or base.isalnum())


def _wrap_paragraph(paragraph: str, width: int) -> list[str]:
    lines: list[str] = []
    line, *words = paragraph.split(" ")
    if cell_len(line) > width:
        line, words = "", [line, *words]
    for word in words:
        candidate = f"{line} {word}" if line or not lines else word
        if cell_len(candidate) <= width:
            line = candidate
            continue
        if line:
            lines.append(line)
        *full, line = chop_cells(word, width) or [""]
        lines += full
    return [*lines, line]
