"""Retention: delete the oldest finished runs with their events, and old events outside all runs, in small batches."""

from __future__ import annotations

from collections.abc import Sequence

from scaicore_tui.analysis.statistics.tally import Tally
from scaicore_tui.runs import Delta, RunProjector, Summary
from scaicore_tui.runs.cache import project
from scaicore_tui.store.change_log import add_to_event_count, log_change
from scaicore_tui.store.engine import Database
from scaicore_tui.store.journal import MAX_POSITION, Journal
from scaicore_tui.store.node_days import add_part
from scaicore_tui.store.partition_retention import PartitionRetention, forget_history, plan_partition
from scaicore_tui.store.stored_ids import encode_id
from scaicore_tui.store.summaries import Summaries
from scaicore_tui.units import Micros, Position

# The newest events are never deleted: a read from the head stops when it reaches known events.
MIN_KEPT_EVENTS = 1_000
BATCH_RUNS = 50
BATCH_STRAY_EVENTS = 2_000
_KEEP_FROM = "SELECT pos FROM main.events WHERE pos <= ? ORDER BY pos DESC LIMIT 1 OFFSET ?"
_STRAYS = """pos IN
(SELECT pos FROM main.events WHERE at > 0 AND at < ? AND pos < ? AND execution_id IS NULL ORDER BY at LIMIT ?)"""
_LAST_POSITION = "SELECT max(pos) FROM main.events WHERE execution_id = ?"


class Retention:
    """One pass over a journal, oldest runs first.

    A whole partition is deleted at once, where the table has partitions (see `partition_retention`); else rows are.
    The statistics of nodes keep the counts of deleted runs. Kept are unfinished runs, and the newest MIN_KEPT_EVENTS
    events; with open gaps, that many events below the lowest one, and all above it.
    """

    def __init__(
        self, journal: Journal, summaries: Summaries, projector: RunProjector, before: int | None, max_bytes: int | None
    ) -> None:
        """Delete runs that ended `before` a time, in microseconds since 1970, and the oldest ones while more than
        `max_bytes` bytes of the file are in use."""
        self._journal = journal
        self._summaries = summaries
        self._projector = projector
        self._before = before or 0
        self._max_bytes = max_bytes
        self._position = -MAX_POSITION
        self._is_done = False
        self._whole: PartitionRetention | None = None
        self._is_waiting = self._deletes_rows = False

    def prune_batch(self) -> Delta | None:
        """Delete one batch; return None if there is nothing more to delete.

        Raises StorageError if the file can't be written: then nothing was deleted.
        """
        keep_from = self._keep_from()
        if keep_from is None or self._is_done or self._journal.is_buffering:
            return None
        if not self._deletes_rows and (delta := self._prune_partition(keep_from)) is not None:
            return delta
        return None if self._is_waiting else self._prune_rows(keep_from)

    def _prune_partition(self, keep_from: Position) -> Delta | None:
        """Do the next step of deleting a whole partition; None if rows are to be deleted, or if nothing is."""
        if self._whole is None:
            with self._journal.using() as database:
                plan = plan_partition(database, keep_from, self._before)
            self._is_waiting = plan.is_waiting
            if plan.partition is None:
                self._deletes_rows = True
                return None
            self._whole = PartitionRetention(self._journal, self._summaries, plan.partition, self._before)
        delta = self._whole.step(keep_from)
        self._projector.forget(delta.removed)
        if self._whole.is_over:
            self._deletes_rows = not delta.removed
            self._whole = None
        return delta

    def _prune_rows(self, keep_from: Position) -> Delta | None:
        found = [
            summary for summary in self._summaries.oldest(BATCH_RUNS, self._position) if summary.position < keep_from
        ]
        with self._journal.transaction() as database:
            strays = _delete_events(database, _STRAYS, self._strays_before(found), keep_from, BATCH_STRAY_EVENTS)
            deleted, vacated, tally = dict[str, int](), list[Position](), Tally()
            for summary in found:
                if self._can_be_pruned(summary, keep_from):
                    project(summary.execution_id, self._journal.history(summary.execution_id), tally.add)
                    deleted[summary.execution_id] = self._delete(summary)
                    vacated.append(summary.position)
            add_part(database, [tally], is_removed=True)
            add_part(database, [tally], is_kept=True)
            forget_history(database, is_shorter=bool(strays or deleted))
            log_change(database, Delta(removed=frozenset(deleted), vacated=vacated))
        self._projector.forget(deleted)
        self._position = found[-1].position if found else self._position
        is_older = any(self._is_too_old(summary.first_event_at) for summary in found)
        self._is_done = not is_older and strays < BATCH_STRAY_EVENTS
        return Delta(
            removed=frozenset(deleted),
            vacated=vacated,
            event_count=-strays - sum(deleted.values()),
            is_loaded=True,
        )

    def _keep_from(self) -> int | None:
        """Return the position from which on all events are kept; None if all are kept."""
        below = min((gap.after for gap in self._journal.open_gaps()), default=MAX_POSITION)
        found = self._journal.query(_KEEP_FROM, below, MIN_KEPT_EVENTS)
        return int(found[0][0]) if found else None

    def _strays_before(self, found: Sequence[Summary]) -> int:
        """Return the time before which events outside runs are deleted; in a large file, the last of `found`."""
        if not self._is_too_large():
            return self._before
        return max(self._before, found[-1].first_event_at or 0) if found else MAX_POSITION

    def _can_be_pruned(self, summary: Summary, keep_from: int) -> bool:
        if summary.outcome is None or not self._is_too_old(summary.last_event_at):
            return False
        (last,) = self._journal.query(_LAST_POSITION, encode_id(summary.execution_id))[0]
        return last is None or last < keep_from

    def _is_too_old(self, at: Micros | None) -> bool:
        """Return whether a run or event of time `at` is to be deleted."""
        return (at or 0) < self._before or self._is_too_large()

    def _is_too_large(self) -> bool:
        query = self._journal.dialect.used_bytes
        return self._max_bytes is not None and bool(query) and bool(self._journal.query(query)[0][0] > self._max_bytes)

    def _delete(self, summary: Summary) -> int:
        """Delete a run; return the number of its events."""
        key = encode_id(summary.execution_id)
        with self._journal.transaction() as database:
            database.execute("DELETE FROM main.runs WHERE execution_id = ?", (key,))
            return _delete_events(database, "execution_id = ?", key)


def _delete_events(database: Database, condition: str, *values: object) -> int:
    """Delete the events for which an SQL condition is true; return their number."""
    deleted = database.execute(f"DELETE FROM main.events WHERE {condition}", values).rowcount  # noqa: S608  (constants)
    add_to_event_count(database, -deleted)
    return deleted
