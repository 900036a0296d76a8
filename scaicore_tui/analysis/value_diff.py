"""The differences between two JSON values, as the API wrote them. Pure.

`true` is not 1, and 1.0 is not 1: numbers are compared as written. Lists are aligned, so that an item that was added
or removed is one difference, and not one of each item after it.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator, Sequence
from difflib import SequenceMatcher
from enum import Enum
from itertools import islice, zip_longest
from typing import Any

from msgspec import Struct

from scaicore_tui.json_text import JsonNumber, read_float, read_int
from scaicore_tui.protocol.lenient_json import decode_value, is_too_deep

# More differences than these are only counted as "more".
MAX_CHANGES = 1_000
# To align two lists takes time proportional to the product of the lengths of what differs: longer ones are compared
# item by item.
MAX_ALIGNED = 1_000_000

Path = tuple[str | int, ...]


class Missing(Enum):
    """The value of a member or item that is only in the other value."""

    MISSING = "missing"


MISSING = Missing.MISSING


class Change(Struct, frozen=True):
    """One difference: the values at `path`, of which one may be MISSING.

    A path consists of names of members and indexes of items; an index is that in the first value, and of an item that
    only the second one has, that in the second.
    """

    path: Path
    a: Any
    b: Any


def read_value(source: bytes) -> Any:
    """Decode a JSON value whose numbers keep their text; MISSING if there is none."""
    if not source:
        return MISSING
    if is_too_deep(source):
        return None
    try:
        return json.loads(source, parse_float=read_float, parse_int=read_int)
    except (ValueError, RecursionError):
        return decode_value(source)


def changes(a: Any, b: Any) -> list[Change]:
    """Return the differences between two values, in the order of the first; at most MAX_CHANGES."""
    return list(islice(_changes((), a, b), MAX_CHANGES))


def path_text(path: Path) -> str:
    """Return a path as people write it, such as `invoices[3].net`; that of the whole value is empty."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def _changes(path: Path, a: Any, b: Any) -> Iterator[Change]:
    if isinstance(a, dict) and isinstance(b, dict):
        for name in dict.fromkeys((*a, *b)):
            yield from _changes((*path, name), a.get(name, MISSING), b.get(name, MISSING))
    elif isinstance(a, list) and isinstance(b, list):
        yield from _item_changes(path, a, b)
    elif identity(a) != identity(b):
        yield Change(path, a, b)


def _item_changes(path: Path, a: Sequence[Any], b: Sequence[Any]) -> Iterator[Change]:
    """Yield the differences of two lists, aligned at their equal items."""
    for part in _unequal_parts([*map(identity, a)], [*map(identity, b)]):
        for one, other in _paired(part):
            if one is not None and other is not None:
                yield from _changes((*path, one), a[one], b[other])
            elif one is not None:
                yield Change((*path, one), a[one], MISSING)
            elif other is not None:
                yield Change((*path, other), MISSING, b[other])


def aligned_indexes(a: Sequence[Hashable], b: Sequence[Hashable]) -> Iterator[tuple[int | None, int | None]]:
    """Yield the indexes of all items in both lists, aligned at the equal ones; None for one that is only in the other.

    Items between equal ones are paired in their order.
    """
    at_a = at_b = 0
    for part in _unequal_parts(a, b):
        yield from zip(range(at_a, part[0]), range(at_b, part[2]), strict=True)
        yield from _paired(part)
        at_a, at_b = part[1], part[3]
    yield from zip(range(at_a, len(a)), range(at_b, len(b)), strict=True)


def _paired(part: tuple[int, int, int, int]) -> Iterator[tuple[int | None, int | None]]:
    """Yield the indexes of two parts that differ, in pairs; None where one part is longer."""
    begin_a, end_a, begin_b, end_b = part
    return zip_longest(range(begin_a, end_a), range(begin_b, end_b))


def _unequal_parts(a: Sequence[Hashable], b: Sequence[Hashable]) -> Iterator[tuple[int, int, int, int]]:
    """Yield the begins and ends of the parts of both lists that differ: begin and end in `a`, begin and end in `b`."""
    head = next((index for index, (one, other) in enumerate(zip(a, b, strict=False)) if one != other), None)
    if head is None:
        head = min(len(a), len(b))
    shorter = min(len(a), len(b)) - head
    tail = next((index for index in range(shorter) if a[-1 - index] != b[-1 - index]), shorter)
    end_a, end_b = len(a) - tail, len(b) - tail
    if (end_a - head) * (end_b - head) > MAX_ALIGNED:
        yield head, end_a, head, end_b
        return
    matcher = SequenceMatcher(None, a[head:end_a], b[head:end_b], autojunk=False)
    for kind, begin_a, stop_a, begin_b, stop_b in matcher.get_opcodes():
        if kind != "equal":
            yield head + begin_a, head + stop_a, head + begin_b, head + stop_b


def identity(value: Any) -> Hashable:
    """Return what two values have in common exactly if JSON writes them alike, whatever the order of members."""
    if isinstance(value, dict):
        return "object", frozenset((name, identity(member)) for name, member in value.items())
    if isinstance(value, list):
        return "list", tuple(map(identity, value))
    if isinstance(value, float):
        return "number", value.text if isinstance(value, JsonNumber) else repr(value)
    return type(value).__name__, value
