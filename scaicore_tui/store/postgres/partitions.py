"""The partitions of the table of events: each has the events of PARTITION_POSITIONS positions.

Retention drops a partition instead of deleting its rows, which would have to be vacuumed out of four files afterwards.
Ranges of positions, not of time: the position alone stays the primary key, "in feed order" and "the newest" read one
partition after the other without sorting, and readings from a position on skip those below. A feed brings its events
nearly in the order of time, so a partition is nearly a stretch of time, too.

Why so many: a run is looked up in all partitions, and each takes a lock and some 0.02 ms of each such query. A thousand
million events are 200 of them. The size can't change any more: the bounds of new partitions must fit those there are.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from scaicore_tui.store.engine import Cursor, Database
from scaicore_tui.units import Position

PARTITION_POSITIONS = 5_000_000
# Statements that wait for all readers of a table make new readers wait, too: they give up after this time.
MAX_WAIT_MS = 500
_NAMES = """SELECT convert_to(child.relname, 'UTF8') FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
WHERE inhparent = to_regclass('events')"""
_PREFIX, _NEGATIVE = "events_", "m"
_LIMIT_WAITING = f"SET LOCAL lock_timeout = {MAX_WAIT_MS}"


class Partition(Struct, frozen=True, order=True):
    """The partition with the positions from `first` up to, but not including, `end`."""

    first: Position

    @property
    def end(self) -> Position:
        """The first position above it."""
        return self.first + PARTITION_POSITIONS

    @property
    def name(self) -> str:
        """The name of its table."""
        number = self.first // PARTITION_POSITIONS
        return f"{_PREFIX}{_NEGATIVE if number < 0 else ''}{abs(number)}"


def partition_at(position: Position) -> Partition:
    """Return the partition of a position."""
    return Partition(position // PARTITION_POSITIONS * PARTITION_POSITIONS)


def partitions_between(first: Position, last: Position) -> Sequence[Partition]:
    """Return the partitions of all positions from `first` to `last`, which is below `first` if there are none."""
    begin = partition_at(first).first
    return [Partition(position) for position in range(begin, last + 1, PARTITION_POSITIONS) if first <= last]


def read_partitions(database: Database) -> list[Partition]:
    """Return the partitions that there are, lowest first."""
    names = (name.decode().removeprefix(_PREFIX) for (name,) in database.execute(_NAMES))
    numbers = (int(name.replace(_NEGATIVE, "-")) for name in names)
    return sorted(Partition(number * PARTITION_POSITIONS) for number in numbers)


def add_partition(database: Database, partition: Partition) -> None:
    """Add a partition. Readers need not wait, as for `CREATE TABLE … PARTITION OF`."""
    database.execute(f"CREATE TABLE {partition.name} (LIKE events INCLUDING DEFAULTS)")
    database.execute(
        f"ALTER TABLE events ATTACH PARTITION {partition.name} FOR VALUES FROM ({partition.first}) TO ({partition.end})"
    )


def empty_partition(database: Database, partition: Partition) -> None:
    """Delete all events of a partition, in the current transaction. Readers of this partition wait until its end."""
    database.execute(_LIMIT_WAITING)
    database.execute(f"TRUNCATE {partition.name}")


def drop_partition(database: Database, partition: Partition) -> Cursor:
    """Drop a partition, in the current transaction: all readers wait until its end, so it should be empty."""
    database.execute(_LIMIT_WAITING)
    return database.execute(f"DROP TABLE {partition.name}")
