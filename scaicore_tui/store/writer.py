"""Write events to the journal: each batch in one transaction with the summaries of the runs that it changed.

So the summaries and events of a killed process agree. If the file can't be written, `MemoryBuffer` keeps new events in
memory. All of this may run in a thread: it shares nothing with the event loop but the returned `Delta`s.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from msgspec.structs import replace

from scaicore_tui.analysis.statistics.tally import Tally
from scaicore_tui.clock import SystemClock
from scaicore_tui.errors import StorageError
from scaicore_tui.log import Log, error_fields
from scaicore_tui.protocol import Checkpoint, Event
from scaicore_tui.runs import ChangeOrder, Delta, Gap, Positions, RunProjector, RunStatus, Summary
from scaicore_tui.store.counted_runs import CountedRuns, RunTallies
from scaicore_tui.store.engine import Database
from scaicore_tui.store.failures import ONLY_IN_MEMORY
from scaicore_tui.store.gaps import RESERVED_POSITIONS, OpenGap, SkippedEvent
from scaicore_tui.store.journal import MAX_POSITION, Journal
from scaicore_tui.store.node_days import MAX_PARTS, add_part, count_parts, merge_parts
from scaicore_tui.store.pending import save_pending
from scaicore_tui.store.retention import Retention
from scaicore_tui.store.summaries import Summaries
from scaicore_tui.units import Micros, Position

_log = Log(__name__)
_clock = SystemClock()

_START_BUFFERING = (
    "CREATE TEMP TABLE spilled (pos INTEGER PRIMARY KEY, at, execution_id, raw)",
    "CREATE INDEX temp.spilled_execution ON spilled (execution_id, pos)",
    "CREATE TEMP VIEW events AS SELECT * FROM main.events UNION ALL SELECT * FROM spilled",
    """CREATE TEMP TRIGGER spill INSTEAD OF INSERT ON events
    BEGIN INSERT INTO spilled VALUES (NEW.pos, NEW.at, NEW.execution_id, NEW.raw); END""",
    "CREATE TEMP TABLE gaps (after_pos INTEGER PRIMARY KEY, found_at, reason)",
    "INSERT INTO temp.gaps SELECT * FROM main.gaps",
    "CREATE TEMP TABLE holes (after_pos INTEGER PRIMARY KEY, until_pos, found_at, cursor)",
    "INSERT INTO temp.holes SELECT * FROM main.holes",
    "CREATE TEMP TABLE unsaved_runs AS SELECT * FROM main.runs LIMIT 0",
    "CREATE UNIQUE INDEX temp.unsaved_runs_id ON unsaved_runs (execution_id)",
    """CREATE TEMP VIEW runs AS SELECT * FROM main.runs
    WHERE execution_id NOT IN (SELECT execution_id FROM unsaved_runs) UNION ALL SELECT * FROM unsaved_runs""",
    "CREATE TEMP TABLE unsaved_parts AS SELECT * FROM main.node_parts LIMIT 0",
    "CREATE TEMP VIEW node_parts AS SELECT * FROM main.node_parts UNION ALL SELECT * FROM unsaved_parts",
)
_FLUSH = (
    "INSERT INTO main.events SELECT * FROM temp.spilled ORDER BY pos",
    "DELETE FROM main.gaps",
    "INSERT INTO main.gaps SELECT * FROM temp.gaps",
    "DELETE FROM main.holes",
    "INSERT INTO main.holes SELECT * FROM temp.holes",
    "DELETE FROM main.runs WHERE execution_id IN (SELECT execution_id FROM temp.unsaved_runs)",
    "INSERT INTO main.runs SELECT * FROM temp.unsaved_runs",
    "INSERT INTO main.node_parts SELECT * FROM temp.unsaved_parts",
)
_STOP_BUFFERING = (
    "DROP VIEW temp.events",
    "DROP VIEW temp.runs",
    "DROP VIEW temp.node_parts",
    "DROP TABLE temp.spilled",
    "DROP TABLE temp.unsaved_runs",
    "DROP TABLE temp.unsaved_parts",
    "DROP TABLE temp.gaps",
    "DROP TABLE temp.holes",
)

# While buffering, the file is tried again after this number of writes: all buffered events are written at once.
FLUSH_EVERY_WRITES = 8


class MemoryBuffer:
    """Keeps the new events of one journal in memory while its file can't be written.

    Tables in memory shadow those of the file. The journal's `write_error` says why.
    """

    def __init__(self, journal: Journal, summaries: Summaries) -> None:
        self._journal = journal
        self._summaries = summaries
        self._write_count = 0
        # The parts of the statistics of nodes that are not merged; None if that is to be counted.
        self._parts: int | None = None

    def begin(self, error: StorageError) -> None:
        """Start buffering after the write failed with `error`; raise `error` if that is so already, or impossible."""
        if self._journal.is_buffering or not self._journal.dialect.can_buffer:
            raise error
        _log.warning("journal cannot be written: events are kept in memory", **error_fields(error))
        self._journal.switch_tables(_START_BUFFERING, begin=True)
        if not self._journal.is_file_gone:
            self._journal.write_error = f"{error.message} · {ONLY_IN_MEMORY}"

    def put(self, summaries: Mapping[str, Summary]) -> None:
        """Store summaries, or keep them until the file can be written."""
        self._summaries.put(summaries.values(), is_in_memory=self._journal.is_buffering)

    def count(self, added: Iterable[Tally], removed: Iterable[Tally] = ()) -> None:
        """Add to the statistics of nodes, without `removed`; or keep that in memory until the file can be written."""
        is_in_memory = self._journal.is_buffering
        with self._journal.transaction() as database:
            parts = int(add_part(database, added, is_in_memory=is_in_memory))
            parts += add_part(database, removed, is_removed=True, is_in_memory=is_in_memory)
            if is_in_memory:
                return
            self._parts = count_parts(database) if self._parts is None else self._parts + parts
            if self._parts >= MAX_PARTS:
                self._merge_parts(database)

    def _merge_parts(self, database: Database) -> None:
        self._parts = None
        try:
            merge_parts(database)
        except (ValueError, TypeError) as error:
            raise self._journal.damage_error() from error

    def flush_if_possible(self) -> None:
        """Call `flush` once every FLUSH_EVERY_WRITES calls."""
        self._write_count += 1
        if not self._write_count % FLUSH_EVERY_WRITES:
            self.flush()

    def flush(self) -> None:
        """Write what was buffered, if the file can be written now. Nothing is written to a deleted or replaced file."""
        if not self._journal.is_buffering or self._journal.is_file_gone:
            return
        try:
            with self._journal.transaction() as database:
                for step in _FLUSH:
                    database.execute(step)
        except StorageError:
            return
        self._journal.switch_tables(_STOP_BUFFERING, begin=False)
        self._journal.write_error = ""
        _log.info("journal can be written again")


# Missing summaries that are rebuilt at a time.
REBUILD_BATCH_RUNS = 100
# Upper bound for yielding to a key press.
MAX_YIELD_S = 0.1


class JournalWriter:
    """Writes one journal, to memory while its file can't be written.

    `max_yield_s` is the longest time for which rebuilding summaries yields to a key press.
    """

    def __init__(self, journal: Journal, max_yield_s: float = MAX_YIELD_S) -> None:
        self._max_yield_s = max_yield_s
        self._journal = journal
        self._summaries = Summaries(journal)
        self._projector = RunProjector(journal.history, find_stored=self._summaries.with_events)
        self._counted = CountedRuns(journal.history)
        self._buffer = MemoryBuffer(journal, self._summaries)
        # Oldest first. None until they were looked for, which takes a while in a large file.
        self._missing: list[str] | None = None
        # The gaps of the last delta, to tell whether a commit changed them.
        self._gaps: list[Gap] = []
        self._may_run = threading.Event()
        self._may_run.set()

    def prepare(self) -> None:
        """Check whether summaries are missing, as in the file of an older version. Call it first."""
        if not self._summaries.drop_outdated():
            self._missing = []
        elif not len(self._journal):
            self._missing = []
            self._mark_complete()

    def first_delta(self, limit: int) -> Delta:
        """Return the state of the file: its newest summaries, at most `limit`, its gaps and the number of events."""
        upserted = {summary.execution_id: summary for summary in self._summaries.newest(limit)}
        self._gaps = self._journal.gaps()
        return Delta(upserted, gaps=self._gaps, event_count=len(self._journal), is_loaded=True)

    def yield_to_ui(self, *, to_key: bool) -> None:
        """Pause the rebuilding of summaries while the UI thread handles a key (`to_key`); continue it afterwards."""
        if to_key:
            self._may_run.clear()
        else:
            self._may_run.set()

    def flush(self) -> None:
        """Check the file, and write buffered events if it can be written now."""
        self._journal.check_file()
        self._buffer.flush()

    def append_new(self, events: Sequence[Event], gap_found_at: Micros | None = None) -> Delta:
        """Append events, oldest first; if `gap_found_at` (microseconds since 1970) is given, after a closed gap.

        Positions are left free for the events in the gap: another recorder may have kept them.
        """
        first = self._journal.next_position + (0 if gap_found_at is None else RESERVED_POSITIONS)
        delta, tally = self._apply(events, first)

        def write() -> Delta:
            if gap_found_at is None:
                self._journal.append(events)
            else:
                self._journal.mark_gap(gap_found_at)
                self._journal.insert_at(events, range(first, MAX_POSITION))
            self._buffer.count([tally])
            return delta

        return self._commit(write)

    def append_above_gap(self, events: Sequence[Event], found_at: Micros, cursor: str | None) -> tuple[Delta, OpenGap]:
        """Append events with an open gap below them, as `Journal.append_above_gap` does; return that gap too."""
        delta, tally = self._apply(events, self._journal.next_position + RESERVED_POSITIONS)
        gaps: list[OpenGap] = []

        def write() -> Delta:
            gaps.append(self._journal.append_above_gap(events, found_at, cursor))
            self._buffer.count([tally])
            return delta

        return self._commit(write), gaps[-1]

    def _apply(self, events: Sequence[Event], first_position: Position) -> tuple[Delta, Tally]:
        """Apply new events; return the delta, and the visits that they ended."""
        if self._missing != []:
            # What is counted of a run from now on is only what is new.
            self._rebuild(dict.fromkeys(event.execution_id for event in events if event.execution_id))
        tally = Tally()
        delta = self._projector.apply(events, first_position, tally.add)
        self._counted.forget(delta.upserted)
        return delta, tally

    def begin_history(self, cursor: str | None, found_at: Micros) -> Delta:
        """Open the gap below all events, as `Journal.begin_history` does."""

        def write() -> Delta:
            self._journal.begin_history(cursor, found_at)
            return Delta()

        return self._commit(write)

    def prepend_history(
        self,
        events: Sequence[Event],
        cursor: str | None = None,
        skipped: SkippedEvent | None = None,
        *,
        is_over: bool = False,
    ) -> Delta:
        """Add events, oldest first, which are older than all others, and an event that was `skipped`.

        Reading continues at `cursor`, unless it `is_over`.
        """

        def insert() -> None:
            self._journal.prepend(events)
            self._journal.move_history(cursor, is_over=is_over)
            self._mark_skipped(skipped)

        return self._insert_and_rebuild(events, insert, is_history=True)

    def fill_gap(
        self, gap: OpenGap, events: Sequence[Event], cursor: str | None, skipped: SkippedEvent | None = None
    ) -> Delta:
        """Add events to an open gap, as `Journal.fill_gap` does, and an event that was `skipped`."""

        def insert() -> None:
            self._journal.fill_gap(gap, events, cursor)
            self._mark_skipped(skipped)

        return self._insert_and_rebuild(events, insert, is_history=False)

    def insert(self, events: Sequence[Event], insert: Callable[[], None]) -> Delta:
        """Add events between others by `insert`, in one transaction with the summaries of their runs."""
        return self._insert_and_rebuild(events, insert, is_history=False)

    def mark_skipped(self, skipped: SkippedEvent) -> Delta:
        """Store a gap for a skipped event, as `Journal.mark_skipped` does."""

        def write() -> Delta:
            self._mark_skipped(skipped)
            return Delta()

        return self._commit(write)

    def _mark_skipped(self, skipped: SkippedEvent | None) -> None:
        if skipped is not None:
            self._journal.mark_skipped(skipped)

    def close_gap(self, gap: OpenGap, *, is_filled: bool) -> Delta:
        """Close an open gap, as `Journal.close_gap` does."""

        def write() -> Delta:
            self._journal.close_gap(gap, is_filled=is_filled)
            return Delta()

        return self._commit(write)

    def save_pending(self, checkpoints: Sequence[Checkpoint]) -> None:
        """Store which checkpoints are pending now.

        Failures are ignored: a disk failure is reported with the next event, and a list that is nested too deeply to be
        written is not worth an error.
        """
        if not self._journal.is_buffering:
            with suppress(StorageError, RecursionError):
                save_pending(self._journal, checkpoints)

    def start_retention(self, before: int | None, max_bytes: int | None) -> Retention:
        """Return a pass that deletes runs that ended `before` a time, or while over `max_bytes` are in use."""
        return Retention(self._journal, self._summaries, self._projector, before, max_bytes)

    def prune_batch(self, retention: Retention) -> Delta | None:
        """Delete one batch, as `Retention.prune_batch` does."""
        delta = retention.prune_batch()
        if delta is None:
            return None
        self._counted.forget(delta.removed)
        return self._with_gaps(delta)

    def stored_positions(self) -> dict[RunStatus, Positions]:
        """Return the positions of all stored runs by the status that their events tell."""
        return self._summaries.positions()

    def stored_changes(self) -> ChangeOrder:
        """Return all stored runs by their last change."""
        return self._summaries.changes()

    def rebuild_missing(self) -> Delta | None:
        """Rebuild missing summaries, the newest first, a batch per call; None if there are none."""
        if self._missing is None:
            self._missing = self._summaries.missing_ids()[::-1]
            self._mark_complete()
        if not self._missing:
            return None
        delta = self._rebuild(self._missing[: -1 - REBUILD_BATCH_RUNS : -1])
        del self._missing[-REBUILD_BATCH_RUNS:]
        self._mark_complete()
        return replace(delta, is_loaded=True)

    def _rebuild(self, execution_ids: Iterable[str]) -> Delta:
        """Store the summaries of those of these runs that have events and are not counted, and count their visits."""
        ids = list(execution_ids)
        known = set(self._summaries.counted(ids))
        stored = set(self._summaries.with_events([key for key in ids if key not in known]))
        tally = Tally()
        delta = self._projector.rebuild(self._yielding(filter(stored.__contains__, ids)), on_ended=tally.add)

        def write() -> Delta:
            self._buffer.count([tally])
            return delta

        return self._write(write) if delta.upserted else delta

    def _mark_complete(self) -> None:
        """Store that no summary is missing, if that is so."""
        if not self._missing and not self._journal.is_buffering:
            self._summaries.mark_complete()

    def _insert_and_rebuild(self, events: Sequence[Event], insert: Callable[[], None], *, is_history: bool) -> Delta:
        changed = dict.fromkeys(event.execution_id for event in events if event.execution_id)
        rebuilt: dict[str, Tally] = {}

        def write() -> Delta:
            before = self._summaries.positions_of(list(changed))
            counted = self._counted.of(self._summaries.counted(list(before)))
            insert()
            tallies = RunTallies()
            delta = self._projector.rebuild(changed, events, tallies.add, is_history=is_history)
            self._buffer.count(tallies.by_run.values(), counted)
            rebuilt.update({key: tallies.by_run.get(key) or Tally() for key in changed})
            moved = [position for key, position in before.items() if delta.upserted[key].position != position]
            return replace(delta, vacated=moved)

        delta = self._commit(write)
        self._counted.remember(rebuilt)
        return delta

    def _yielding(self, ids: Iterable[str]) -> Iterator[str]:
        for execution_id in ids:
            if not self._may_run.wait(self._max_yield_s):
                self._may_run.set()
            yield execution_id

    def _commit(self, write: Callable[[], Delta]) -> Delta:
        """Run `write` as `_write` does; return its delta with the gaps that it changed."""
        return self._with_gaps(self._write(write))

    def _write(self, write: Callable[[], Delta]) -> Delta:
        """Run `write` and store the summaries in one transaction; in memory on a disk failure."""
        try:
            self._journal.check_file()
            self._buffer.flush_if_possible()
            return self._write_now(write)
        except StorageError as error:
            try:
                self._buffer.begin(error)
                return self._write_now(write)
            except StorageError as failure:
                _log.error("journal write failed: the events are read again", **error_fields(failure))
                # The projector has events that were not stored: when read again, they must not look like repeats.
                self._projector = RunProjector(self._journal.history, find_stored=self._summaries.with_events)
                self._counted = CountedRuns(self._journal.history)
                raise

    def _write_now(self, write: Callable[[], Delta]) -> Delta:
        began = _clock.monotonic() if _log.is_on else 0.0
        with self._journal.transaction():
            delta = write()
            self._buffer.put(delta.upserted)
        if _log.is_on and (delta.event_count or delta.upserted):
            _log.info(
                "journal write",
                events=delta.event_count,
                runs=len(delta.upserted),
                ms=round((_clock.monotonic() - began) * 1000, 1),
                in_memory=self._journal.is_buffering or None,
            )
        return delta

    def _with_gaps(self, delta: Delta) -> Delta:
        """Add the gaps to `delta` if they changed. Their neighbours change with the events beside them."""
        gaps = self._journal.gaps()
        if gaps == self._gaps:
            return delta
        self._gaps = gaps
        return replace(delta, gaps=gaps)
