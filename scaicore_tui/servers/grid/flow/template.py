"""Fills `{{expression}}` in configurations with the data of a run. Never changes its arguments."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from scaicore_tui.servers.grid.flow.expression import ExpressionError, evaluate
from scaicore_tui.servers.grid.flow.value_size import MAX_VALUE_CHARS, ValueTooLarge, json_size

MAX_TEMPLATES: Final = 1000
"""Templates in one value. Each takes time to evaluate."""

_OPEN: Final = "{{"
_CLOSE: Final = "}}"


def render(value: Any, names: Mapping[str, Any]) -> Any:
    """Return `value` with its templates filled in, including those in mappings and lists.

    A template that is the whole string keeps the type of its value. Raises ExpressionError, also if the result is too
    large.
    """
    return _check_size(_Renderer(names).value(value))


def expressions(value: Any) -> Iterator[str]:
    """Return every expression in `value`, for validation."""
    if isinstance(value, str):
        yield from (value[start + 2 : end - 2] for start, end in _placeholders(value))
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from expressions(part)
    elif isinstance(value, list):
        for part in value:
            yield from expressions(part)


class _Renderer:
    """Renders one value. The total size of its texts is limited before they are built."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self._names = names
        self._chars_left = MAX_VALUE_CHARS
        self._templates_left = MAX_TEMPLATES

    def value(self, value: Any) -> Any:
        """Return a value with its templates filled in."""
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
        parts: list[str] = []
        done = 0
        for start, end in _placeholders(text):
            self._templates_left -= 1
            if self._templates_left < 0:
                raise ExpressionError(f"a value may have {MAX_TEMPLATES} templates")
            filled = evaluate(text[start + 2 : end - 2], self._names)
            if (start, end) == (0, len(text)):
                return filled
            parts += (self._counted(text[done:start]), self._counted(_as_text(_check_size(filled))))
            done = end
        return "".join([*parts, text[done:]])

    def _counted(self, text: str) -> str:
        self._chars_left -= len(text)
        if self._chars_left < 0:
            raise ExpressionError(f"a text may have {MAX_VALUE_CHARS} characters")
        return text


def _check_size(value: Any) -> Any:
    try:
        json_size(value)
    except ValueTooLarge as error:
        raise ExpressionError(str(error)) from error
    return value


def _placeholders(text: str) -> Iterator[tuple[int, int]]:
    """Return the start and end of each `{{…}}`, in linear time. A placeholder is on one line and not empty."""
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
