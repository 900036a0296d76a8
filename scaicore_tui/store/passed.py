"""Events that are too large to be read, and were passed: each leaves a gap beside a neighbour that is stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from scaicore_tui.protocol import Event
from scaicore_tui.store.database import lookup_clauses
from scaicore_tui.store.gaps import BELOW_ALL


class Passed(Struct, frozen=True):
    """An event that is too large to be read, and was passed: next to its `neighbour`, which `is_above` it or below; or
    where none is known, above the position `after`."""

    neighbour: Event | None
    found_at: int
    is_above: bool = False
    after: int = BELOW_ALL


def position_below(passed: Passed, rows: Callable[..., list[tuple[Any, ...]]]) -> int | None:
    """Return the position right below the passed event; None where its neighbour is not stored. `rows` asks the journal
    that holds the neighbour."""
    if passed.neighbour is None:
        return passed.after
    ((place, keys),) = lookup_clauses([passed.neighbour])
    query = f"SELECT max(pos) FROM events WHERE {place} IN ({', '.join('?' * len(keys))}) AND raw = ?"  # noqa: S608
    pos = rows(query, *keys, passed.neighbour.raw)[0][0]
    if pos is None or not passed.is_above:
        return None if pos is None else int(pos)
    below = rows("SELECT max(pos) FROM events WHERE pos < ?", pos)[0][0]
    return int(pos) - 1 if below is None else int(below)
