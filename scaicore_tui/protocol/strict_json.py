"""JSON to send, validated strictly and sent exactly as written.

Digits, escapes, spaces and duplicate keys stay. Errors name line and column. NaN and infinity are errors here, though
Python's parser accepts them: no server does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from scaicore_tui.errors import UsageError
from scaicore_tui.json_text import read_float, read_int, write
from scaicore_tui.protocol.lenient_json import is_too_deep

# Strings, with the colon if they are keys; braces; non-finite numbers, which Python accepts.
_TOKEN = re.compile(r'("(?:[^"\\]|\\.)*")([ \t\n\r]*:)?|([{}])|(NaN|-?Infinity)', re.ASCII)
_BLANKS = " \t\n\r"


class StrictJson(Struct, frozen=True):
    """A JSON value; `source` is its text, which is sent. `notes` are warnings about it, for people."""

    value: Any
    source: bytes
    notes: tuple[str, ...] = ()


def parse_strict(text: str) -> StrictJson:
    """Parse JSON to send. Raises ValueError, with line and column, if it is not valid JSON."""
    text = text.removeprefix("\ufeff").strip(_BLANKS)
    try:
        source = text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{_location(text, error.start)}: an incomplete character (a lone surrogate)") from error
    if is_too_deep(source):
        raise ValueError("the JSON is nested too deeply")
    try:
        value = json.loads(text, parse_float=read_float, parse_int=read_int)
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}, column {error.colno}: {_lower_first(error.msg)}") from error
    except RecursionError as error:
        raise ValueError("the JSON is nested too deeply") from error
    return StrictJson(value, source, tuple(_check(text)))


def encode_strict(value: Any) -> StrictJson:
    """Return a value as JSON to send.

    Raises:
        UsageError: JSON cannot express the value; inputs from the feed may hold NaN or lone surrogates.
    """
    try:
        return StrictJson(value, write(value, tight=True, non_finite="refuse").encode())
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the value cannot be sent as JSON: {error}", effect="nothing was sent") from error


def _lower_first(message: str) -> str:
    return message[:1].lower() + message[1:]


def _check(text: str) -> Iterator[str]:
    """Yield a warning for each duplicate key. Raises ValueError at the first NaN or infinity."""
    keys: list[set[str]] = []
    for token in _TOKEN.finditer(text):
        string, colon, brace, number = token.groups()
        if brace == "{":
            keys.append(set())
        elif brace:
            keys.pop()
        elif number:
            raise ValueError(f"{_location(text, token.start())}: {number} is not a valid JSON number")
        elif colon:
            name = json.loads(string)
            if name in keys[-1]:
                yield f"{_location(text, token.start())}: duplicate key {string}: servers differ in which one they use"
            keys[-1].add(name)


def _location(text: str, index: int) -> str:
    return f"line {text.count(chr(10), 0, index) + 1}, column {index - text.rfind(chr(10), 0, index)}"
