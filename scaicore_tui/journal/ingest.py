"""Takes events into journal and book: the one in a thread, as the disk may take its time and the screen must not; the
other on the event loop, a slice at a time, after each was committed. So nothing is shown that a crash could lose.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from math import inf
from typing import Any, TypeVar

from scaicore_tui.clock import Clock
from scaicore_tui.config import Target
from scaicore_tui.errors import StorageError
from scaicore_tui.journal.holes import Hole
from scaicore_tui.journal.intake import Intake
from scaicore_tui.journal.passed import Passed
from scaicore_tui.journal.retention import Forgotten, Retention
from scaicore_tui.journal.store import Journal
from scaicore_tui.runs import RunBook
from scaicore_tui.wire import Checkpoint, Event

# How many events are taken in at a time, and how many stored runs: what the screen then has to catch up with is little.
SLICE = 500
RUNS_AT_ONCE = 500
# Seconds. A feed at its ceiling brings some 150 MB meanwhile.
BETWEEN_RETENTIONS = 600.0
# Seconds after which a disk that took nothing is tried again, and the file looked after.
BETWEEN_SAVES = 15.0

T = TypeVar("T")


class Ingest:
    """Of one journal and one book. `tell` is called with the runs that a slice changed, but for the last slice;
    `loaded` with those that came out of the journal, or that it forgot.

    Whoever takes something in holds the `turn`: what comes is taken in one after the other.
    """

    def __init__(
        self, journal: Journal, book: RunBook, tell: Callable[[set[str]], None], loaded: Callable[[set[str]], None]
    ) -> None:
        self.intake = Intake(journal)
        self.turn = asyncio.Lock()
        self._journal = journal
        self._book = book
        self._tell = tell
        self._loaded = loaded
        self._save_at = -inf
        self._is_closed = False
        self._thread = ThreadPoolExecutor(1, "journal")

    def close(self) -> None:
        """Wait for what is being written."""
        self._is_closed = True
        self._thread.shutdown()

    async def off(self, work: Callable[..., T], *values: Any) -> T:
        """Do `work` in the journal's thread, after what is being done there."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *values)

    def load_newest(self) -> None:
        """Take the newest runs out of the journal, at once; `load` takes the others."""
        self.intake.begin()
        self._book.event_count = len(self._journal)
        self._book.load(self.intake.stored(RUNS_AT_ONCE))
        self._book.gaps = self._journal.gaps()

    async def load(self) -> None:
        """Take all runs out of the journal, a slice at a time."""
        while stored := await self.off(self.intake.stored, RUNS_AT_ONCE):
            self._loaded(self._book.load(stored))

    async def keep(self, target: Target, clock: Clock) -> None:
        """Take all runs out of the journal; then forget what `target` does not keep, at once and every so often."""
        try:
            await self.load()
        except StorageError as error:
            self._journal.note_damage(error)
        while target.keep_days is not None or target.keep_mb is not None:
            # A disk that takes nothing is told when it does not take what comes.
            with suppress(StorageError):
                await self._forget(self.intake.retention(target.kept_from(clock.now()), target.kept_bytes))
            await clock.sleep(BETWEEN_RETENTIONS)

    async def _forget(self, retention: Retention) -> None:
        while (gone := await self._forget_slice(retention)) is not None:
            self._loaded(set(gone.execution_ids))

    async def _forget_slice(self, retention: Retention) -> Forgotten | None:
        async with self.turn:
            gone = await self._write(retention.step)
            if gone is not None:
                self._book.forget(gone.execution_ids, gone.event_count)
            return gone

    async def news(self, events: Sequence[Event], gap_found_at: int | None = None) -> set[str]:
        """Take in news, as `Intake.news` does; returns what the last slice changed, which is still to be told."""
        changed: set[str] = set()
        for begin in range(0, max(len(events), gap_found_at is not None), SLICE):
            if begin:
                self._tell(changed)
            part = events[begin : begin + SLICE]
            changed = self._book.take(await self._write(self.intake.news, part, None if begin else gap_found_at))
        return changed

    async def above_hole(self, events: Sequence[Event], found_at: int, cursor: str | None) -> tuple[set[str], Hole]:
        """Take in news with a hole below, as `Intake.above_hole` does; returns what changed, still to be told."""
        change, hole = await self._write(self.intake.above_hole, events, found_at, cursor)
        return self._book.take(change), hole

    async def fill(
        self, hole: Hole, events: Sequence[Event], cursor: str | None, passed: Passed | None = None
    ) -> set[str]:
        """Take in what belongs into a hole, as `Intake.fill` does; returns what changed, still to be told."""
        return self._book.take(await self._write(self.intake.fill, hole, events, cursor, passed))

    async def close_hole(self, hole: Hole, *, is_filled: bool) -> None:
        """There is no hole any more, as `Journal.close_hole` does."""
        await self._write(partial(self.intake.close_hole, hole, is_filled=is_filled))

    async def begin_history(self, cursor: str | None, found_at: int) -> None:
        """Note that history is to be read, as `Journal.begin_history` does."""
        await self._write(self.intake.begin_history, cursor, found_at)

    async def history(
        self, events: Sequence[Event], cursor: str | None, passed: Passed | None = None, *, is_over: bool
    ) -> set[str]:
        """Take in history, as `Intake.history` does; returns what changed, which is still to be told."""
        write = partial(self.intake.history, events, cursor, passed, is_over=is_over)
        return self._book.take(await self._write(write))

    async def mark_passed(self, passed: Passed) -> None:
        """Note an event that was passed, as `Journal.mark_passed` does."""
        await self._write(self.intake.mark_passed, passed)

    async def save(self, now: float = inf) -> None:
        """Write what is only in memory, if the disk takes it; again after a while, at `now` in monotonic seconds.

        Does nothing once it is closed.
        """
        if now >= self._save_at and not self._is_closed:
            self._save_at = now + BETWEEN_SAVES if now < inf else self._save_at
            with suppress(StorageError):
                await self.off(self.intake.save)

    async def pending(self, checkpoints: Sequence[Checkpoint]) -> None:
        """Note which checkpoints are pending now."""
        await self.off(self.intake.pending, checkpoints)

    async def _write(self, write: Callable[..., T], *values: Any) -> T:
        """Do `write` in the journal's thread, and see where events are missing then: the neighbours of a gap come and
        go with all the rest."""
        done, self._book.gaps = await self.off(lambda: (write(*values), self._journal.gaps()))
        return done
