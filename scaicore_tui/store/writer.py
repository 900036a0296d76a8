"""How events get into the journal: each slice in one transaction with the summaries of the runs that it changed.

So a process that is killed leaves a journal whose summaries and events agree. All of it may run in a thread beside the
event loop: what it returns is for the book to take in, and nothing else is shared.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from scaicore_tui.errors import StorageError
from scaicore_tui.protocol import Checkpoint, Event
from scaicore_tui.runs import Delta, RunProjector, Summary
from scaicore_tui.store.failures import ONLY_IN_MEMORY
from scaicore_tui.store.gaps import RESERVED_POSITIONS, OpenGap, SkippedEvent
from scaicore_tui.store.journal import MAX_POSITION, Journal
from scaicore_tui.store.retention import Retention
from scaicore_tui.store.summaries import Summaries, save_pending

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
)
_FLUSH = (
    "INSERT INTO main.events SELECT * FROM temp.spilled ORDER BY pos",
    "DELETE FROM main.gaps",
    "INSERT INTO main.gaps SELECT * FROM temp.gaps",
    "DELETE FROM main.holes",
    "INSERT INTO main.holes SELECT * FROM temp.holes",
)
_STOP_BUFFERING = ("DROP VIEW temp.events", "DROP TABLE temp.spilled", "DROP TABLE temp.gaps", "DROP TABLE temp.holes")


FLUSH_EVERY_WRITES = 8


class MemoryBuffer:
    """Of one journal, whose `trouble` says what keeps events in memory."""

    def __init__(self, journal: Journal, summaries: Summaries) -> None:
        self._journal = journal
        self._summaries = summaries
        self._unsaved: dict[str, Summary] = {}
        self._write_count = 0

    def begin(self, error: StorageError) -> None:
        """The file took nothing more."""
        if self._journal.is_buffering:
            raise error
        self._journal.switch_tables(_START_BUFFERING, begin=True)
        if not self._journal.is_file_gone:
            self._journal.write_error = f"{error.message} · {ONLY_IN_MEMORY}"

    def put(self, summaries: Mapping[str, Summary]) -> None:
        """Store summaries, or keep them until they can be."""
        if self._journal.is_buffering:
            self._unsaved |= summaries
        else:
            self._summaries.put(summaries.values())

    def flush_if_possible(self) -> None:
        """Write what was kept, if the file takes it now: once in a while, as all of it is written in one go."""
        self._write_count += 1
        if not self._write_count % FLUSH_EVERY_WRITES:
            self.flush()

    def flush(self) -> None:
        """Write what was kept, if the file takes it now. What is written to a file that is gone would be lost."""
        if not self._journal.is_buffering or self._journal.is_file_gone:
            return
        try:
            with self._journal.transaction() as database:
                for step in _FLUSH:
                    database.execute(step)
                self._summaries.put(self._unsaved.values())
        except StorageError:
            return
        self._journal.switch_tables(_STOP_BUFFERING, begin=False)
        self._journal.write_error = ""
        self._unsaved = {}


# Runs that are folded in one go, where their summaries are missing.
REBUILD_BATCH_RUNS = 100
# Upper bound in seconds for yielding to a key press.
MAX_YIELD_S = 0.1


class JournalWriter:
    """Writes one journal; in memory, and with its `trouble` told, where the disk takes nothing.

    `max_yield_s` is the longest time for which work that nobody waits for yields to a key press.
    """

    def __init__(self, journal: Journal, max_yield_s: float = MAX_YIELD_S) -> None:
        self._max_yield_s = max_yield_s
        self._journal = journal
        self._summaries = Summaries(journal)
        self._projector = RunProjector(journal.history)
        self._buffer = MemoryBuffer(journal, self._summaries)
        # The oldest first; None while nobody has looked, as that takes a while in a large file.
        self._missing: list[str] | None = None
        self._before: int | None = MAX_POSITION
        self._may_run = threading.Event()
        self._may_run.set()

    def prepare(self) -> None:
        """See whether summaries are missing: those of a file that is new, or that an older program wrote."""
        if not self._summaries.drop_outdated():
            self._missing = []

    def yield_to_ui(self, *, to_key: bool) -> None:
        """While a key is acted on, leave the interpreter to it: what nobody waits for is folded afterwards."""
        if to_key:
            self._may_run.clear()
        else:
            self._may_run.set()

    def flush(self) -> None:
        """Look after the file, and write what is only in memory, if it takes that now."""
        self._journal.check_file()
        self._buffer.flush()

    def append_new(self, events: Sequence[Event], gap_found_at: int | None = None) -> Delta:
        """Take in events, oldest first, newer than all before; after a gap found at that time, in microseconds."""
        change = self._projector.apply(events, self._journal.next_position)

        def write() -> Delta:
            if gap_found_at is not None:
                self._journal.mark_gap(gap_found_at)
            self._journal.append(events)
            return change

        return self._write(write)

    def append_above_gap(self, events: Sequence[Event], found_at: int, cursor: str | None) -> tuple[Delta, OpenGap]:
        """Take in news with a hole below, as `Journal.append_above_gap` does."""
        change = self._projector.apply(events, self._journal.next_position + RESERVED_POSITIONS)
        holes: list[OpenGap] = []

        def write() -> Delta:
            holes.append(self._journal.append_above_gap(events, found_at, cursor))
            return change

        return self._write(write), holes[-1]

    def begin_history(self, cursor: str | None, found_at: int) -> None:
        """Note that history is to be read, as `Journal.begin_history` does."""

        def write() -> Delta:
            self._journal.begin_history(cursor, found_at)
            return Delta()

        self._write(write)

    def prepend_history(
        self,
        events: Sequence[Event],
        cursor: str | None = None,
        skipped: SkippedEvent | None = None,
        *,
        is_over: bool = False,
    ) -> Delta:
        """Take in events, oldest first, older than all before, with one that was `passed`; more is behind `cursor`,
        unless that is all."""

        def put() -> None:
            self._journal.prepend(events)
            self._journal.move_history(cursor, is_over=is_over)
            self._mark_skipped(skipped)

        return self._insert_and_rebuild(events, put, is_history=True)

    def fill_gap(
        self, gap: OpenGap, events: Sequence[Event], cursor: str | None, skipped: SkippedEvent | None = None
    ) -> Delta:
        """Take in events that belong into a hole, as `Journal.fill` does, with one that was `passed`."""

        def put() -> None:
            self._journal.fill_gap(gap, events, cursor)
            self._mark_skipped(skipped)

        return self._insert_and_rebuild(events, put, is_history=False)

    def mark_skipped(self, skipped: SkippedEvent) -> None:
        """Note an event that was passed, as `Journal.mark_passed` does."""

        def write() -> Delta:
            self._mark_skipped(skipped)
            return Delta()

        self._write(write)

    def _mark_skipped(self, skipped: SkippedEvent | None) -> None:
        if skipped is not None:
            self._journal.mark_skipped(skipped)

    def close_gap(self, gap: OpenGap, *, is_filled: bool) -> None:
        """There is no hole any more, as `Journal.close_gap` does."""

        def write() -> Delta:
            self._journal.close_gap(gap, is_filled=is_filled)
            return Delta()

        self._write(write)

    def save_pending(self, checkpoints: Sequence[Checkpoint]) -> None:
        """Note which checkpoints are pending now. A disk that takes nothing is told when it does not take what comes,
        and what is nested too deep to be written down is left out."""
        if not self._journal.is_buffering:
            with suppress(StorageError, RecursionError):
                save_pending(self._journal, checkpoints)

    def start_retention(self, before: int | None, size: int | None) -> Retention:
        """Forgets what ended before that moment, in microseconds since 1970, or is too much for so many bytes."""
        return Retention(self._journal, self._summaries, self._projector, before, size)

    def next_summaries(self, limit: int) -> list[Summary]:
        """The newest `limit` summaries that were not asked for yet; empty where there are no more.

        Of runs whose summaries are missing fewer come at a time, as they are folded first.
        """
        if self._before is not None:
            found = self._summaries.newest(limit, self._before)
            self._before = found[-1].position if found else None
            if found:
                return found
        return self._rebuild_missing()

    def _insert_and_rebuild(self, events: Sequence[Event], put: Callable[[], None], *, is_history: bool) -> Delta:
        touched = dict.fromkeys(event.execution_id for event in events if event.execution_id)

        def write() -> Delta:
            put()
            return self._projector.rebuild(touched, events, is_history=is_history)

        return self._write(write)

    def _rebuild_missing(self) -> list[Summary]:
        if self._missing is None:
            self._missing = self._summaries.missing_ids()[::-1]
        elif not self._missing:
            return []
        ids = [self._missing.pop() for _ in range(min(REBUILD_BATCH_RUNS, len(self._missing)))]
        change = self._projector.rebuild(self._yielding(ids))
        self._write(lambda: change)
        if not self._missing and not self._journal.is_buffering:
            self._summaries.mark_complete()
        return list(change.summaries.values())

    def _yielding(self, ids: Iterable[str]) -> Iterator[str]:
        for execution_id in ids:
            if not self._may_run.wait(self._max_yield_s):
                self._may_run.set()
            yield execution_id

    def _write(self, write: Callable[[], Delta]) -> Delta:
        """Write, with the summaries of what changed, in one transaction; in memory, where the disk takes nothing."""
        try:
            self._journal.check_file()
            self._buffer.flush_if_possible()
            return self._write_now(write)
        except StorageError as error:
            try:
                self._buffer.begin(error)
                return self._write_now(write)
            except StorageError:
                # The events were folded and are stored nowhere: they come again, and must not look like repeats then.
                self._projector = RunProjector(self._journal.history)
                raise

    def _write_now(self, write: Callable[[], Delta]) -> Delta:
        with self._journal.transaction():
            change = write()
            self._buffer.put(change.summaries)
        return change
