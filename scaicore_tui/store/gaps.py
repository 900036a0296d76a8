"""The tables of missing events: open gaps (table `holes`), still to be read, and closed gaps, whose events are lost.

An open gap is stored in the transaction that adds the events above it, with the cursor at which reading continues. So
after a crash the journal does not look complete, and the next process fills the gap.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from scaicore_tui.protocol import Event
from scaicore_tui.runs import Gap
from scaicore_tui.runs.gaps import GapReason
from scaicore_tui.store.change_log import log_gaps
from scaicore_tui.store.database import lookup_clauses
from scaicore_tui.store.engine import Database
from scaicore_tui.store.stored_ids import decode_id, encode_id
from scaicore_tui.units import Micros, Position

# Positions left free for the events of an open gap.
RESERVED_POSITIONS = 2**32
# Below every position. The open gap here is history: older events that were not read yet.
BELOW_ALL = -(2**62)
_ADD = """INSERT INTO holes (after_pos, until_pos, found_at, cursor) VALUES (?, ?, ?, ?) ON CONFLICT (after_pos)
DO UPDATE SET until_pos = excluded.until_pos, found_at = excluded.found_at, cursor = excluded.cursor"""
_MARK_LOST = "INSERT INTO gaps (after_pos, found_at, reason) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"


class OpenGap(Struct, frozen=True):
    """Events above position `after` are missing and still to be read.

    `until` is the position of the newest event read when the gap was found, `found_at` is in microseconds since 1970.
    `cursor` is where the API continues with the missing events; None if that is not known.
    """

    after: Position
    until: int
    found_at: Micros
    cursor: str | None = None


class GapTable:
    """The open and closed gaps of one journal. The caller opens the transaction for each change."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, gap: OpenGap) -> None:
        """Store an open gap."""
        row = (gap.after, gap.until, gap.found_at, encode_id(gap.cursor))
        self._database.execute(_ADD, row)
        log_gaps(self._database)

    def set_cursor(self, gap: OpenGap, cursor: str | None) -> None:
        """Store the cursor at which filling the gap continues."""
        self._database.execute("UPDATE holes SET cursor = ? WHERE after_pos = ?", (encode_id(cursor), gap.after))

    def remove(self, gap: OpenGap) -> None:
        """Remove an open gap, which is filled or lost."""
        self._database.execute("DELETE FROM holes WHERE after_pos = ?", (gap.after,))
        log_gaps(self._database)

    def mark_lost(self, after: Position, found_at: Micros, reason: GapReason = GapReason.LOST) -> None:
        """Store a closed gap above position `after`."""
        self._database.execute(_MARK_LOST, (after, found_at, reason))
        log_gaps(self._database)

    def open_gaps(self) -> list[OpenGap]:
        """Return the open gaps between events, newest first."""
        return self._where("after_pos > ? ORDER BY after_pos DESC")

    def unread_history(self) -> OpenGap | None:
        """Return the open gap below all events; None if all history was read."""
        return next(iter(self._where("after_pos = ?")), None)

    def open_count(self) -> int:
        """Return the number of open gaps, including unread history."""
        return int(self._database.execute("SELECT count(*) FROM holes").fetchone()[0])

    def _where(self, condition: str) -> list[OpenGap]:
        query = f"SELECT after_pos, until_pos, found_at, cursor FROM holes WHERE {condition}"  # noqa: S608  (two constants)
        rows = self._database.execute(query, (BELOW_ALL,))
        return [
            OpenGap(after, until, found_at, None if cursor is None else decode_id(cursor))
            for after, until, found_at, cursor in rows
        ]

    def oldest_above(self, gap: OpenGap) -> int:
        """Return the position of the oldest event above the gap, or the first position reserved for one."""
        (pos,) = self._database.execute("SELECT min(pos) FROM events WHERE pos > ?", (gap.after,)).fetchone()
        return gap.after + 1 + RESERVED_POSITIONS if pos is None else int(pos)

    def highest_reserved(self) -> int:
        """Return the highest position reserved for an open gap; -1 without open gaps."""
        (after,) = self._database.execute("SELECT max(after_pos) FROM holes").fetchone()
        return -1 if after is None else int(after) + RESERVED_POSITIONS

    def gaps(self) -> list[Gap]:
        """Return closed and open gaps, oldest first."""
        rows = self._database.execute(
            "SELECT after_pos, found_at, reason, 0 FROM gaps UNION ALL SELECT after_pos, found_at, 0, 1 FROM holes"
            " ORDER BY 1"
        ).fetchall()
        return [self._gap(after, found_at, reason, is_open=bool(is_open)) for after, found_at, reason, is_open in rows]

    def _gap(self, after: Position, found_at: Micros, reason: int, *, is_open: bool) -> Gap:
        below = self._neighbour("pos <= ? ORDER BY pos DESC", after)
        above = self._neighbour("pos > ? ORDER BY pos", after)
        is_history = is_open and after == BELOW_ALL
        neighbours = (below[0], above[0], below[1], above[1])
        return Gap(after, found_at, *neighbours, is_open, is_history, GapReason(reason))

    def _neighbour(self, where: str, pos: Position) -> tuple[int | None, str | None]:
        query = f"SELECT at, execution_id FROM events WHERE {where} LIMIT 1"  # noqa: S608  (two constants)
        at, execution = self._database.execute(query, (pos,)).fetchone() or (None, None)
        return at or None, None if execution is None else decode_id(execution)


class SkippedEvent(Struct, frozen=True):
    """An event that was skipped because it is too large to read.

    It is right below `neighbour` if `is_neighbour_above`, otherwise right above it. Without a known neighbour, it is
    above position `after`. `found_at` is in microseconds since 1970.
    """

    neighbour: Event | None
    found_at: Micros
    is_neighbour_above: bool = False
    after: Position = BELOW_ALL


def skipped_position(skipped: SkippedEvent, query: Callable[..., list[tuple[Any, ...]]]) -> Position | None:
    """Return the position right below the skipped event; None if its neighbour is not stored.

    `query` runs an SQL query on the journal.
    """
    if skipped.neighbour is None:
        return skipped.after
    ((column, keys),) = lookup_clauses([skipped.neighbour])
    statement = f"SELECT max(pos) FROM events WHERE {column} IN ({', '.join('?' * len(keys))}) AND raw = ?"  # noqa: S608
    pos = query(statement, *keys, skipped.neighbour.raw)[0][0]
    if pos is None or not skipped.is_neighbour_above:
        return None if pos is None else int(pos)
    below = query("SELECT max(pos) FROM events WHERE pos < ?", pos)[0][0]
    return int(pos) - 1 if below is None else int(below)
