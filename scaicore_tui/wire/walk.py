"""JSON, or nearly so, walked by hand: where each value begins and ends, and what it is, as far as it can be read.

Python's decoder reads the values. What it does not take (nested too deeply, a number of too many digits, no JSON) is
stepped over, by its brackets and strings, so that it costs nobody beside it. All of it takes linear time.
"""

from __future__ import annotations

import re
from json.decoder import JSONDecodeError, JSONDecoder
from typing import Any, Final

# What is nested deeper is not read: whoever shows or writes it would need a deeper stack than there may be.
MAX_DEPTH = 200


class Unread:
    """Stands for a value that can't be read."""


UNREAD: Final = Unread()

_SPACE = re.compile(r"[ \t\n\r]*")
# Strings, whole or broken off, and brackets.
_TOKENS = r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]'
_TOKEN = re.compile(_TOKENS, re.DOTALL)
_TOKEN_IN_BYTES = re.compile(_TOKENS.encode(), re.DOTALL)
_PLAIN_END = re.compile(r"[,\]}:]|\Z")
_scan = JSONDecoder(strict=False).raw_decode


def is_deep(source: bytes) -> bool:
    """Whether a JSON text is nested deeper than is read."""
    if source.count(b"[") + source.count(b"{") <= MAX_DEPTH:
        return False
    depth = 0
    for token in _TOKEN_IN_BYTES.finditer(source):
        sign = token[0]
        if sign in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif sign in b"]}":
            depth -= 1
    return False


def whole(text: str) -> Any:
    """The value that all of `text` is; UNREAD where it is none."""
    try:
        value, end = _scan(text, skip(text, 0))
    except (ValueError, RecursionError):
        return UNREAD
    return value if skip(text, end) == len(text) else UNREAD


def value_at(text: str, at: int) -> tuple[Any, int]:
    """The value that begins there, or UNREAD, and where it ends. Raises ValueError where it doesn't end."""
    try:
        value, end = _scan(text, at)
    except (ValueError, RecursionError):
        return UNREAD, _end(text, at)
    return (UNREAD if is_deep(text[at:end].encode("utf-8", "surrogatepass")) else value), end


def is_one(text: str) -> bool:
    """Whether all of `text` is one value, if perhaps one that can't be read."""
    try:
        _, end = value_at(text, skip(text, 0))
    except ValueError:
        return False
    return skip(text, end) == len(text)


def members_at(text: str, at: int, inside: str = "") -> tuple[dict[str, Any], int]:
    """The members of the object that begins there, each by itself, and where it ends; what is `inside` one of them is
    read in the same way. Raises ValueError where it is no object."""
    found: dict[str, Any] = {}
    at = skip(text, expect(text, at, "{"))
    while text[at : at + 1] != "}":
        name, at = value_at(text, at)
        at = skip(text, expect(text, skip(text, at), ":"))
        if name == inside and text[at : at + 1] == "{":
            found[inside], at = members_at(text, at)
        else:
            found[str(name)], at = value_at(text, at)
        at = following(text, at, "}")
    return found, at + 1


def following(text: str, at: int, closing: str) -> int:
    """Past the comma to the next item, or at the closing sign."""
    at = skip(text, at)
    return at if text[at : at + 1] == closing else skip(text, expect(text, at, ","))


def skip(text: str, at: int) -> int:
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
        found = _PLAIN_END.search(text, at)
        end = found.start() if found else len(text)
        if end == at:
            raise JSONDecodeError("Expecting value", text, at)
        return end
    depth = 0
    for token in _TOKEN.finditer(text, at):
        sign = token[0]
        depth += (sign in "[{") - (sign in "]}")
        if depth <= 0:
            if sign == '"' or (sign[0] == '"' and not sign.endswith('"')):
                break
            return token.end()
    raise JSONDecodeError("Expecting an end", text, len(text))
