"""Where events are missing: holes, which are being filled, and gaps, which never will be.

A hole is noted in the transaction that puts events above it, and kept with the cursor that goes on filling it: after
a crash nothing looks complete that isn't, and the next process can fill it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from scaicore_tui.protocol import Event
from scaicore_tui.runs import Gap
from scaicore_tui.runs.gaps import GapReason
from scaicore_tui.store.database import lookup_clauses

# Positions left free for what a hole may turn out to hold.
RESERVED_POSITIONS = 2**32
# Below every position: the hole there is history that was not read yet, which may be all older events of the feed.
BELOW_ALL = -(2**62)


class OpenGap(Struct, frozen=True):
    """Events are missing above position `after`. What the sweep that found it put in, so far, ends at `until`.

    `found_at` is in microseconds since 1970; `cursor` leads on to what is missing, None where that is not known.
    """

    after: int
    until: int
    found_at: int
    cursor: str | None = None


class GapTable:
    """The holes and gaps of one journal. Whoever changes something opens the transaction."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def add(self, hole: OpenGap) -> None:
        """Note a hole."""
        row = (hole.after, hole.until, hole.found_at, hole.cursor)
        self._database.execute("INSERT OR REPLACE INTO holes VALUES (?, ?, ?, ?)", row)

    def set_cursor(self, hole: OpenGap, cursor: str | None) -> None:
        """It is filled on from `cursor`."""
        self._database.execute("UPDATE holes SET cursor = ? WHERE after_pos = ?", (cursor, hole.after))

    def remove(self, hole: OpenGap) -> None:
        """It is filled, or no hole any more."""
        self._database.execute("DELETE FROM holes WHERE after_pos = ?", (hole.after,))

    def mark_lost(self, after: int, found_at: int, reason: GapReason = GapReason.LOST) -> None:
        """What is missing above that position will never come."""
        self._database.execute("INSERT OR IGNORE INTO gaps VALUES (?, ?, ?)", (after, found_at, reason))

    def open_gaps(self) -> list[OpenGap]:
        """The holes between events, newest first."""
        return self._where("after_pos > ? ORDER BY after_pos DESC")

    def unread_history(self) -> OpenGap | None:
        """The hole below all events; None where all history was read."""
        return next(iter(self._where("after_pos = ?")), None)

    def open_count(self) -> int:
        """How many holes there are, unread history among them."""
        return int(self._database.execute("SELECT count(*) FROM holes").fetchone()[0])

    def _where(self, condition: str) -> list[OpenGap]:
        query = f"SELECT after_pos, until_pos, found_at, cursor FROM holes WHERE {condition}"  # noqa: S608  (two constants)
        return [OpenGap(*row) for row in self._database.execute(query, (BELOW_ALL,))]

    def oldest_above(self, hole: OpenGap) -> int:
        """The position of the oldest event above it, or where that would be."""
        (pos,) = self._database.execute("SELECT min(pos) FROM events WHERE pos > ?", (hole.after,)).fetchone()
        return hole.after + 1 + RESERVED_POSITIONS if pos is None else int(pos)

    def highest_reserved(self) -> int:
        """The highest position that is kept free; below all where there is no hole."""
        (after,) = self._database.execute("SELECT max(after_pos) FROM holes").fetchone()
        return -1 if after is None else int(after) + RESERVED_POSITIONS

    def gaps(self) -> list[Gap]:
        """Gaps and holes, oldest first."""
        rows = self._database.execute(
            "SELECT after_pos, found_at, reason, 0 FROM gaps UNION ALL SELECT after_pos, found_at, 0, 1 FROM holes"
            " ORDER BY 1"
        ).fetchall()
        return [self._gap(after, found_at, reason, is_open=bool(is_open)) for after, found_at, reason, is_open in rows]

    def _gap(self, after: int, found_at: int, reason: int, *, is_open: bool) -> Gap:
        last = self._neighbour("pos <= ? ORDER BY pos DESC", after)
        following = self._neighbour("pos > ? ORDER BY pos", after)
        is_history = is_open and after == BELOW_ALL
        neighbours = (last[0], following[0], last[1], following[1])
        return Gap(after, found_at, *neighbours, is_open, is_history, GapReason(reason))

    def _neighbour(self, where: str, pos: int) -> tuple[int | None, str | None]:
        query = f"SELECT at, execution_id FROM events WHERE {where} LIMIT 1"  # noqa: S608  (two constants)
        at, execution = self._database.execute(query, (pos,)).fetchone() or (None, None)
        return at or None, execution


class SkippedEvent(Struct, frozen=True):
    """An event that is too large to be read, and was passed: next to its `neighbour`, which `is_above` it or below; or
    where none is known, above the position `after`."""

    neighbour: Event | None
    found_at: int
    is_above: bool = False
    after: int = BELOW_ALL


def skipped_position(skipped: SkippedEvent, query: Callable[..., list[tuple[Any, ...]]]) -> int | None:
    """Return the position right below the passed event; None where its neighbour is not stored. `rows` asks the journal
    that holds the neighbour."""
    if skipped.neighbour is None:
        return skipped.after
    ((place, keys),) = lookup_clauses([skipped.neighbour])
    statement = f"SELECT max(pos) FROM events WHERE {place} IN ({', '.join('?' * len(keys))}) AND raw = ?"  # noqa: S608
    pos = query(statement, *keys, skipped.neighbour.raw)[0][0]
    if pos is None or not skipped.is_above:
        return None if pos is None else int(pos)
    below = query("SELECT max(pos) FROM events WHERE pos < ?", pos)[0][0]
    return int(pos) - 1 if below is None else int(below)
