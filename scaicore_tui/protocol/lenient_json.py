"""A scanner for JSON that may be invalid: finds where each value begins and ends, and decodes those that are valid.

Python's decoder decodes the values. A value that it rejects (nested too deeply, too many digits, not JSON) is skipped
by matching its brackets and strings, so that the values beside it are not lost. Everything takes linear time.
"""

from __future__ import annotations

import re
from array import array
from itertools import accumulate
from json.decoder import JSONDecodeError, JSONDecoder
from typing import Any, Final

from msgspec import DecodeError
from msgspec.json import Decoder

from scaicore_tui.json_text import JsonNumber, read_float, read_int, write

# Deeper values are not decoded: showing or writing them could overflow the stack.
MAX_DEPTH = 200


class Unparsed:
    """Type of UNPARSED, which stands for a value that cannot be decoded."""


UNPARSED: Final = Unparsed()

_SPACE = re.compile(r"[ \t\n\r]*")
_WHOLE_STRING = r'"(?:[^"\\]++|\\.)*+"'
_STRING = re.compile(_WHOLE_STRING, re.DOTALL)
# Strings, terminated or not, and brackets.
_TOKEN = re.compile(_WHOLE_STRING + r"?|[\[\]{}]", re.DOTALL)
_STRING_IN_BYTES = re.compile(_WHOLE_STRING.encode() + b"?", re.DOTALL)
# Maps opening brackets to +1 and closing ones to -1 (as signed bytes); all other bytes are deleted.
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[{]}"))
# Numbers, literals, and invalid text.
_BARE = re.compile(r"[^\s,:\[\]{}\"]++")
_decode = Decoder(float_hook=read_float).decode
_scan = JSONDecoder(strict=False, parse_float=read_float, parse_int=read_int).raw_decode


def is_too_deep(source: bytes) -> bool:
    """Return True if a JSON text is nested deeper than MAX_DEPTH."""
    if source.count(b"[") + source.count(b"{") <= MAX_DEPTH:
        return False
    steps = array("b", _STRING_IN_BYTES.sub(b"", source).translate(_STEPS, _NO_BRACKETS))
    return max(accumulate(steps), default=0) > MAX_DEPTH


def parse_or_unparsed(text: str) -> Any:
    """Decode all of `text` as one value; UNPARSED if that fails."""
    try:
        value, end = _scan(text, skip_spaces(text, 0))
    except (ValueError, RecursionError):
        return UNPARSED
    return value if skip_spaces(text, end) == len(text) else UNPARSED


def decode_value(source: bytes) -> Any:
    """Decode one JSON value; None if it cannot be decoded, or is nested deeper than MAX_DEPTH."""
    if is_too_deep(source):
        return None
    try:
        return _decode(source)
    except (DecodeError, UnicodeDecodeError, RecursionError):
        value = parse_or_unparsed(source.decode("utf-8", "surrogateescape"))
        return None if value is UNPARSED else value


def decode_value_text(text: str) -> Any:
    """Decode a text as one JSON value, as `decode_value` does for bytes. The text may hold lone surrogates."""
    if is_too_deep(text.encode("utf-8", "surrogatepass")):
        return None
    value = parse_or_unparsed(text)
    return None if value is UNPARSED else value


def value_at(text: str, index: int) -> tuple[Any, int]:
    """Decode the value at `index`, to UNPARSED if that fails; return it and its end index.

    Raises:
        ValueError: the value has no end.
    """
    end = _end(text, index)
    source = text[index:end]
    # Decode a copy: an error counts the lines before it, which in place would be those of the whole body.
    value = parse_or_unparsed(source)
    return (UNPARSED if is_too_deep(source.encode("utf-8", "surrogatepass")) else value), end


def is_single_value(text: str) -> bool:
    """Return True if `text` is one value, though perhaps one that cannot be decoded."""
    try:
        _, end = value_at(text, skip_spaces(text, 0))
    except ValueError:
        return False
    return skip_spaces(text, end) == len(text)


def object_at(text: str, index: int, inside: str = "") -> tuple[dict[str, Any], int]:
    """Decode the members of the object at `index`, each by itself; return them and the end index.

    Args:
        inside: name of a member whose object is decoded in the same way.

    Raises:
        ValueError: there is no object.
    """
    found: dict[str, Any] = {}
    index = skip_spaces(text, expect(text, index, "{"))
    while text[index : index + 1] != "}":
        name, index = value_at(text, index)
        index = skip_spaces(text, expect(text, skip_spaces(text, index), ":"))
        if name == inside and text[index : index + 1] == "{":
            found[inside], index = object_at(text, index)
        else:
            value, index = value_at(text, index)
            found[str(name)] = value if isinstance(name, str) else UNPARSED
        index = next_item(text, index, "}")
    return found, index + 1


def find_span(text: str, *path: str) -> tuple[int, int] | None:
    """Return the start and end of the value at `path`, a list of member names; None if there is none.

    Of duplicate keys the last one counts, as in decoders.
    """
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


def _member_span(text: str, index: int, wanted: str) -> tuple[int, int] | None:
    found = None
    index = skip_spaces(text, expect(text, index, "{"))
    while text[index : index + 1] != "}":
        name, index = value_at(text, index)
        index = skip_spaces(text, expect(text, skip_spaces(text, index), ":"))
        end = _end(text, index)
        found = (index, end) if name == wanted else found
        index = next_item(text, end, "}")
    return found


def next_item(text: str, index: int, closing: str) -> int:
    """Return the index of the next item, after a comma, or of the `closing` bracket."""
    index = skip_spaces(text, index)
    return index if text[index : index + 1] == closing else skip_spaces(text, expect(text, index, ","))


def skip_spaces(text: str, index: int) -> int:
    """Return the index after any whitespace."""
    found = _SPACE.match(text, index)
    return found.end() if found else index


def expect(text: str, index: int, char: str) -> int:
    """Return the index after the expected character. Raises ValueError if another one is there."""
    if text[index : index + 1] != char:
        raise JSONDecodeError(f"Expecting {char!r}", text, index)
    return index + 1


def _end(text: str, index: int) -> int:
    """Return the end index of the value at `index`, found by brackets and quotes. Raises ValueError if none."""
    if text[index : index + 1] not in ("{", "[", '"'):
        found = _BARE.match(text, index)
        if found is None:
            raise JSONDecodeError("Expecting value", text, index)
        return found.end()
    depth = 0
    for token in _TOKEN.finditer(text, index):
        sign = token[0]
        depth += (sign in "[{") - (sign in "]}")
        if depth <= 0:
            if sign[0] != '"' or _STRING.fullmatch(sign):
                return token.end()
            break
    raise JSONDecodeError("Expecting an end", text, len(text))


def as_text(value: Any) -> str:
    """Return a string as it is and any other value as JSON; empty for None and UNPARSED."""
    if isinstance(value, str):
        return value
    return "" if value is None or value is UNPARSED else write(value)


def as_text_or_none(value: Any) -> str | None:
    """Return `as_text(value)`; None if the value is absent or empty."""
    return None if value is None or value == "" else as_text(value)


def as_number(value: Any) -> float | None:
    """Return a number as an int or float; None for any other value."""
    if isinstance(value, JsonNumber):
        return float(value)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
