"""JSON text that keeps what a decoder would lose: the digits of a number, and duplicate keys.

All JSON decoding uses `read_float` and `read_int` for numbers; all JSON text, to send or to show, comes from `write`.
"""

from __future__ import annotations

import json
import math
import re
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any, Literal

# Python refuses to convert longer integers, as that takes more than linear time.
MAX_INT_DIGITS = 4_300
INDENT_SPACES = 2

_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[\]{},:]|[^\s\[\]{},:"]++', re.DOTALL)


class JsonNumber(float):
    """A number whose text holds more than its value: `0.10`, `1e400`, or more digits than a float has.

    It equals any number of the same value.
    """

    __slots__ = ("text",)
    text: str

    def __reduce__(self) -> tuple[Any, ...]:
        return _number, (self.text,)


def read_float(text: str) -> float:
    """Decode a JSON number that is not an integer; keep its text if `repr` would write it differently."""
    value = float(text)
    return value if repr(value) == text else _number(text)


def read_int(text: str) -> int | float:
    """Decode a JSON integer; one with too many digits for Python becomes a JsonNumber."""
    return int(text) if len(text) <= MAX_INT_DIGITS else _number(text)


def _number(text: str) -> JsonNumber:
    number = JsonNumber(text)
    number.text = text
    return number


def write(
    value: Any,
    *,
    indent: int | None = None,
    ascii_only: bool = False,
    tight: bool = False,
    non_finite: Literal["name", "null", "refuse"] = "name",
) -> str:
    """Return a decoded JSON value as JSON text; numbers keep their original digits.

    Args:
        tight: leave out all spaces.
        non_finite: what to write for NaN and infinity, which JSON lacks: Python's name, `null`, or a ValueError.

    Raises:
        RecursionError: the value is nested too deeply.
        ValueError: an integer has too many digits, or a number is not finite and `non_finite` is "refuse".
    """
    return _Writer(indent, ascii_only, tight, non_finite).text(value, "\n")


class _Writer:
    def __init__(self, indent: int | None, ascii_only: bool, tight: bool, non_finite: str) -> None:
        self._step = " " * (indent or 0)
        self._is_indented = indent is not None
        self._comma = "," if tight or self._is_indented else ", "
        self._colon = ":" if tight else ": "
        self._string = encode_basestring_ascii if ascii_only else encode_basestring
        self._non_finite = non_finite

    def text(self, value: Any, line: str) -> str:
        """Return `value` as text. `line` is a newline and the indent of the current line."""
        if isinstance(value, str):
            return self._string(value)
        items, inner = [], line + self._step
        # Loops, not comprehensions: those need a second stack frame per level.
        if isinstance(value, dict):
            for key, member in value.items():
                items.append(f"{self._string(str(key))}{self._colon}{self.text(member, inner)}")
            return self._joined("{}", items, line)
        if isinstance(value, list | tuple):
            for item in value:
                items.append(self.text(item, inner))  # noqa: PERF401
            return self._joined("[]", items, line)
        return self._scalar(value)

    def _joined(self, brackets: str, items: list[str], line: str) -> str:
        if not items:
            return brackets
        if not self._is_indented:
            return f"{brackets[0]}{self._comma.join(items)}{brackets[1]}"
        inner = line + self._step
        return f"{brackets[0]}{inner}{(self._comma + inner).join(items)}{line}{brackets[1]}"

    def _scalar(self, value: Any) -> str:
        if isinstance(value, JsonNumber):
            return value.text
        if isinstance(value, int) and not isinstance(value, bool):
            return int.__repr__(value)
        if isinstance(value, float) and not math.isfinite(value) and self._non_finite == "null":
            return "null"
        return json.dumps(value, allow_nan=self._non_finite != "refuse")


def to_bytes(text: str) -> bytes:
    """Return text in UTF-8. Bytes of an event that are no UTF-8, as surrogate escapes, stay as they were received."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def reindent(text: str) -> str:
    """Return valid JSON text indented over several lines, as `write` does with an indent.

    Numbers and duplicate keys stay as they are; escapes that strings do not need are removed.
    """
    out: list[str] = []
    depth, opened, before = 0, False, ""
    for symbol in _TOKEN.findall(text):
        if symbol in "]}" and not opened:
            depth -= 1
            before = _line(depth)
        elif symbol in "]}":
            depth, before = depth - 1, ""
        elif opened:
            before = _line(depth)
        out.append(before + (encode_basestring(json.loads(symbol, strict=False)) if symbol[0] == '"' else symbol))
        opened = symbol in "[{"
        depth += opened
        before = _line(depth) if symbol == "," else " " if symbol == ":" else ""
    return "".join(out)


def _line(depth: int) -> str:
    return "\n" + " " * (INDENT_SPACES * depth)
