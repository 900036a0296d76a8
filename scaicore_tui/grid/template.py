"""Fills `{{expression}}` in configurations with the data of a run; it changes nothing it is given."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from scaicore_tui.grid.budget import MAX_SIZE, TooLarge, json_size
from scaicore_tui.grid.expression import ExpressionError, evaluate

MAX_TEMPLATES: Final = 1000
"""So many templates one value may have: each takes its time."""

_OPEN: Final = "{{"
_CLOSE: Final = "}}"


def render(value: Any, names: Mapping[str, Any]) -> Any:
    """`value` with its templates filled, in mappings and lists too; one that is the whole string keeps its type.

    Raises ExpressionError, also where the result is too large.
    """
    return _checked(_Filling(names).value(value))


def expressions(value: Any) -> Iterator[str]:
    """Every expression inside `value`: what a validator has to look at."""
    if isinstance(value, str):
        yield from (value[start + 2 : end - 2] for start, end in _holes(value))
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from expressions(part)
    elif isinstance(value, list):
        for part in value:
            yield from expressions(part)


class _Filling:
    """One value in the making: what its texts may have together is bounded before they are made."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self._names = names
        self._left = MAX_SIZE
        self._templates_left = MAX_TEMPLATES

    def value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            return {key: self.value(part) for key, part in value.items()}
        if isinstance(value, list):
            return [self.value(part) for part in value]
        return value

    def _text(self, text: str) -> Any:
        if _OPEN not in text:
            return text
        pieces: list[str] = []
        done = 0
        for start, end in _holes(text):
            self._templates_left -= 1
            if self._templates_left < 0:
                raise ExpressionError(f"a value may have {MAX_TEMPLATES} templates")
            filled = evaluate(text[start + 2 : end - 2], self._names)
            if (start, end) == (0, len(text)):
                return filled
            pieces += (self._counted(text[done:start]), self._counted(_as_text(_checked(filled))))
            done = end
        return "".join([*pieces, text[done:]])

    def _counted(self, text: str) -> str:
        self._left -= len(text)
        if self._left < 0:
            raise ExpressionError(f"a text may have {MAX_SIZE} characters")
        return text


def _checked(value: Any) -> Any:
    try:
        json_size(value)
    except TooLarge as error:
        raise ExpressionError(str(error)) from error
    return value


def _holes(text: str) -> Iterator[tuple[int, int]]:
    """Where each `{{…}}` begins and ends, in time proportional to the text: one is on one line, and not empty."""
    start = text.find(_OPEN)
    while start >= 0:
        end = text.find(_CLOSE, start + 3)
        if end < 0:
            return
        line_break = text.rfind("\n", start + 2, end)
        if line_break < 0:
            yield start, end + 2
        start = text.find(_OPEN, (end + 2) if line_break < 0 else line_break)


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)
