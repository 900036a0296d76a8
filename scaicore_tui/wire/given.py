"""JSON that a person wrote, read strictly: what could not be sent as it stands is refused, with its place.

Python's own parser takes NaN and repeated keys, and makes infinity of a number that is too large.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

# Strings, and whether they are keys; braces; numbers, and what Python takes for numbers.
_TOKEN = re.compile(
    r'("(?:[^"\\]|\\.)*")([ \t\n\r]*:)?|([{}])|(NaN|-?Infinity|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)', re.ASCII
)
_HALF = re.compile("[\ud800-\udfff]")


def read_given(text: str) -> Any:
    """The value that `text` holds. Raises ValueError, in words with line and column, where it is no JSON to send."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}, column {error.colno}: {_words(error.msg)}") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except ValueError as error:
        raise ValueError("it holds a number of too many digits") from error
    _refuse(text)
    return value


def _words(message: str) -> str:
    return message[:1].lower() + message[1:]


def _refuse(text: str) -> None:
    """Raise ValueError at the first token of valid JSON that could not be sent as it stands."""
    keys: list[set[str]] = []
    for token in _TOKEN.finditer(text):
        string, colon, brace, number = token.groups()
        if brace == "{":
            keys.append(set())
        elif brace:
            keys.pop()
        elif number:
            _refuse_number(number, text, token.start())
        else:
            _refuse_string(string, keys[-1] if colon else None, text, token.start())


def _refuse_number(number: str, text: str, at: int) -> None:
    if number.lstrip("-").isdigit():
        return
    if not math.isfinite(float(number)):
        raise ValueError(f"{_place(text, at)}: {number} is no number in JSON, or too large for one")


def _refuse_string(string: str, keys: set[str] | None, text: str, at: int) -> None:
    """A key that its object has already; half of a character that takes two."""
    decoded = json.loads(string)
    if keys is not None:
        if decoded in keys:
            raise ValueError(f"{_place(text, at)}: the key {string} is there twice")
        keys.add(decoded)
    if _HALF.search(decoded):
        raise ValueError(f"{_place(text, at)}: half a character, a lone surrogate")


def _place(text: str, at: int) -> str:
    return f"line {text.count(chr(10), 0, at) + 1}, column {at - text.rfind(chr(10), 0, at)}"
