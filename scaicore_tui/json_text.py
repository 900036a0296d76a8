"""JSON text that keeps what a decoder would lose: the digits of a number, and keys that are there twice.

Every number that a decoder hands to us goes through `read_float` or `read_int`; every value that is written as JSON
text, to send or to show, goes through `write`.
"""

from __future__ import annotations

import json
import math
import re
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any, Literal

# Python refuses to convert an integer of more digits, as that takes more than linear time.
MAX_INT_DIGITS = 4_300
INDENT_SPACES = 2

_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[\]{},:]|[^\s\[\]{},:"]++', re.DOTALL)


class JsonNumber(float):
    """A number whose text says more than its value: `0.10`, `1e400`, or more digits than a float holds.

    Equal to any number of the same value.
    """

    __slots__ = ("text",)
    text: str

    def __reduce__(self) -> tuple[Any, ...]:
        return _number, (self.text,)


def read_float(text: str) -> float:
    """Decode a JSON number that is not an integer, and keep its text where `repr` would write another."""
    value = float(text)
    return value if repr(value) == text else _number(text)


def read_int(text: str) -> int | float:
    """Decode a JSON integer; one with too many digits for Python is a JsonNumber."""
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
    """Write a decoded JSON value as JSON text, numbers as they came.

    `tight` leaves out all spaces. `non_finite` says what becomes of a number without a word in JSON (NaN, an infinity
    that no text stands for): the name that Python has for it, `null`, or a ValueError. Raises RecursionError for a
    value that is nested too deeply, and ValueError for an integer of too many digits.
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
        """Write `value`; `line` begins the line that it stands on."""
        if isinstance(value, str):
            return self._string(value)
        items, inner = [], line + self._step
        # Loops, not comprehensions: those take a second frame of the stack for each level.
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


def reindent(text: str) -> str:
    """Lay out JSON text over several lines, as `write` does with an indent: every number, and every key that is there
    twice, as it came; strings without escapes that they do not need. `text` must be valid JSON."""
    out: list[str] = []
    depth, opened, before = 0, False, ""
    for sign in _TOKEN.findall(text):
        if sign in "]}" and not opened:
            depth -= 1
            before = _line(depth)
        elif sign in "]}":
            depth, before = depth - 1, ""
        elif opened:
            before = _line(depth)
        out.append(before + (encode_basestring(json.loads(sign, strict=False)) if sign[0] == '"' else sign))
        opened = sign in "[{"
        depth += opened
        before = _line(depth) if sign == "," else " " if sign == ":" else ""
    return "".join(out)


def _line(depth: int) -> str:
    return "\n" + " " * (INDENT_SPACES * depth)
