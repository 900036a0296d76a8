"""Make untrusted text safe to show. All text from outside passes through here before a person sees it.

Characters that could control a terminal, reorder a line or hide in it become visible text. Data is stored and sent
unchanged; only what is shown is sanitized.

Text to read (`sanitize` and everything built on it) is limited in length and says where it was cut. Text to edit
(`sanitize_input`, `escape_json`, `editable_json`) is never cut: what is shown is what is sent. Everything takes linear
time.
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
# Starts each line that is a quotation of untrusted text.
QUOTE_BAR = "│ "
ASCII_BAR = "| "
# Zero-width characters that may share the cell of another one.
MAX_COMBINING_MARKS = 4
# Longer lines and texts are cut.
MAX_LINE_CHARS = 10_000
MAX_TEXT_CHARS = 200_000

# Width limits of untrusted names and sentences inside our own sentences.
MAX_DISPLAY_NAME_CELLS = 60
MAX_QUOTE_CELLS = 300
# Characters to read for each cell to fill: runs of spaces and combining marks fill none.
_CHARS_PER_CELL = 16

# The last two code points of each plane are noncharacters.
_NONCHARACTERS = "".join(chr(plane << 16 | 0xFFFE) + chr(plane << 16 | 0xFFFF) for plane in range(1, 17))
# C0 controls except newline and tab, DEL, C1 controls, surrogates; Unicode format characters (bidi controls, tags, …);
# line separators; invisible fillers, joiners and selectors; private-use characters, whose look depends on the font.
_UNSAFE_CHARS = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\uf8ff\ufdd0-\ufdef\ufe00-\ufe0d\ufeff\uffa0"
    "\ufff0-\uffff\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff\U000f0000-\U0010ffff" + _NONCHARACTERS
)
_UNSAFE = re.compile(f"[{_UNSAFE_CHARS}]")
_NOT_PAINTABLE = re.compile(f"[\t\n{_UNSAFE_CHARS}]")
# No character below these is zero-width.
_MAY_COMBINE = re.compile("[\u0300-\U0010ffff]+")
_SELECTORS = "\ufe0e\ufe0f"
# ASCII characters and letters that can begin an emoji.
_EMOJI_BASES = "0123456789#*\u2139"
_WHITESPACE = re.compile(r"\s+")
_ONLY_SPACES = "␠"
# A single word that needs no quotation marks inside a sentence.
_PLAIN_NAME = re.compile(r"\w(?:[\w.@:/+#~-]*[\w…])?")
_QUOTES = str.maketrans('“”"', "'''")

Show = Callable[[str], str]


def sanitize(text: str) -> str:
    """Return `text` safe to show, cut to MAX_LINE_CHARS and MAX_TEXT_CHARS; newlines and tabs stay. Idempotent."""
    if text.isascii() and text.isprintable() and len(text) <= MAX_LINE_CHARS:
        return text
    return _sanitize_and_cut(text, MAX_TEXT_CHARS, _sanitize_lines, "\n")


def sanitize_input(text: str) -> str:
    """Return typed or pasted text safe to show, not cut; line ends of any kind become newlines."""
    return _make_visible(_newlines(text))


def sanitize_input_line(text: str) -> str:
    """Return typed or pasted text as one safe line, not cut."""
    return sanitize_input(text).replace("\n", " ").replace("\t", " ")


def escape_json(json_text: str) -> str:
    """Return equivalent JSON text in which JSON escapes replace all characters that are unsafe to show."""
    if json_text.isascii() and json_text.isprintable():
        return json_text
    return _map_unsafe(_newlines(json_text), _json_escape, _json_escape)


def replace_controls(text: str) -> str:
    """Replace each character that must not be painted by one that takes a cell. The last check before painting."""
    return text if text.isascii() and text.isprintable() else _NOT_PAINTABLE.sub("\ufffd", text)


def one_line(text: str, width: int | None = None) -> str:
    """Return `text` as one safe line, cut with an ellipsis to `width` cells.

    Runs of whitespace become one space, so that untrusted text cannot imitate columns.
    """
    max_chars = MAX_LINE_CHARS if width is None else min(MAX_LINE_CHARS, _CHARS_PER_CELL * max(1, width))
    flat = text[:max_chars]
    if not flat.isascii() or not flat.isprintable() or "  " in flat:
        flat = _WHITESPACE.sub(" ", _make_visible(flat))
    flat = flat.strip() or (_ONLY_SPACES if text else "")
    if len(text) > max_chars or len(flat) > max_chars:
        flat = flat[: max_chars - 1] + ELLIPSIS
    return flat if width is None else truncate(flat, width)


def display_name(text: str, width: int = MAX_DISPLAY_NAME_CELLS) -> str:
    """Return an untrusted name or id for use in a sentence, in at most `width` cells.

    Anything but a single plain word is quoted, so that it cannot pass for a part of the sentence.
    """
    flat = one_line(text, width)
    return flat if _PLAIN_NAME.fullmatch(flat) else quote(text, width)


def quote(text: str, width: int = MAX_QUOTE_CELLS) -> str:
    """Return untrusted text for use in a sentence: one line of at most `width` cells in quotation marks.

    Quotation marks inside it are replaced, so that it cannot end the quotation.
    """
    return f"“{one_line(text, max(0, width - 2)).translate(_QUOTES)}”"


def block_quote(text: str, width: int) -> list[str]:
    """Return untrusted text as lines of at most `width` cells, each starting with QUOTE_BAR."""
    return [QUOTE_BAR + line for line in wrap(text, width - len(QUOTE_BAR))]


def truncate(text: str, width: int) -> str:
    """Return `text` in at most `width` cells; an ellipsis marks a cut."""
    if width <= 0:
        return ""
    # No more characters fit into that many cells; cutting first saves measuring a long text.
    max_chars = (MAX_COMBINING_MARKS + 1) * width
    if len(text) > max_chars:
        text = text[:max_chars] + ELLIPSIS
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + ELLIPSIS


def pad(text: str, width: int) -> str:
    """Return `text` in exactly `width` cells: cut, or padded at the right."""
    shown = truncate(text, width)
    return shown + " " * (width - cell_len(shown))


def cell_width(text: str) -> int:
    """Return the number of terminal cells that `text` takes."""
    return cell_len(text)


def wrap(text: str, width: int, max_lines: int | None = None) -> list[str]:
    """Return `text` in safe lines of at most `width` cells, broken at spaces if possible.

    Only the first `max_lines` are returned; an ellipsis marks the cut.
    """
    lines: list[str] = []
    for paragraph in sanitize(text).expandtabs(4).split("\n"):
        lines += _wrap_paragraph(paragraph, max(1, width))
    if max_lines is None or len(lines) <= max_lines:
        return lines
    return [*lines[: max_lines - 1], set_cell_size(lines[max_lines - 1], width - 1).rstrip() + ELLIPSIS]


def json_inline(value: Any, width: int | None = None) -> str:
    """Return a JSON value as one safe line; a string without its quotation marks."""
    return one_line(value if isinstance(value, str) else _json(value), width)


def json_pretty(value: Any) -> str:
    """Return a JSON value as safe, indented lines for reading; a string without its quotation marks."""
    return sanitize(value if isinstance(value, str) else _json(value, indent=2))


def editable_json(value: Any) -> str:
    """Return a JSON value as safe, indented lines for editing; parsing them gives the same value.

    For a value that cannot be written as JSON, return a text that is not JSON and says so.
    """
    return escape_json(_json(value, indent=2))


def reindent_json(json_text: str) -> str:
    """Return valid JSON text as safe, indented lines for editing; numbers and duplicate keys stay as they are."""
    return escape_json(reindent(json_text))


def clipboard_text(value: str) -> str:
    """Return a text for the clipboard: unchanged, or as escaped JSON if it holds characters that cannot be seen."""
    return value if sanitize_input_line(value) == value else editable_json(value)


def _json(value: Any, indent: int | None = None) -> str:
    """Return a value as JSON text, or a remark if that is not possible."""
    try:
        return write(value, indent=indent)
    except RecursionError:
        return "(nested too deeply to show)"
    except ValueError:
        return "(contains a number with too many digits to show)"


def _newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _json_escape(text: str) -> str:
    return json.dumps(text)[1:-1]


def _sanitize_and_cut(text: str, max_chars: int, show: Show, separator: str = "") -> str:
    """Apply `show` to `text` and cut the result to `max_chars`; after `separator`, a remark gives the full length."""
    shown = show(text[:max_chars])
    if len(text) <= max_chars and len(shown) <= max_chars:
        return shown
    remark = f"{separator}{ELLIPSIS} (cut: {len(text):,} characters)"
    return shown[: max_chars - len(remark)] + remark


def _sanitize_lines(text: str) -> str:
    return "\n".join(_sanitize_and_cut(line, MAX_LINE_CHARS, _make_visible) for line in text.split("\n"))


def _make_visible(text: str) -> str:
    """Replace each unsafe character by its name, and combining marks beyond the limit by an ellipsis."""
    if text.isascii() and text.isprintable():
        return text
    return _map_unsafe(text, _visible_name, lambda _: ELLIPSIS)


def _visible_name(char: str) -> str:
    code = ord(char)
    if code < 0x20:
        return chr(CONTROL_PICTURES + code)
    if code == 0x7F:
        return "␡"
    return f"<{code:02X}>" if code < 0x100 else f"<U+{code:04X}>"


def _map_unsafe(text: str, show: Show, show_more: Show) -> str:
    """Apply `show` to each unsafe character, and `show_more` to the combining marks beyond the limit of a cell."""
    text = _UNSAFE.sub(lambda match: show(match[0]), text)
    return text if text.isascii() else _MAY_COMBINE.sub(lambda match: _limit_combining(match, show, show_more), text)


def _limit_combining(match: re.Match[str], show: Show, show_more: Show) -> str:
    """Limit the zero-width characters in a run; each belongs to the last character before it that has a cell."""
    run, start = match[0], match.start()
    if 0 not in map(get_character_cell_size, run):
        return run
    heads = [index for index, char in enumerate(run) if get_character_cell_size(char)]
    first = heads[0] if heads else len(run)
    shown = [_limit_marks(match.string[start - 1 : start], run[:first], show, show_more)]
    for begin, end in pairwise([*heads, len(run)]):
        shown += [run[begin], _limit_marks(run[begin], run[begin + 1 : end], show, show_more)]
    return "".join(shown)


def _limit_marks(base: str, marks: str, show: Show, show_more: Show) -> str:
    """Return the zero-width characters after `base`, limited in number; variation selectors only where they apply."""
    if not base.strip():
        return "".join(map(show, marks))
    kept = (
        show(char) if char in _SELECTORS and (index or not _accepts_selector(base)) else char
        for index, char in enumerate(marks)
    )
    more = marks[MAX_COMBINING_MARKS:]
    return "".join(islice(kept, MAX_COMBINING_MARKS)) + (show_more(more) if more else "")


def _accepts_selector(base: str) -> bool:
    """Return True if a variation selector can change how `base` looks; after other characters it only hides."""
    return base in _EMOJI_BASES or not (base.isascii() or base.isalnum())


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
