"""How events get into the journal: each slice in one transaction with the summaries of the runs that it changed.

So a process that is killed leaves a journal whose summaries and events agree. All of it may run in a thread beside the
event loop: what it returns is for the book to take in, and nothing else is shared.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress

from scaicore_tui.errors import StorageError
from scaicore_tui.journal.holes import ROOM, Hole
from scaicore_tui.journal.passed import Passed
from scaicore_tui.journal.pending import keep_pending
from scaicore_tui.journal.retention import Retention
from scaicore_tui.journal.spill import Spill
from scaicore_tui.journal.store import TOP, Journal
from scaicore_tui.journal.summaries import Summaries
from scaicore_tui.runs import Change, Folder, Summary
from scaicore_tui.wire import Checkpoint, Event

# Runs that are folded in one go, where their summaries are missing.
FOLDED_AT_ONCE = 100
# Upper bound in seconds for yielding to a key press.
LONGEST_KEY = 0.1


class Intake:
    """Writes one journal; in memory, and with its `trouble` told, where the disk takes nothing.

    `max_yield_s` is the longest time for which work that nobody waits for yields to a key press.
    """

    def __init__(self, journal: Journal, max_yield_s: float = LONGEST_KEY) -> None:
        self._max_yield_s = max_yield_s
        self._journal = journal
        self._summaries = Summaries(journal)
        self._folder = Folder(journal.history)
        self._spill = Spill(journal, self._summaries)
        # The oldest first; None while nobody has looked, as that takes a while in a large file.
        self._missing: list[str] | None = None
        self._before: int | None = TOP
        self._is_free = threading.Event()
        self._is_free.set()

    def begin(self) -> None:
        """See whether summaries are missing: those of a file that is new, or that an older program wrote."""
        if not self._summaries.prepare():
            self._missing = []

    def give_way(self, *, to_key: bool) -> None:
        """While a key is acted on, leave the interpreter to it: what nobody waits for is folded afterwards."""
        if to_key:
            self._is_free.clear()
        else:
            self._is_free.set()

    def save(self) -> None:
        """Look after the file, and write what is only in memory, if it takes that now."""
        self._journal.look_after_file()
        self._spill.save()

    def news(self, events: Sequence[Event], gap_found_at: int | None = None) -> Change:
        """Take in events, oldest first, newer than all before; after a gap found at that time, in microseconds."""
        change = self._folder.news(events, self._journal.next_place)

        def write() -> Change:
            if gap_found_at is not None:
                self._journal.mark_gap(gap_found_at)
            self._journal.append(events)
            return change

        return self._write(write)

    def above_hole(self, events: Sequence[Event], found_at: int, cursor: str | None) -> tuple[Change, Hole]:
        """Take in news with a hole below, as `Journal.append_above_hole` does."""
        change = self._folder.news(events, self._journal.next_place + ROOM)
        holes: list[Hole] = []

        def write() -> Change:
            holes.append(self._journal.append_above_hole(events, found_at, cursor))
            return change

        return self._write(write), holes[-1]

    def begin_history(self, cursor: str | None, found_at: int) -> None:
        """Note that history is to be read, as `Journal.begin_history` does."""

        def write() -> Change:
            self._journal.begin_history(cursor, found_at)
            return Change()

        self._write(write)

    def history(
        self,
        events: Sequence[Event],
        cursor: str | None = None,
        passed: Passed | None = None,
        *,
        is_over: bool = False,
    ) -> Change:
        """Take in events, oldest first, older than all before, with one that was `passed`; more is behind `cursor`,
        unless that is all."""

        def put() -> None:
            self._journal.prepend(events)
            self._journal.move_history(cursor, is_over=is_over)
            self._mark(passed)

        return self._between(events, put, is_history=True)

    def fill(self, hole: Hole, events: Sequence[Event], cursor: str | None, passed: Passed | None = None) -> Change:
        """Take in events that belong into a hole, as `Journal.fill` does, with one that was `passed`."""

        def put() -> None:
            self._journal.fill(hole, events, cursor)
            self._mark(passed)

        return self._between(events, put, is_history=False)

    def mark_passed(self, passed: Passed) -> None:
        """Note an event that was passed, as `Journal.mark_passed` does."""

        def write() -> Change:
            self._mark(passed)
            return Change()

        self._write(write)

    def _mark(self, passed: Passed | None) -> None:
        if passed is not None:
            self._journal.mark_passed(passed)

    def close_hole(self, hole: Hole, *, is_filled: bool) -> None:
        """There is no hole any more, as `Journal.close_hole` does."""

        def write() -> Change:
            self._journal.close_hole(hole, is_filled=is_filled)
            return Change()

        self._write(write)

    def pending(self, checkpoints: Sequence[Checkpoint]) -> None:
        """Note which checkpoints are pending now. A disk that takes nothing is told when it does not take what comes,
        and what is nested too deep to be written down is left out."""
        if not self._journal.is_spilling:
            with suppress(StorageError, RecursionError):
                keep_pending(self._journal, checkpoints)

    def retention(self, before: int | None, size: int | None) -> Retention:
        """Forgets what ended before that moment, in microseconds since 1970, or is too much for so many bytes."""
        return Retention(self._journal, self._summaries, self._folder, before, size)

    def stored(self, limit: int) -> list[Summary]:
        """The newest `limit` summaries that were not asked for yet; empty where there are no more.

        Of runs whose summaries are missing fewer come at a time, as they are folded first.
        """
        if self._before is not None:
            found = self._summaries.newest(limit, self._before)
            self._before = found[-1].place if found else None
            if found:
                return found
        return self._fold_missing()

    def _between(self, events: Sequence[Event], put: Callable[[], None], *, is_history: bool) -> Change:
        touched = dict.fromkeys(event.execution_id for event in events if event.execution_id)

        def write() -> Change:
            put()
            return self._folder.again(touched, events, is_history=is_history)

        return self._write(write)

    def _fold_missing(self) -> list[Summary]:
        if self._missing is None:
            self._missing = self._summaries.missing()[::-1]
        elif not self._missing:
            return []
        ids = [self._missing.pop() for _ in range(min(FOLDED_AT_ONCE, len(self._missing)))]
        change = self._folder.again(self._giving_way(ids))
        self._write(lambda: change)
        if not self._missing and not self._journal.is_spilling:
            self._summaries.complete()
        return list(change.summaries.values())

    def _giving_way(self, ids: Iterable[str]) -> Iterator[str]:
        for execution_id in ids:
            if not self._is_free.wait(self._max_yield_s):
                self._is_free.set()
            yield execution_id

    def _write(self, write: Callable[[], Change]) -> Change:
        """Write, with the summaries of what changed, in one transaction; in memory, where the disk takes nothing."""
        try:
            self._journal.look_after_file()
            self._spill.try_again()
            return self._write_now(write)
        except StorageError as error:
            try:
                self._spill.begin(error)
                return self._write_now(write)
            except StorageError:
                # The events were folded and are stored nowhere: they come again, and must not look like repeats then.
                self._folder = Folder(self._journal.history)
                raise

    def _write_now(self, write: Callable[[], Change]) -> Change:
        with self._journal.writing():
            change = write()
            self._spill.put(change.summaries)
        return change
