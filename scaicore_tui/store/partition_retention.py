"""Retention by partition: what an old partition has is deleted at once, as deleted rows would have to be vacuumed.

First the runs of the partition are read, a batch a call, to take them out of the statistics; then one transaction
deletes their summaries and empties the partition. Runs that are not over are put back: they are few, or else rows are
deleted. So that a partition can go as a whole, its first runs stay for up to MAX_LATE_DAYS longer than was asked for.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from msgspec import Struct

from scaicore_tui.analysis.statistics.tally import DAY_MICROS, Tally
from scaicore_tui.errors import StorageError
from scaicore_tui.protocol import Event
from scaicore_tui.runs import Delta, Summary
from scaicore_tui.runs.cache import project
from scaicore_tui.store.change_log import add_to_event_count, log_change
from scaicore_tui.store.engine import Database, Partition
from scaicore_tui.store.gaps import BELOW_ALL
from scaicore_tui.store.journal import Journal
from scaicore_tui.store.node_days import add_part
from scaicore_tui.store.stored_ids import encode_id
from scaicore_tui.store.summaries import Summaries
from scaicore_tui.units import Position

MAX_LATE_DAYS = 1
BATCH_RUNS = 50
# With more events to be put back, rows are deleted: these are read into memory.
MAX_KEPT_EVENTS = 50_000
_OLD_RUNS = """FROM runs WHERE place >= ? AND place < ? AND status IN ('completed', 'failed')
AND coalesce(changed_at, 0) < ?"""
_HAS_OLD_RUNS = f"SELECT 1 {_OLD_RUNS} LIMIT 1"
_COUNT_OLD_RUNS = f"SELECT count(*), coalesce(sum(event_count), 0) {_OLD_RUNS}"


class Plan(Struct, frozen=True):
    """The partition to delete, None if rows are to be deleted; or `is_waiting` until a partition is old enough."""

    partition: Partition | None = None
    is_waiting: bool = False


def plan_partition(database: Database, keep_from: Position, before: int) -> Plan:
    """Return what to do with the lowest partition that has something to delete.

    Events from `keep_from` on are kept, and those from the time `before` on, in microseconds since 1970.
    """
    partitions = database.partitions
    if partitions is None:
        return Plan()
    for partition in partitions.whole_below(keep_from):
        newest_at = partitions.newest_at(partition)
        if newest_at is None:
            partitions.drop_if_empty(partition)
        elif newest_at >= before:
            return Plan(is_waiting=newest_at < before + MAX_LATE_DAYS * DAY_MICROS)
        if database.execute(_HAS_OLD_RUNS, (partition.first, partition.end, before)).fetchone():
            return Plan(partition)
    return Plan()


def forget_history(database: Database, *, is_shorter: bool) -> None:
    """Delete the gaps below all events; if the journal `is_shorter` now, also that of history that was not read."""
    if is_shorter:
        # Older history would be deleted as well: don't read it any more.
        database.execute("DELETE FROM main.holes WHERE after_pos = ?", (BELOW_ALL,))
    database.execute("DELETE FROM main.gaps WHERE after_pos < (SELECT min(pos) FROM main.events)")


class PartitionRetention:
    """Deletes the runs that began in one partition and ended before a time. `is_over` once nothing is left to do."""

    def __init__(self, journal: Journal, summaries: Summaries, partition: Partition, before: int) -> None:
        self.is_over = False
        self._journal = journal
        self._summaries = summaries
        self._partition = partition
        self._before = before
        self._position: Position = partition.first - 1
        self._tally = Tally()
        self._deleted: dict[str, Position] = {}
        self._kept: list[str] = []
        self._kept_events = 0
        # Runs with events in later partitions, which are deleted by row.
        self._longer: list[str] = []
        self._read_runs = self._read_events = 0

    def step(self, keep_from: Position) -> Delta:
        """Read the next runs, or delete everything; if nothing can be deleted, be over without."""
        found = [
            run for run in self._summaries.oldest(BATCH_RUNS, self._position) if run.position < self._partition.end
        ]
        for summary in found:
            self._position = summary.position
            if summary.outcome is None or (summary.last_event_at or 0) >= self._before:
                self._keep(summary)
            else:
                self._take(summary, keep_from)
        if found and self._kept_events <= MAX_KEPT_EVENTS:
            return Delta()
        self.is_over = True
        return Delta() if found or not self._deleted else self._delete()

    def _keep(self, summary: Summary) -> None:
        self._kept.append(summary.execution_id)
        self._kept_events += summary.event_count

    def _take(self, summary: Summary, keep_from: Position) -> None:
        """Count a run that is to be deleted, unless it has events that are kept."""
        self._read_runs, self._read_events = self._read_runs + 1, self._read_events + summary.event_count
        history = list[tuple[Position, Event]](self._journal.history(summary.execution_id))
        last = history[-1][0] if history else summary.position
        if last >= keep_from:
            self._keep(summary)
            return
        project(summary.execution_id, iter(history), self._tally.add)
        self._deleted[summary.execution_id] = summary.position
        if last >= self._partition.end:
            self._longer.append(summary.execution_id)

    def _delete(self) -> Delta:
        positions = list(self._deleted.values())
        with self._journal.transaction() as database:
            if database.partitions is None or not self._is_unchanged(database):
                return Delta()
            dialect = database.dialect
            among = dialect.is_among.format("place")
            database.execute(f"DELETE FROM main.runs WHERE {among}", (dialect.pack_list(positions),))  # noqa: S608  (a constant)
            count = sum(self._delete_rows(database, encode_id(key)) for key in self._longer)
            kept = [encode_id(key) or "" for key in self._kept]
            count += database.partitions.clear(self._partition, kept)
            add_part(database, [self._tally], is_removed=True)
            add_part(database, [self._tally], is_kept=True)
            forget_history(database, is_shorter=True)
            add_to_event_count(database, -count)
            delta = Delta(removed=frozenset(self._deleted), vacated=positions, event_count=-count, is_loaded=True)
            log_change(database, delta)
        self._drop()
        return delta

    def _is_unchanged(self, database: Database) -> bool:
        """Return whether the runs are as they were read. Events may come late, also for an old run."""
        bounds = (self._partition.first, self._partition.end, self._before)
        found = database.execute(_COUNT_OLD_RUNS, bounds).fetchone()
        return bool((self._read_runs, self._read_events) == (found[0], int(found[1])))

    def _delete_rows(self, database: Database, key: Any) -> int:
        return database.execute("DELETE FROM main.events WHERE execution_id = ?", (key,)).rowcount

    def _drop(self) -> None:
        """Drop the partition if it is empty, and no reader takes long; else a later pass does."""
        with suppress(StorageError), self._journal.using() as database:
            if database.partitions is not None:
                database.partitions.drop_if_empty(self._partition)
