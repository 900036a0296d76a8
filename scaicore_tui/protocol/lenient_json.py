"""JSON, or nearly so, walked by hand: where each value begins and ends, and what it is, as far as it can be read.

Python's decoder reads the values. What it does not take (nested too deeply, a number of too many digits, no JSON) is
stepped over, by its brackets and strings, so that it costs nobody beside it. All of it takes linear time.
"""

from __future__ import annotations

import re
from array import array
from itertools import accumulate
from json.decoder import JSONDecodeError, JSONDecoder
from typing import Any, Final

from scaicore_tui.json_text import JsonNumber, read_float, read_int, write

# What is nested deeper is not read: whoever shows or writes it would need a deeper stack than there may be.
MAX_DEPTH = 200


class Unparsed:
    """Stands for a value that can't be read."""


UNPARSED: Final = Unparsed()

_SPACE = re.compile(r"[ \t\n\r]*")
_WHOLE_STRING = r'"(?:[^"\\]++|\\.)*+"'
_STRING = re.compile(_WHOLE_STRING, re.DOTALL)
# Strings, whole or broken off, and brackets.
_TOKEN = re.compile(_WHOLE_STRING + r"?|[\[\]{}]", re.DOTALL)
_STRING_IN_BYTES = re.compile(_WHOLE_STRING.encode() + b"?", re.DOTALL)
# Brackets as steps down and up again, as signed bytes; and all other bytes.
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[{]}"))
# Numbers, words, and what is neither.
_PLAIN = re.compile(r"[^\s,:\[\]{}\"]++")
_scan = JSONDecoder(strict=False, parse_float=read_float, parse_int=read_int).raw_decode


def is_too_deep(source: bytes) -> bool:
    """Whether a JSON text is nested deeper than is read."""
    if source.count(b"[") + source.count(b"{") <= MAX_DEPTH:
        return False
    steps = array("b", _STRING_IN_BYTES.sub(b"", source).translate(_STEPS, _NO_BRACKETS))
    return max(accumulate(steps), default=0) > MAX_DEPTH


def parse_or_unparsed(text: str) -> Any:
    """The value that all of `text` is; UNREAD where it is none."""
    try:
        value, end = _scan(text, skip_spaces(text, 0))
    except (ValueError, RecursionError):
        return UNPARSED
    return value if skip_spaces(text, end) == len(text) else UNPARSED


def value_at(text: str, at: int) -> tuple[Any, int]:
    """The value that begins there, or UNREAD, and where it ends. Raises ValueError where it doesn't end."""
    end = _end(text, at)
    source = text[at:end]
    # Not in place: whoever complains of a value counts the lines of all that is before.
    value = parse_or_unparsed(source)
    return (UNPARSED if is_too_deep(source.encode("utf-8", "surrogatepass")) else value), end


def is_single_value(text: str) -> bool:
    """Whether all of `text` is one value, if perhaps one that can't be read."""
    try:
        _, end = value_at(text, skip_spaces(text, 0))
    except ValueError:
        return False
    return skip_spaces(text, end) == len(text)


def object_at(text: str, at: int, inside: str = "") -> tuple[dict[str, Any], int]:
    """The members of the object that begins there, each by itself, and where it ends; what is `inside` one of them is
    read in the same way. Raises ValueError where it is no object."""
    found: dict[str, Any] = {}
    at = skip_spaces(text, expect(text, at, "{"))
    while text[at : at + 1] != "}":
        name, at = value_at(text, at)
        at = skip_spaces(text, expect(text, skip_spaces(text, at), ":"))
        if name == inside and text[at : at + 1] == "{":
            found[inside], at = object_at(text, at)
        else:
            value, at = value_at(text, at)
            found[str(name)] = value if isinstance(name, str) else UNPARSED
        at = next_item(text, at, "}")
    return found, at + 1


def find_span(text: str, *path: str) -> tuple[int, int] | None:
    """Where in `text` the value of a member stands that `path` leads to, object by object: the last one of its name, as
    decoders take it. None where there is none, or `text` is no object."""
    start, end = skip_spaces(text, 0), len(text)
    for name in path:
        try:
            found = _member_span(text, start, name)
        except ValueError:
            return None
        if found is None:
            return None
        start, end = found
    return start, end


def _member_span(text: str, at: int, wanted: str) -> tuple[int, int] | None:
    found = None
    at = skip_spaces(text, expect(text, at, "{"))
    while text[at : at + 1] != "}":
        name, at = value_at(text, at)
        at = skip_spaces(text, expect(text, skip_spaces(text, at), ":"))
        end = _end(text, at)
        found = (at, end) if name == wanted else found
        at = next_item(text, end, "}")
    return found


def next_item(text: str, at: int, closing: str) -> int:
    """Past the comma to the next item, or at the closing sign."""
    at = skip_spaces(text, at)
    return at if text[at : at + 1] == closing else skip_spaces(text, expect(text, at, ","))


def skip_spaces(text: str, at: int) -> int:
    """Past the blanks that stand there."""
    found = _SPACE.match(text, at)
    return found.end() if found else at


def expect(text: str, at: int, sign: str) -> int:
    """Past that sign. Raises ValueError where another stands."""
    if text[at : at + 1] != sign:
        raise JSONDecodeError(f"Expecting {sign!r}", text, at)
    return at + 1


def _end(text: str, at: int) -> int:
    """Where what begins there ends, by its brackets and strings. Raises ValueError where it doesn't."""
    if text[at : at + 1] not in ("{", "[", '"'):
        found = _PLAIN.match(text, at)
        if found is None:
            raise JSONDecodeError("Expecting value", text, at)
        return found.end()
    depth = 0
    for token in _TOKEN.finditer(text, at):
        sign = token[0]
        depth += (sign in "[{") - (sign in "]}")
        if depth <= 0:
            if sign[0] != '"' or _STRING.fullmatch(sign):
                return token.end()
            break
    raise JSONDecodeError("Expecting an end", text, len(text))


def as_text(value: Any) -> str:
    """A text, or the JSON of whatever stands in its place; empty where nothing does, or where it can't be read."""
    if isinstance(value, str):
        return value
    return "" if value is None or value is UNPARSED else write(value)


def as_text_or_none(value: Any) -> str | None:
    """The same; None where it is absent or empty."""
    return None if value is None or value == "" else as_text(value)


def as_number(value: Any) -> float | None:
    """A number, as a plain one; None for what is none."""
    if isinstance(value, JsonNumber):
        return float(value)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
