"""Two JSON values as rows to be shown side by side, aligned; what is equal is folded. Pure."""

from __future__ import annotations

from collections.abc import Container, Hashable, Iterator, Sequence
from itertools import groupby
from typing import Any

from msgspec import Struct

from scaicore_tui.analysis.value_diff import MISSING, Path, aligned_indexes, identity

# Rows that are shown of two values; the values are copied whole.
MAX_ROWS = 2_000
# Deeper values are shown in one line.
MAX_DEPTH = 40
# So many equal items in a row, or more, are one row at first.
MIN_FOLDED = 4
# The last part of the path of a row that stands for several items.
_SEVERAL = -1


class ValuePair(Struct, frozen=True):
    """One row: two values with the same place in both, or one that only one of them has; the other is MISSING then.

    Attributes:
        path: where it is. For a row that stands for several equal items, that of the list, and the indexes of the first
            of them in both.
        name: the last part of the path; empty for the values as a whole.
        depth: how deep it is.
        is_open: the rows of its members follow, or could: None if it has none that could.
        count: the number of equal items that it stands for.
    """

    path: Path
    name: str
    depth: int
    a: Any
    b: Any
    is_equal: bool
    is_open: bool | None = None
    count: int = 1


def pair_values(a: Any, b: Any, toggled: Container[Path]) -> list[ValuePair]:
    """Return the rows of two values; `toggled` are the paths that were folded or unfolded by hand.

    What differs is unfolded at first, what is equal is folded.
    """
    rows: list[ValuePair] = []
    pending = [iter([_pair((), "", 0, a, b, toggled)])]
    while pending and len(rows) < MAX_ROWS:
        row = next(pending[-1], None)
        if row is None:
            pending.pop()
            continue
        rows.append(row)
        if row.is_open:
            pending.append(_members(row, toggled))
    return rows


def _pair(path: Path, name: str, depth: int, a: Any, b: Any, toggled: Container[Path]) -> ValuePair:
    is_equal = identity(a) == identity(b)
    return ValuePair(path, name, depth, a, b, is_equal, _is_open(path, a, b, toggled, is_equal=is_equal))


def _is_open(path: Path, a: Any, b: Any, toggled: Container[Path], *, is_equal: bool) -> bool | None:
    """Return if the members of two values are shown; None if they cannot be, side by side."""
    kinds = {type(value) for value in (a, b) if value is not MISSING}
    if len(path) >= MAX_DEPTH or len(kinds) != 1 or not kinds <= {dict, list} or not (_members_of(a) or _members_of(b)):
        return None
    is_open = not is_equal or not path
    return is_open != (path in toggled)


def _members_of(value: Any) -> Any:
    """Return the value if it has members; something empty otherwise."""
    return value if isinstance(value, dict | list) else ()


def _members(row: ValuePair, toggled: Container[Path]) -> Iterator[ValuePair]:
    if row.count > 1:
        *around, one, other, _ = row.path
        for offset, item in enumerate(row.a):
            index, other_index = int(one) + offset, int(other) + offset
            yield _pair((*around, index), _index_name(index, other_index), row.depth + 1, item, item, toggled)
    elif isinstance(row.a, dict) or isinstance(row.b, dict):
        a, b = (value if isinstance(value, dict) else {} for value in (row.a, row.b))
        for name in dict.fromkeys((*a, *b)):
            values = a.get(name, MISSING), b.get(name, MISSING)
            yield _pair((*row.path, name), name, row.depth + 1, *values, toggled)
    else:
        yield from _items(row, toggled)


def _items(row: ValuePair, toggled: Container[Path]) -> Iterator[ValuePair]:
    """Yield the rows of two lists, aligned; many equal items in a row are one."""
    a, b = (value if isinstance(value, list) else [] for value in (row.a, row.b))
    keys: tuple[Sequence[Hashable], Sequence[Hashable]] = [*map(identity, a)], [*map(identity, b)]
    for is_equal, group in groupby(
        aligned_indexes(*keys), lambda pair: None not in pair and keys[0][pair[0] or 0] == keys[1][pair[1] or 0]
    ):
        pairs = list(group)
        if is_equal and len(pairs) >= MIN_FOLDED:
            yield _several(row, a, pairs[0], len(pairs), toggled)
            continue
        for one, other in pairs:
            index = one if one is not None else other or 0
            values = (a[one] if one is not None else MISSING), (b[other] if other is not None else MISSING)
            yield _pair((*row.path, index), _index_name(one, other), row.depth + 1, *values, toggled)


def _several(
    row: ValuePair, a: Sequence[Any], first: tuple[int | None, int | None], count: int, toggled: Container[Path]
) -> ValuePair:
    """Return the row of `count` equal items of two lists, of which the first are at the indexes `first`."""
    one, other = first[0] or 0, first[1] or 0
    path, items = (*row.path, one, other, _SEVERAL), a[one : one + count]
    name = f"[{one}]…[{one + count - 1}]"
    return ValuePair(path, name, row.depth + 1, items, items, is_equal=True, is_open=path in toggled, count=count)


def _index_name(one: int | None, other: int | None) -> str:
    """Return the index of an item; both if it has another one in the second list."""
    if one is None or other is None or one == other:
        return f"[{one if one is not None else other}]"
    return f"[{one}] [{other}]"
