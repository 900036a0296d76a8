"""Measures how large a value is as JSON, and limits its size and depth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

MAX_VALUE_CHARS: Final = 1536 * 1024
"""Approximate size of one value as JSON. Larger than any input, to leave room for what a flow adds."""
MAX_VALUE_DEPTH: Final = 100
"""Levels of nesting. An input has at most 64; clients may fail on values nested much deeper."""

_TOO_DEEP: Final = f"a value may be nested {MAX_VALUE_DEPTH} levels deep"


class ValueTooLarge(ValueError):
    """A value that is too large or too deep for a node."""


def json_size(value: Any) -> int:
    """Return the approximate number of characters of `value` as JSON. Raises ValueTooLarge.

    A part that occurs a thousand times counts a thousand times, but is measured once.
    """
    return _measure(value, {}).size


class _Measure(NamedTuple):
    size: int
    height: int


def _measure(value: Any, known: dict[int, _Measure], depth: int = 0) -> _Measure:
    """Return the size and the height of a value. `known` has those of the containers already measured, by identity."""
    if value is None or isinstance(value, str | int | float):
        return _Measure(_scalar_size(value), 0)
    measure = known.get(id(value))
    if measure is None:
        if depth > MAX_VALUE_DEPTH:
            raise ValueTooLarge(_TOO_DEEP)
        names, parts = (value.keys(), value.values()) if isinstance(value, Mapping) else ((), value)
        size, height = 2 + len(parts) + sum(len(name) + 3 for name in names), 0
        for part in parts:
            part_size, part_height = _measure(part, known, depth + 1)
            size += part_size
            height = max(height, part_height)
            if size > MAX_VALUE_CHARS:
                raise ValueTooLarge(f"a value may have {MAX_VALUE_CHARS} characters")
        measure = known[id(value)] = _Measure(size, height + 1)
    if depth + measure.height > MAX_VALUE_DEPTH:
        raise ValueTooLarge(_TOO_DEEP)
    return measure


def _scalar_size(value: Any) -> int:
    if isinstance(value, str):
        return len(value) + 2
    return 1 + value.bit_length() // 3 if isinstance(value, int) else 4
