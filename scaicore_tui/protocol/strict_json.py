"""JSON to send as it was written: by a person, or by whoever started a run. Read strictly; refused with its place.

Nothing in it is written anew: digits, escapes, spaces and keys that are there twice stay. Python's own parser takes
NaN, which no server would.
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

# Strings, and whether they are keys; braces; what Python takes for numbers.
_TOKEN = re.compile(r'("(?:[^"\\]|\\.)*")([ \t\n\r]*:)?|([{}])|(NaN|-?Infinity)', re.ASCII)
_BLANKS = " \t\n\r"


class StrictJson(Struct, frozen=True):
    """A value, and its JSON text: `source` is what is sent. `notes` are doubts about it, in words."""

    value: Any
    source: bytes
    notes: tuple[str, ...] = ()


def parse_strict(text: str) -> StrictJson:
    """Read JSON to send. Raises ValueError, in words with line and column, where it is no JSON."""
    text = text.removeprefix("\ufeff").strip(_BLANKS)
    try:
        source = text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{_place(text, error.start)}: half a character, a lone surrogate") from error
    if is_too_deep(source):
        raise ValueError("it is nested too deeply")
    try:
        value = json.loads(text, parse_float=read_float, parse_int=read_int)
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}, column {error.colno}: {_words(error.msg)}") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    return StrictJson(value, source, tuple(_check(text)))


def encode_strict(value: Any) -> StrictJson:
    """Write a value as JSON to send. Raises UsageError where JSON has no word for it: what the feed told of an input
    may hold NaN, and half a character."""
    try:
        return StrictJson(value, write(value, tight=True, non_finite="refuse").encode())
    except (ValueError, RecursionError) as error:
        raise UsageError(f"it can't be sent as JSON: {error}", effect="nothing was sent") from error


def _words(message: str) -> str:
    return message[:1].lower() + message[1:]


def _check(text: str) -> Iterator[str]:
    """Yield a note for each key that is there twice. Raises ValueError at the first token that is no JSON."""
    keys: list[set[str]] = []
    for token in _TOKEN.finditer(text):
        string, colon, brace, number = token.groups()
        if brace == "{":
            keys.append(set())
        elif brace:
            keys.pop()
        elif number:
            raise ValueError(f"{_place(text, token.start())}: {number} is no number in JSON")
        elif colon:
            name = json.loads(string)
            if name in keys[-1]:
                yield f"{_place(text, token.start())}: the key {string} is there twice: readers differ in which counts"
            keys[-1].add(name)


def _place(text: str, at: int) -> str:
    return f"line {text.count(chr(10), 0, at) + 1}, column {at - text.rfind(chr(10), 0, at)}"
