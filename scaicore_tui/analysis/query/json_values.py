"""Tests of JSON values: the member at a path, compared with a text, a number or a regular expression."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from scaicore_tui.analysis.query.compare import comparisons
from scaicore_tui.analysis.query.regex import MAX_TEXT_CHARS, Regex
from scaicore_tui.analysis.query.tree import NumberValue, Op, PatternValue, Test, TextValue, Value
from scaicore_tui.analysis.query.values import parse_number
from scaicore_tui.json_text import write

_WORDS = {"true": True, "false": False, "null": None}


def json_matcher(test: Test, value: Value) -> Callable[[Any], bool]:
    """Return whether any value at the path of `test` passes it, or equals `value` if it is for UNEQUAL."""
    path, accepts = test.path, _acceptor(test.op, value)
    return lambda root: any(accepts(found) for found in values_at(root, path))


def values_at(root: Any, path: tuple[str, ...]) -> Iterator[Any]:
    """Yield the values at `path`. A name in a list leads into each of its elements, a number to one."""
    if not path:
        yield root
        return
    name, *rest = path
    if isinstance(root, dict):
        if name in root:
            yield from values_at(root[name], tuple(rest))
    elif isinstance(root, list):
        if name.isdecimal():
            if int(name) < len(root):
                yield from values_at(root[int(name)], tuple(rest))
        else:
            for element in root:
                yield from values_at(element, path)


def _acceptor(op: Op, value: Value) -> Callable[[Any], bool]:
    match value:
        case PatternValue(source):
            regex = Regex(source)
            return lambda found: regex.search(_text(found))
        case NumberValue():
            (test,) = comparisons("", op, value, 0)
            return lambda found: _is_number(found) and test.holds(found)
        case TextValue(text) if op is Op.HAS:
            needle = text.lower()
            return lambda found: needle in _text(found).lower()
        case TextValue(text):
            return _equal_to(text)
        case _:
            raise TypeError(value)


def _is_number(found: Any) -> bool:
    return isinstance(found, int | float) and not isinstance(found, bool)


def _equal_to(text: str) -> Callable[[Any], bool]:
    """Return whether a value is the string `text`, or the number, true, false or null that it spells."""
    number = parse_number(text)
    has_word = text in _WORDS
    word = _WORDS.get(text)

    def accepts(found: Any) -> bool:
        if isinstance(found, str):
            return found == text
        if _is_number(found):
            return number is not None and found == number
        return has_word and found is word

    return accepts


def _text(found: Any) -> str:
    """Return the text of a value: a string as it is, others as JSON."""
    if isinstance(found, str):
        return found[:MAX_TEXT_CHARS]
    try:
        return write(found)[:MAX_TEXT_CHARS]
    except (RecursionError, ValueError, json.JSONDecodeError):
        return ""
