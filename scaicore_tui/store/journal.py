"""The journal: every event the feed offered, verbatim, once, in feed order. Append-only.

Runs are folded from it; nothing in it is ever changed. One process writes a journal at a time. A journal may be used
from several threads, which take turns; its `reader` waits for no writer.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from msgspec.structs import replace

from scaicore_tui.config import Caller, Identity
from scaicore_tui.errors import ConfigError, Conflict, StorageError
from scaicore_tui.lock import Lock
from scaicore_tui.protocol import Event, decode_event
from scaicore_tui.runs import Gap
from scaicore_tui.runs.gaps import GapReason
from scaicore_tui.runs.summary import SUMMARY_VERSION as FOLD
from scaicore_tui.store.database import (
    SCHEMA_VERSION,
    WatchedFile,
    encode_id,
    lock_for_writing,
    lookup_clauses,
    open_copy,
    open_for_reading,
    open_for_writing,
    open_for_writing_and_reading,
    open_with_content,
    store_identity,
    stored_identity,
    transaction,
)
from scaicore_tui.store.failures import (
    ONLY_IN_MEMORY,
    DamagedJournal,
    DiskFailure,
    damaged_error,
    is_storage_failure,
    journal_failure,
    require_file,
)
from scaicore_tui.store.gaps import BELOW_ALL, RESERVED_POSITIONS, GapTable, OpenGap, SkippedEvent, skipped_position

# Above every position.
MAX_POSITION = 2**62
# How many events are read in one go: whoever reads all of them holds few, and keeps nobody waiting.
BATCH_EVENTS = 2_000
# So many bytes of events are read for somebody to look at.
MAX_RECENT_BYTES = 4 * 1024 * 1024
_BETWEEN = "SELECT pos, raw FROM events WHERE pos > ? AND pos <= ? ORDER BY pos LIMIT ?"


class Journal:
    """An open journal."""

    def __init__(
        self,
        database: sqlite3.Connection,
        path: Path | None = None,
        lock: Lock | None = None,
        reader: sqlite3.Connection | None = None,
        identity: Identity | None = None,
    ) -> None:
        # Why what comes is not kept on disk; empty where it is, or need not be.
        self.write_error = ""
        self.is_buffering = False
        # Whose feed is in the file, as far as it says.
        self.identity = identity
        self._database = database
        self._path = path
        self._lock = lock
        self._gap_table = GapTable(database)
        self._thread_lock = threading.RLock()
        self._reader = None if reader is None else Journal(reader, path)
        # The file that this temporary journal stands in for, until that can be written.
        self._intended: tuple[Path, Identity | None] | None = None
        self._watched_file = None if path is None or lock is None else WatchedFile(path)

    @classmethod
    def open(cls, path: Path, identity: Identity | None = None) -> Self:
        """The journal in `path`, made where there is none, to read and write; of the feed of that `identity`.

        Raises Conflict where another process writes it, ConfigError where it is the journal of another feed,
        StorageError where it is no journal, or can't be written.
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
        """The same; where it can't be written, or is damaged, a temporary one that says so in its `trouble`."""
        try:
            return cls.open(path, identity)
        except (DiskFailure, DamagedJournal) as error:
            return cls.in_memory_instead_of(path, identity, error)

    @classmethod
    def in_memory_instead_of(cls, path: Path, identity: Identity | None, error: StorageError) -> Self:
        """A temporary journal, which becomes that in `path` once this can be made; the `error` says what keeps it."""
        journal = cls.in_memory()
        journal.write_error = f"{error.message} · {ONLY_IN_MEMORY}"
        journal._intended = (path, identity)
        return journal

    @classmethod
    def in_memory(cls) -> Self:
        """A journal that leaves nothing behind."""
        return cls(open_for_writing(None))

    @classmethod
    def open_readonly(cls, path: Path) -> Self:
        """The journal in `path`, to read only, whoever writes it. Raises NotFound, or StorageError."""
        require_file(path, "journal")
        return cls(open_for_reading(path), path)

    @classmethod
    def open_copy(cls, path: Path) -> Self:
        """A copy of the journal in `path` with today's tables, which leaves nothing behind; raises what `read` does."""
        with cls.open_readonly(path) as journal:
            return cls(open_copy(journal._database))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and let others write it."""
        if self._reader is not None:
            self._reader.close()
        with self._thread_lock:
            self._database.close()
        if self._lock is not None:
            self._lock.release()

    @property
    def reader(self) -> Journal:
        """The same journal, read without waiting for who writes it; itself where another would not see all of it."""
        return self if self._reader is None or self.is_buffering else self._reader

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One transaction, all of it or nothing; inside another one, a part of that. Raises StorageError."""
        with self._using() as database:
            if database.in_transaction:
                yield database
                return
            # A file that takes no writes takes no lock for them either.
            with transaction(database, "BEGIN" if self.is_buffering else "BEGIN IMMEDIATE"):
                yield database

    def store_caller(self, caller: Caller) -> None:
        """Store the caller in the file, if it was not known when the journal was opened."""
        if self.identity is None or self.identity.caller is not None:
            return
        self.identity = replace(self.identity, caller=caller)
        # A disk that takes nothing now holds no events of this caller either.
        with suppress(StorageError), self._using() as database:
            store_identity(database, self.identity)

    @property
    def unsaved_count(self) -> int:
        """How many of its events are only in memory, and should be in the file."""
        if self.is_file_gone or self._intended is not None:
            return len(self)
        return int(self.query("SELECT count(*) FROM temp.spilled")[0][0]) if self.is_buffering else 0

    @property
    def saved_run_count(self) -> int:
        """How many runs are in the file."""
        return 0 if self.is_file_gone else int(self.query("SELECT count(*) FROM main.runs")[0][0])

    @property
    def is_file_gone(self) -> bool:
        """Whether the file was deleted or replaced, so that what is written to it is lost with this process."""
        return self._watched_file is not None and bool(self._watched_file.problem)

    def check_file(self) -> None:
        """Notice that the file was deleted or replaced. Where no file could be made so far, try again."""
        if self._watched_file is not None and self._watched_file.check():
            self.write_error = self._watched_file.problem
        elif self._intended is not None and not self.is_buffering:
            self._move_to(*self._intended)

    def _move_to(self, path: Path, identity: Identity | None) -> None:
        """Move this temporary journal into the file in `path`, if that can be written now and has no events yet."""
        with suppress(StorageError, Conflict, ConfigError), self._thread_lock:
            lock = lock_for_writing(path)
            try:
                database, reader = open_with_content(path, identity, self._database)
            except BaseException:
                lock.release()
                raise
            self._database.close()
            self._database, self._gap_table, self._lock = database, GapTable(database), lock
            self._reader = None if reader is None else Journal(reader, path)
            self._path, self._watched_file, self._intended = path, WatchedFile(path), None
            self.identity, self.write_error = stored_identity(database), ""

    def query(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """All rows that `query` finds."""
        with self._using() as database:
            return database.execute(query, values).fetchall()

    def switch_tables(self, script: Sequence[str], *, begin: bool) -> None:
        """Run the `script` that puts other tables before the file's, to keep in memory what comes; or ends that."""
        with self._using() as database:
            # All of it or nothing: half of it would keep it from being run again.
            database.execute("PRAGMA temp_store = MEMORY")
            with transaction(self._database, "BEGIN"):
                for statement in script:
                    database.execute(statement)
            self.is_buffering = begin

    @property
    def is_complete(self) -> bool:
        """Whether it has today's tables, and a summary of each run: then it can be shown without a write."""
        if self.query("PRAGMA user_version") != [(SCHEMA_VERSION,)]:
            return False
        return self.query("SELECT version, folded FROM folding") == [(FOLD, FOLD)]

    def __len__(self) -> int:
        return int(self.query("SELECT count(*) FROM events")[0][0])

    @property
    def next_position(self) -> int:
        """The position of the next event appended."""
        return self._highest_position() + 1

    def append(self, events: Sequence[Event]) -> None:
        """Add events, oldest first, that are newer than all before."""
        self._insert(events, range(self.next_position, MAX_POSITION))

    def prepend(self, events: Sequence[Event]) -> None:
        """Add events, oldest first, that are older than all before."""
        bottom = self._end_position("min")
        self._insert(events, range((0 if bottom is None else bottom) - len(events), MAX_POSITION))

    def begin_history(self, cursor: str | None, found_at: int) -> None:
        """Note that older events than all are to be read, and where; `found_at` in microseconds since 1970."""
        with self.transaction():
            self._gap_table.add(OpenGap(BELOW_ALL, BELOW_ALL, found_at, cursor))

    def move_history(self, cursor: str | None, *, is_over: bool) -> None:
        """History is read on from `cursor`, or all of it was read. Inside the transaction that adds its events."""
        with self.transaction():
            history = self._gap_table.unread_history()
            if history is not None and is_over:
                self._gap_table.remove(history)
            elif history is not None:
                self._gap_table.set_cursor(history, cursor)

    def append_above_gap(self, events: Sequence[Event], found_at: int, cursor: str | None) -> OpenGap:
        """Add events, oldest first, newer than all before, with a hole below them: `fill` fills it."""
        after = self._highest_position()
        first = after + 1 + RESERVED_POSITIONS
        hole = OpenGap(after, first + len(events) - 1, found_at, cursor)
        with self.transaction():
            self._insert(events, range(first, MAX_POSITION))
            self._gap_table.add(hole)
        return hole

    def fill_gap(self, gap: OpenGap, events: Sequence[Event], cursor: str | None) -> None:
        """Add events, oldest first, right below what stands above the hole; more is behind `cursor`."""
        with self.transaction():
            self._insert(events, range(self._gap_table.oldest_above(gap) - len(events), MAX_POSITION))
            self._gap_table.set_cursor(gap, cursor)

    def position_below(self, gap: OpenGap | None) -> int:
        """The position right below the oldest event above a hole; below all events for history, which is None."""
        with self._thread_lock:
            bottom = self._end_position("min") if gap is None else self._gap_table.oldest_above(gap)
            return (0 if bottom is None else bottom) - 1

    def close_gap(self, gap: OpenGap, *, is_filled: bool) -> None:
        """There is no hole any more: it is filled, or what is missing will never come."""
        with self.transaction():
            self._gap_table.remove(gap)
            if not is_filled:
                self._gap_table.mark_lost(gap.after, gap.found_at)

    def open_gaps(self) -> list[OpenGap]:
        """The holes between events that are still to be filled, newest first."""
        with self._using():
            return self._gap_table.open_gaps()

    def unread_history(self) -> OpenGap | None:
        """Where older events than all are to be read; None where there are none."""
        with self._using():
            return self._gap_table.unread_history()

    def open_gap_count(self) -> int:
        """How many holes there are, history that was not read among them."""
        with self._using():
            return self._gap_table.open_count()

    def gaps(self) -> list[Gap]:
        """Where events are missing, oldest first; holes are gaps that are still open."""
        with self._using():
            return self._gap_table.gaps()

    def count_known(self, events: Sequence[Event], upto: int = MAX_POSITION) -> Counter[bytes]:
        """How often each event's bytes are in the journal up to a position.

        Equal bytes tell the same time. Where they tell none, as all there are may do, their run is looked at.
        """
        wanted = {event.raw for event in events}
        found: Counter[bytes] = Counter()
        for place, keys in lookup_clauses(events):
            marks = ", ".join("?" * len(keys))
            query = f"SELECT raw FROM events WHERE {place} IN ({marks}) AND pos <= ?"  # noqa: S608  (constants, and marks)
            found.update(source for (source,) in self._each(query, *keys, upto) if source in wanted)
        return found

    def _each(self, query: str, *values: object) -> Iterator[tuple[Any, ...]]:
        """Each row that `query` finds: there may be more than should be held at a time."""
        with self._using() as database:
            yield from database.execute(query, values)

    def newest_raw(self, limit: int, upto: int = MAX_POSITION) -> list[bytes]:
        """The bytes of the newest events, newest first; of those up to a position."""
        query = "SELECT raw FROM events WHERE pos <= ? ORDER BY pos DESC LIMIT ?"
        return [source for (source,) in self.query(query, upto, limit)]

    def newest_at(self, upto: int = MAX_POSITION) -> int:
        """The latest time of any event up to a position, in microseconds since 1970; 0 where there is none."""
        query = "SELECT at FROM events WHERE pos <= ? ORDER BY at DESC LIMIT 1"
        found = self.query(query, upto)
        return int(found[0][0]) if found else 0

    def contains_all(self, events: Sequence[Event], upto: int = MAX_POSITION) -> bool:
        """Whether all of `events` are in the journal, up to a position."""
        known = self.count_known(events, upto)
        return all(event.raw in known for event in events)

    def events(self, execution_id: str | None = None) -> Iterator[Event]:
        """All events, or those of one run, in feed order."""
        if execution_id is not None:
            yield from (event for _, event in self.history(execution_id))
            return
        yield from (event for _, event in self.read_between(-MAX_POSITION, MAX_POSITION))

    def history(self, execution_id: str, upto: int | None = None) -> Iterator[tuple[int, Event]]:
        """The events of one run with their positions, in feed order; of those up to a position."""
        query = "SELECT pos, raw FROM events WHERE execution_id = ? AND pos > ? AND pos <= ? ORDER BY pos LIMIT ?"
        key, last, end = encode_id(execution_id), -MAX_POSITION, MAX_POSITION if upto is None else upto
        while found := self.query(query, key, last, end, BATCH_EVENTS):
            last = found[-1][0]
            yield from ((pos, decode_event(source)) for pos, source in found)
            if len(found) < BATCH_EVENTS:
                return

    def history_until_damaged(self, execution_id: str, upto: int | None) -> Iterator[tuple[int, Event]]:
        """Yield the same from the reader, up to the first damaged event: `trouble` says that it stopped there."""
        try:
            yield from self.reader.history(execution_id, upto)
        except StorageError as error:
            self.report_damage(error)

    def damage_error(self) -> StorageError:
        """Return the error for content that is not as it was written."""
        return damaged_error(str(self._path))

    def report_damage(self, error: StorageError) -> None:
        """Say in `trouble` that some of its content can't be read, unless something worse is said there."""
        self.write_error = self.write_error or f"{error.message}: not all of it can be shown"

    def recent_events(self, execution_id: str, limit: int) -> list[Event]:
        """The newest events of one run, in feed order; fewer, where they are very long."""
        query = "SELECT raw FROM events WHERE execution_id = ? ORDER BY pos DESC LIMIT ?"
        found: list[Event] = []
        room = MAX_RECENT_BYTES
        for (source,) in self._each(query, encode_id(execution_id), limit):
            room -= len(source)
            if found and room < 0:
                break
            found.append(decode_event(source))
        return found[::-1]

    def read_between(self, after: int, upto: int) -> Iterator[tuple[int, Event]]:
        """The events above a position, up to another, with theirs, in feed order."""
        while found := self.query(_BETWEEN, after, upto, BATCH_EVENTS):
            after = found[-1][0]
            yield from ((pos, decode_event(source)) for pos, source in found)

    def mark_gap(self, found_at: int) -> None:
        """Note that events are missing before the next one appended; `found_at` in microseconds since 1970."""
        with self.transaction():
            self._gap_table.mark_lost(self._highest_position(), found_at)

    def mark_skipped(self, skipped: SkippedEvent) -> None:
        """Note that an event beside a stored one is missing, as it is too large to be read. It is noted by its place:
        once, however often it is passed. Inside the transaction that stores the other one."""
        with self.transaction():
            after = skipped_position(skipped, self.query)
            if after is not None:
                self._gap_table.mark_lost(after, skipped.found_at, GapReason.TOO_LARGE)

    def run_event_count(self) -> int:
        """How many of its events belong to runs, repeats among them."""
        return int(self.query("SELECT count(*) FROM events WHERE execution_id IS NOT NULL")[0][0])

    def gap_count(self) -> int:
        """How many gaps the journal has."""
        return int(self.query("SELECT count(*) FROM gaps")[0][0])

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        """The database, for one thread at a time. Raises StorageError for what the file or the disk is to blame for."""
        with self._thread_lock:
            try:
                yield self._database
            except sqlite3.Error as error:
                if not is_storage_failure(error):
                    raise
                raise journal_failure(error, self._path) from error

    def _highest_position(self) -> int:
        """The highest position that is taken, or kept free for a hole with nothing above it yet."""
        with self._using():
            top = self._end_position("max")
            return max(-1 if top is None else top, self._gap_table.highest_reserved())

    def _end_position(self, which: str) -> int | None:
        # Not `max(pos)`: over two tables, that reads all of both.
        order = "DESC" if which == "max" else "ASC"
        found = self.query(f"SELECT pos FROM events ORDER BY pos {order} LIMIT 1")  # noqa: S608  (one of two)
        return int(found[0][0]) if found else None

    def _insert(self, events: Sequence[Event], positions: Iterable[int]) -> None:
        rows = ((pos, e.at or 0, encode_id(e.execution_id), e.raw) for pos, e in zip(positions, events, strict=False))
        with self.transaction() as database:
            database.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", rows)
