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
from typing import Any, cast

from msgspec import Struct

from scaicore_tui.store.engine import Database, transaction
from scaicore_tui.units import Micros, Position

PARTITION_POSITIONS = 5_000_000
# Statements that wait for all readers of a table make new readers wait, too: they give up after this time.
MAX_WAIT_MS = 500
_NAMES = """SELECT convert_to(child.relname, 'UTF8') FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
WHERE inhparent = to_regclass('events')"""
_PREFIX, _NEGATIVE = "events_", "m"
_SURVIVORS = """SELECT pos, at, execution_id, raw FROM {0} WHERE execution_id = ANY(?)
UNION ALL SELECT pos, at, execution_id, raw FROM {0} WHERE at = 0 AND execution_id IS NULL ORDER BY pos"""
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


class EventPartitions:
    """The partitions of one journal. `database` is the writer's connection."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # Those that are known to be there.
        self._known: set[Partition] = set()

    def add_missing(self, first: Position, last: Position) -> None:
        """Add the partitions for events at these positions, unless there are any."""
        missing = [found for found in partitions_between(first, last) if found not in self._known]
        if missing:
            known = set(read_partitions(self._database))
            for partition in missing:
                if partition not in known:
                    add_partition(self._database, partition)
            self._known = {*known, *missing}

    def forget(self) -> None:
        """Forget which partitions there are, as after a transaction that was undone."""
        self._known.clear()

    def whole_below(self, position: Position) -> list[Partition]:
        """Return the partitions of which every event is below a position, lowest first."""
        return [found for found in read_partitions(self._database) if found.end <= position]

    def newest_at(self, partition: Partition) -> Micros | None:
        """Return the latest time of its events, in microseconds since 1970; None if it is empty."""
        return cast("Micros | None", self._one(f"SELECT max(at) FROM {partition.name}"))  # noqa: S608  (a number)

    def clear(self, partition: Partition, kept: Sequence[str | bytes]) -> int:
        """Delete all events of a partition except those of some runs, and those outside of runs that have no time.

        Return the number of deleted events. Call it in a transaction: readers of this partition wait until its end.
        """
        count = int(self._one(f"SELECT count(*) FROM {partition.name}"))  # noqa: S608  (a number)
        rows = self._database.execute(_SURVIVORS.format(partition.name), (list(kept),)).fetchall()
        self._database.execute(_LIMIT_WAITING)
        self._database.execute(f"TRUNCATE {partition.name}")
        self._database.insert_events(rows)
        return count - len(rows)

    def drop_if_empty(self, partition: Partition) -> None:
        """Drop a partition without events. All readers wait for that, so it waits for readers for a moment only."""
        if self.newest_at(partition) is None:
            with transaction(self._database):
                self._database.execute(_LIMIT_WAITING)
                self._database.execute(f"DROP TABLE {partition.name}")
            self.forget()

    def _one(self, query: str) -> Any:
        return self._database.execute(query).fetchone()[0]
