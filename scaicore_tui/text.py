"""The one way from foreign text to anything a person sees: screen, toast, title, standard output.

Whatever could drive a terminal, reorder a line or hide in it becomes visible text. Data is stored and sent raw;
this is the edge, and nothing goes round it.
"""

from __future__ import annotations

import json
import re
from typing import Any

from rich.cells import cell_len, chop_cells, set_cell_size

CONTROL_PICTURES = 0x2400
ELLIPSIS = "…"
MAX_COMBINING = 4

# C0 without newline and tab, DEL, C1, surrogates; bidi controls, zero-width and invisible signs, line separators,
# interlinear annotation, tags, and the plane of variation selectors.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\uffff\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_COMBINING_RUN = re.compile(
    f"([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f]{{{MAX_COMBINING}}})"
    "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f]+"
)


def _visible(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(CONTROL_PICTURES + code)
    if code == 0x7F:
        return "␡"
    return f"<{code:02X}>" if code < 0x100 else f"<U+{code:04X}>"


def safe(text: str) -> str:
    """Make `text` safe to show; newline and tab stay. Idempotent, linear time."""
    if text.isascii() and text.isprintable():
        return text
    return _COMBINING_RUN.sub(rf"\1{ELLIPSIS}", _UNSAFE.sub(_visible, text))


def typed(text: str) -> str:
    """Text that is typed or pasted, safe to show; a clipboard's line ends of any kind are newlines."""
    return safe(_newlines(text))


def escaped(json_text: str) -> str:
    """JSON text that means the same, with JSON's own escapes in place of all that is unsafe to show."""
    if json_text.isascii() and json_text.isprintable():
        return json_text
    text = _UNSAFE.sub(lambda match: _json_escape(match[0]), _newlines(json_text))
    return _COMBINING_RUN.sub(lambda match: match[1] + _json_escape(match[0].removeprefix(match[1])), text)


def _newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _json_escape(text: str) -> str:
    return json.dumps(text)[1:-1]


def one_line(text: str, width: int | None = None) -> str:
    """`text` as one safe line, cut with an ellipsis to `width` terminal cells."""
    flat = safe(" ".join(text.split())) if any(c in text for c in "\n\r\t") else safe(text)
    return flat if width is None else cut(flat, width)


def cut(text: str, width: int) -> str:
    """`text` in at most `width` cells; what was cut off leaves an ellipsis."""
    if width <= 0:
        return ""
    # No character is wider than two cells or narrower than none: most texts need not be measured whole.
    if len(text) > 4 * width:
        text = text[: 4 * width] + ELLIPSIS
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + ELLIPSIS


def fit(text: str, width: int) -> str:
    """`text` in exactly `width` cells: cut, or padded at the right."""
    shown = cut(text, width)
    return shown + " " * (width - cell_len(shown))


def cells(text: str) -> int:
    """How many terminal cells `text` takes."""
    return cell_len(text)


def wrap(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` cells, broken at spaces where there are any."""
    lines: list[str] = []
    for paragraph in safe(text).expandtabs(4).split("\n"):
        lines += _wrap_paragraph(paragraph, max(1, width))
    return lines


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


def compact(value: Any, width: int | None = None) -> str:
    """A JSON value on one safe line: a bare string as itself, the rest as JSON."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
    return one_line(text, width)


def pretty(value: Any) -> str:
    """A JSON value over several safe lines, for reading."""
    if isinstance(value, str):
        return safe(value)
    return safe(json.dumps(value, ensure_ascii=False, indent=2))


def source(value: Any) -> str:
    """A JSON value over several safe lines, for editing: what is read out of them is that very value."""
    return escaped(json.dumps(value, ensure_ascii=False, indent=2))
