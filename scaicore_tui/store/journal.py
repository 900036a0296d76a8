"""The journal: every event that the API returned, verbatim, once, in feed order.

Stored events are never changed. One process writes a journal at a time. Several threads may use it: a lock lets one at
a time, while `reader` reads without waiting for a writer.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, Self

from msgspec.structs import replace

from scaicore_tui.config import Caller, Identity
from scaicore_tui.errors import ConfigError, Conflict, StorageError
from scaicore_tui.lock import Lock
from scaicore_tui.protocol import Event, decode_event
from scaicore_tui.runs import Gap
from scaicore_tui.runs.gaps import GapReason
from scaicore_tui.runs.summary import SUMMARY_VERSION
from scaicore_tui.store.change_log import add_to_event_count
from scaicore_tui.store.database import (
    SqliteDatabase,
    WatchedFile,
    lock_for_writing,
    lookup_clauses,
    open_copy,
    open_for_reading,
    open_for_writing,
    open_for_writing_and_reading,
    open_with_content,
    require_sqlite,
    store_identity,
    stored_identity,
)
from scaicore_tui.store.dialects import Dialect
from scaicore_tui.store.engine import Database, transaction
from scaicore_tui.store.failures import ONLY_IN_MEMORY, DamagedJournal, DiskFailure, require_file
from scaicore_tui.store.gaps import BELOW_ALL, RESERVED_POSITIONS, GapTable, OpenGap, SkippedEvent, skipped_position
from scaicore_tui.store.stored_ids import encode_id
from scaicore_tui.units import Micros, Position

# Above every position.
MAX_POSITION = 2**62
# Events per query, so that a reader of all events holds few in memory, and the lock only briefly.
BATCH_EVENTS = 2_000
_BETWEEN = "SELECT pos, raw FROM events WHERE pos > ? AND pos <= ? ORDER BY pos LIMIT ?"


class Journal:
    """An open journal.

    `write_error` says why events are not stored on disk; empty while they are. While `is_buffering`, new events go to
    tables in memory (see `writer.MemoryBuffer`). `identity` is that of the feed, as far as it is known.
    """

    def __init__(
        self,
        database: Database,
        path: Path | None = None,
        lock: Lock | None = None,
        reader: Database | None = None,
        identity: Identity | None = None,
    ) -> None:
        self.write_error = ""
        self.is_buffering = False
        self.identity = identity
        self._database = database
        self._path = path
        self._lock = lock
        self._gap_table = GapTable(database)
        self._thread_lock: AbstractContextManager[object] = (
            nullcontext() if database.is_concurrent else threading.RLock()
        )
        self._reader = None if reader is None else Journal(reader, path)
        # The file that replaces this temporary journal once it can be written.
        self._intended: tuple[Path, Identity | None] | None = None
        self._watched_file = None if path is None or lock is None else WatchedFile(path)

    @classmethod
    def open(cls, path: Path, identity: Identity | None = None) -> Self:
        """Open the journal in `path` for reading and writing, or create it, for the feed of `identity`.

        Raises Conflict if another process writes it, ConfigError if it is the journal of another feed, StorageError if
        it is not a journal or can't be written.
        """
        lock = lock_for_writing(path)
        try:
            database, reader = open_for_writing_and_reading(path, identity)
            return cls(database, path, lock, reader, stored_identity(database))
        except BaseException:
            lock.release()
            raise

    @classmethod
    def open_or_in_memory(cls, path: Path, identity: Identity | None = None) -> Self:
        """Do the same as `open`, but for an unusable file return a temporary journal with a `write_error`."""
        try:
            return cls.open(path, identity)
        except (DiskFailure, DamagedJournal) as error:
            return cls.in_memory_instead_of(path, identity, error)

    @classmethod
    def in_memory_instead_of(cls, path: Path, identity: Identity | None, error: StorageError) -> Self:
        """Return a temporary journal that is moved to `path` once that can be written; `error` says why it can't."""
        journal = cls.in_memory()
        journal.write_error = f"{error.message} · {ONLY_IN_MEMORY}"
        journal._intended = (path, identity)
        return journal

    @classmethod
    def in_memory(cls) -> Self:
        """Return a temporary journal, which is deleted when closed."""
        return cls(open_for_writing(None))

    @classmethod
    def open_readonly(cls, path: Path) -> Self:
        """Open the journal in `path` for reading, even while it is written. Raises NotFound or StorageError."""
        require_file(path, "journal")
        return cls(open_for_reading(path), path)

    @classmethod
    def open_copy(cls, path: Path) -> Self:
        """Return a temporary copy of the journal in `path` with the current schema. Raises NotFound or StorageError."""
        with cls.open_readonly(path) as journal:
            return cls(open_copy(journal.sqlite))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and release its lock."""
        if self._reader is not None:
            self._reader.close()
        with self._thread_lock:
            self._database.close()
        if self._lock is not None:
            self._lock.release()

    @property
    def reader(self) -> Journal:
        """The same journal, read without waiting for a writer; itself if another would not see all events."""
        return self if self._reader is None or self.is_buffering else self._reader

    @contextmanager
    def transaction(self) -> Iterator[Database]:
        """Run the body in a transaction; inside another transaction, as part of that one. Raises StorageError."""
        with self.using() as database:
            if database.in_transaction:
                yield database
                return
            # A file that can't be written can't be locked for writing either.
            with transaction(database, "BEGIN" if self.is_buffering else ""):
                yield database

    def store_caller(self, caller: Caller) -> None:
        """Store the caller in the file, if it was not known when the journal was opened."""
        if self.identity is None or self.identity.caller is not None:
            return
        self.identity = replace(self.identity, caller=caller)
        # If this fails, no events of this caller are on disk either.
        with suppress(StorageError), self.using() as database:
            store_identity(database, self.identity)

    @property
    def dialect(self) -> Dialect:
        """The texts and values that differ between databases."""
        return self._database.dialect

    @property
    def sqlite(self) -> SqliteDatabase:
        """The connection of a journal in SQLite. Raises UsageError for any other."""
        return require_sqlite(self._database)

    def begin_snapshot(self) -> None:
        """See the journal as it is now until it is closed: what another process adds is not read."""
        with self.using() as database:
            database.execute(self.dialect.begin_snapshot)
            database.execute("SELECT 1 FROM events LIMIT 1").fetchall()

    @property
    def unsaved_count(self) -> int:
        """The number of events that should be in the file and are only in memory."""
        if self.is_file_gone or self._intended is not None:
            return len(self)
        return int(self.query("SELECT count(*) FROM temp.spilled")[0][0]) if self.is_buffering else 0

    @property
    def saved_run_count(self) -> int:
        """The number of runs in the file."""
        return 0 if self.is_file_gone else int(self.query("SELECT count(*) FROM main.runs")[0][0])

    @property
    def is_file_gone(self) -> bool:
        """Return True if the file was deleted or replaced: events written to it are lost when this process ends."""
        return self._watched_file is not None and bool(self._watched_file.problem)

    def check_file(self) -> None:
        """Check whether the file was deleted or replaced. If no file could be created so far, try again."""
        if self._watched_file is not None and self._watched_file.check():
            self.write_error = self._watched_file.problem
        elif self._intended is not None and not self.is_buffering:
            self._move_to(*self._intended)

    def _move_to(self, path: Path, identity: Identity | None) -> None:
        """Move this temporary journal to the file in `path`, if that can be written now and has no events."""
        with suppress(StorageError, Conflict, ConfigError), self._thread_lock:
            lock = lock_for_writing(path)
            try:
                database, reader = open_with_content(path, identity, self.sqlite)
            except BaseException:
                lock.release()
                raise
            self._database.close()
            self._database, self._gap_table, self._lock = database, GapTable(database), lock
            self._reader = None if reader is None else Journal(reader, path)
            self._path, self._watched_file, self._intended = path, WatchedFile(path), None
            self.identity, self.write_error = stored_identity(database), ""

    def query(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return all rows of an SQL query."""
        with self.using() as database:
            return database.execute(query, values).fetchall()

    def switch_tables(self, script: Sequence[str], *, begin: bool) -> None:
        """Run SQL statements that shadow the file's tables with tables in memory, or end that; set `is_buffering`."""
        with self.using() as database:
            # In one transaction: after half of the statements, the script could not run again.
            database.execute("PRAGMA temp_store = MEMORY")
            with transaction(self._database, "BEGIN"):
                for statement in script:
                    database.execute(statement)
            self.is_buffering = begin

    @property
    def is_complete(self) -> bool:
        """Return True if the file has the current schema and a summary of each run: it can be shown without writing."""
        with self.using() as database:
            if not database.has_current_schema():
                return False
        return self.query("SELECT version, folded FROM folding") == [(SUMMARY_VERSION, SUMMARY_VERSION)]

    def __len__(self) -> int:
        return int(self.query(self.dialect.event_count)[0][0])

    @property
    def next_position(self) -> Position:
        """The position of the next event appended."""
        return self._highest_position() + 1

    def append(self, events: Sequence[Event]) -> None:
        """Add events, oldest first, which are newer than all others."""
        self.insert_at(events, self.next_position)

    def prepend(self, events: Sequence[Event]) -> None:
        """Add events, oldest first, which are older than all others."""
        bottom = self._end_position("min")
        self.insert_at(events, (0 if bottom is None else bottom) - len(events))

    def begin_history(self, cursor: str | None, found_at: Micros) -> None:
        """Open a gap below all events: history is to be read from `cursor`. `found_at`: microseconds since 1970."""
        with self.transaction():
            self._gap_table.add(OpenGap(BELOW_ALL, BELOW_ALL, found_at, cursor))

    def move_history(self, cursor: str | None, *, is_over: bool) -> None:
        """Store the cursor at which reading history continues, or if `is_over`, close its gap."""
        with self.transaction():
            history = self._gap_table.unread_history()
            if history is not None and is_over:
                self._gap_table.remove(history)
            elif history is not None:
                self._gap_table.set_cursor(history, cursor)

    def append_above_gap(self, events: Sequence[Event], found_at: Micros, cursor: str | None) -> OpenGap:
        """Add events, oldest first, which are newer than all others, with an open gap below them."""
        after = self._highest_position()
        first = after + 1 + RESERVED_POSITIONS
        gap = OpenGap(after, first + len(events) - 1, found_at, cursor)
        with self.transaction():
            self.insert_at(events, first)
            self._gap_table.add(gap)
        return gap

    def fill_gap(self, gap: OpenGap, events: Sequence[Event], cursor: str | None) -> None:
        """Add events, oldest first, at the upper end of an open gap. Reading continues at `cursor`."""
        with self.transaction():
            self.insert_at(events, self._gap_table.oldest_above(gap) - len(events))
            self._gap_table.set_cursor(gap, cursor)

    def position_below(self, gap: OpenGap | None) -> Position:
        """Return the position right below the oldest event above `gap`; with None, the position below all events."""
        with self._thread_lock:
            bottom = self._end_position("min") if gap is None else self._gap_table.oldest_above(gap)
            return (0 if bottom is None else bottom) - 1

    def close_gap(self, gap: OpenGap, *, is_filled: bool) -> None:
        """Close an open gap: it is filled, or else its events are lost."""
        with self.transaction():
            self._gap_table.remove(gap)
            if not is_filled:
                self._gap_table.mark_lost(gap.after, gap.found_at)

    def open_gaps(self) -> list[OpenGap]:
        """Return the open gaps between events, newest first."""
        with self.using():
            return self._gap_table.open_gaps()

    def unread_history(self) -> OpenGap | None:
        """Return the open gap below all events; None if all history was read."""
        with self.using():
            return self._gap_table.unread_history()

    def open_gap_count(self) -> int:
        """Return the number of open gaps, including unread history."""
        with self.using():
            return self._gap_table.open_count()

    def gaps(self) -> list[Gap]:
        """Return closed and open gaps, oldest first."""
        with self.using():
            return self._gap_table.gaps()

    def count_known(self, events: Sequence[Event], upto: Position = MAX_POSITION) -> Counter[bytes]:
        """Count how often the bytes of each event are in the journal, up to position `upto`."""
        wanted = {event.raw for event in events}
        found: Counter[bytes] = Counter()
        for column, keys in lookup_clauses(events):
            marks = ", ".join("?" * len(keys))
            query = f"SELECT raw FROM events WHERE {column} IN ({marks}) AND pos <= ?"  # noqa: S608  (constants, and marks)
            with self.using() as database:
                rows = database.execute(query, (*keys, upto))
                found.update(source for (source,) in rows if source in wanted)
        return found

    def newest_raw(self, limit: int, upto: Position = MAX_POSITION) -> list[bytes]:
        """Return the bytes of the newest events up to position `upto`, newest first."""
        query = "SELECT raw FROM events WHERE pos <= ? ORDER BY pos DESC LIMIT ?"
        return [source for (source,) in self.query(query, upto, limit)]

    def newest_at(self, upto: Position = MAX_POSITION) -> Micros:
        """Return the latest time of an event up to position `upto`, in microseconds since 1970; 0 if there is none."""
        found = self.query("SELECT at FROM events WHERE pos <= ? ORDER BY at DESC LIMIT 1", upto)
        return int(found[0][0]) if found else 0

    def contains_all(self, events: Sequence[Event], upto: Position = MAX_POSITION) -> bool:
        """Return whether all of `events` are in the journal, up to position `upto`."""
        known = self.count_known(events, upto)
        return all(event.raw in known for event in events)

    def events(self, execution_id: str | None = None) -> Iterator[Event]:
        """Yield all events, or those of one run, in feed order."""
        rows = self.read_between(-MAX_POSITION, MAX_POSITION) if execution_id is None else self.history(execution_id)
        yield from (event for _, event in rows)

    def history(self, execution_id: str, upto: Position | None = None) -> Iterator[tuple[Position, Event]]:
        """Yield the events of one run with their positions, in feed order, up to position `upto`."""
        query = "SELECT pos, raw FROM events WHERE execution_id = ? AND pos > ? AND pos <= ? ORDER BY pos LIMIT ?"
        key, last, end = encode_id(execution_id), -MAX_POSITION, MAX_POSITION if upto is None else upto
        while found := self.query(query, key, last, end, BATCH_EVENTS):
            last = found[-1][0]
            yield from ((pos, decode_event(source)) for pos, source in found)
            if len(found) < BATCH_EVENTS:
                return

    def history_until_damaged(self, execution_id: str, upto: Position | None) -> Iterator[tuple[Position, Event]]:
        """Yield the same as `history`, from `reader`. Stop at a damaged event and report that in `write_error`."""
        try:
            yield from self.reader.history(execution_id, upto)
        except StorageError as error:
            self.report_damage(error)

    def damage_error(self) -> StorageError:
        """Return the error for damaged content."""
        return self._database.damage_error()

    def report_damage(self, error: StorageError) -> None:
        """Set `write_error` to say that some content can't be read, unless it says something already."""
        self.write_error = self.write_error or f"{error.message}: some events can't be shown"

    def read_between(self, after: Position, upto: Position) -> Iterator[tuple[Position, Event]]:
        """Yield the events above position `after`, up to `upto`, with their positions, in feed order."""
        while found := self.query(_BETWEEN, after, upto, BATCH_EVENTS):
            after = found[-1][0]
            yield from ((pos, decode_event(source)) for pos, source in found)

    def mark_gap(self, found_at: Micros) -> None:
        """Store a closed gap before the next appended event. `found_at` is in microseconds since 1970."""
        with self.transaction():
            self._gap_table.mark_lost(self._highest_position(), found_at)

    def mark_skipped(self, skipped: SkippedEvent) -> None:
        """Store a closed gap for an event that is too large to read.

        Call it in the transaction that stores the neighbour. Repeated calls for one position store one gap.
        """
        with self.transaction():
            after = skipped_position(skipped, self.query)
            if after is not None:
                self._gap_table.mark_lost(after, skipped.found_at, GapReason.TOO_LARGE)

    def run_event_count(self) -> int:
        """Return the number of events that belong to runs, including repeats."""
        return int(self.query("SELECT count(*) FROM events WHERE execution_id IS NOT NULL")[0][0])

    def gap_count(self) -> int:
        """Return the number of closed gaps."""
        return int(self.query("SELECT count(*) FROM gaps")[0][0])

    @contextmanager
    def using(self) -> Iterator[Database]:
        """Lock the database for the current thread. Raises StorageError for failures of the file or the disk."""
        with self._thread_lock:
            database = self._database
            try:
                yield database
            except database.errors as error:
                failure = database.failure(error)
                if failure is None:
                    raise
                raise failure from error

    def _highest_position(self) -> Position:
        """Return the highest position that is taken, or reserved for an open gap."""
        with self.using():
            top = self._end_position("max")
            return max(-1 if top is None else top, self._gap_table.highest_reserved())

    def _end_position(self, which: str) -> Position | None:
        # Not `max(pos)`: over the union of two tables, that reads all rows of both.
        order = "DESC" if which == "max" else "ASC"
        found = self.query(f"SELECT pos FROM events ORDER BY pos {order} LIMIT 1")  # noqa: S608  (one of two)
        return int(found[0][0]) if found else None

    def insert_at(self, events: Sequence[Event], first: Position) -> None:
        """Add events at free positions, the first of them at `first`."""
        rows = [(pos, e.at or Micros(0), encode_id(e.execution_id), e.raw) for pos, e in enumerate(events, first)]
        with self.transaction() as database:
            database.insert_events(rows)
            add_to_event_count(database, len(events))
