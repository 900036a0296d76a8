"""Takes events into journal and book: the one in a thread, as the disk may take its time and the screen must not; the
other on the event loop, a slice at a time, after each was committed. So nothing is shown that a crash could lose.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import takewhile
from math import inf
from typing import Any, TypeVar

from scaicore_tui.clock import Clock
from scaicore_tui.config import Target
from scaicore_tui.errors import StorageError
from scaicore_tui.protocol import Checkpoint, Event
from scaicore_tui.runs import RunIndex
from scaicore_tui.runs.cache import project
from scaicore_tui.store.gaps import OpenGap, SkippedEvent
from scaicore_tui.store.journal import Journal
from scaicore_tui.store.retention import PruneResult, Retention
from scaicore_tui.store.writer import JournalWriter


class RunLoader:
    """Of one journal and one book. `tell` is called with the id of each run that is folded."""

    def __init__(self, journal: Journal, index: RunIndex, on_changed: Callable[[set[str]], None]) -> None:
        self._journal = journal
        self._index = index
        self._on_changed = on_changed
        self._is_open = True

    def close(self) -> None:
        """Whoever quits does not wait for what is being folded."""
        self._is_open = False

    def load(self, group: asyncio.TaskGroup, execution_id: str) -> None:
        """Fold a run from what is known by now, in a task of `group`."""
        history = self._journal.history_until_damaged(execution_id, self._index.last_position)
        group.create_task(self._load(execution_id, takewhile(lambda _: self._is_open, history)))

    async def _load(self, execution_id: str, wanted: Iterable[tuple[int, Event]]) -> None:
        run, _ = await asyncio.to_thread(project, execution_id, wanted)
        if self._index.runs.complete(execution_id, run):
            self._on_changed({execution_id})


# How many events are taken in at a time, and how many stored runs: what the screen then has to catch up with is little.
BATCH_EVENTS = 500
BATCH_RUNS = 500
# Seconds. A feed at its ceiling brings some 150 MB meanwhile.
PRUNE_INTERVAL_S = 600.0
# Seconds after which a disk that took nothing is tried again, and the file looked after.
FLUSH_INTERVAL_S = 15.0

T = TypeVar("T")


class Ingestor:
    """Of one journal and one book. `tell` is called with the runs that a slice changed, but for the last slice;
    `loaded` with those that came out of the journal, or that it forgot.

    Whoever takes something in holds the `turn`: what comes is taken in one after the other.
    """

    def __init__(
        self,
        journal: Journal,
        index: RunIndex,
        on_changed: Callable[[set[str]], None],
        on_loaded: Callable[[set[str]], None],
    ) -> None:
        self.writer = JournalWriter(journal)
        self.lock = asyncio.Lock()
        self._journal = journal
        self._index = index
        self._on_changed = on_changed
        self._on_loaded = on_loaded
        self._next_flush_at = -inf
        self._is_closed = False
        self._thread = ThreadPoolExecutor(1, "journal")

    def close(self) -> None:
        """Wait for what is being written."""
        self._is_closed = True
        self._thread.shutdown()

    async def run_in_thread(self, work: Callable[..., T], *values: Any) -> T:
        """Do `work` in the journal's thread, after what is being done there."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *values)

    def load_newest(self) -> None:
        """Take the newest runs out of the journal, at once; `load` takes the others."""
        self.writer.prepare()
        self._index.event_count = len(self._journal)
        self._index.load(self.writer.next_summaries(BATCH_RUNS))
        self._index.gaps = self._journal.gaps()

    async def load(self) -> None:
        """Take all runs out of the journal, a slice at a time."""
        while stored := await self.run_in_thread(self.writer.next_summaries, BATCH_RUNS):
            self._on_loaded(self._index.load(stored))

    async def load_then_prune(self, target: Target, clock: Clock) -> None:
        """Take all runs out of the journal; then forget what `target` does not keep, at once and every so often."""
        try:
            await self.load()
        except StorageError as error:
            self._journal.report_damage(error)
        while target.keep_days is not None or target.keep_mb is not None:
            # A disk that takes nothing is told when it does not take what comes.
            with suppress(StorageError):
                await self._prune(self.writer.start_retention(target.prune_before(clock.now()), target.max_bytes))
            await clock.sleep(PRUNE_INTERVAL_S)

    async def _prune(self, retention: Retention) -> None:
        while (gone := await self._prune_batch(retention)) is not None:
            self._on_loaded(set(gone.execution_ids))

    async def _prune_batch(self, retention: Retention) -> PruneResult | None:
        async with self.lock:
            gone = await self._write(retention.prune_batch)
            if gone is not None:
                self._index.forget(gone.execution_ids, gone.event_count)
            return gone

    async def append_new(self, events: Sequence[Event], gap_found_at: int | None = None) -> set[str]:
        """Append new events, as `JournalWriter.news` does; return the runs of the last slice, not published yet."""
        changed: set[str] = set()
        for begin in range(0, max(len(events), gap_found_at is not None), BATCH_EVENTS):
            if begin:
                self._on_changed(changed)
            part = events[begin : begin + BATCH_EVENTS]
            changed = self._index.apply(
                await self._write(self.writer.append_new, part, None if begin else gap_found_at)
            )
        return changed

    async def append_above_gap(
        self, events: Sequence[Event], found_at: int, cursor: str | None
    ) -> tuple[set[str], OpenGap]:
        """Append new events above an open gap; return the changed runs, which are not published yet, and the gap."""
        change, hole = await self._write(self.writer.append_above_gap, events, found_at, cursor)
        return self._index.apply(change), hole

    async def fill_gap(
        self, gap: OpenGap, events: Sequence[Event], cursor: str | None, skipped: SkippedEvent | None = None
    ) -> set[str]:
        """Take in what belongs into a hole, as `JournalWriter.fill` does; returns what changed, still to be told."""
        return self._index.apply(await self._write(self.writer.fill_gap, gap, events, cursor, skipped))

    async def close_gap(self, gap: OpenGap, *, is_filled: bool) -> None:
        """There is no hole any more, as `Journal.close_gap` does."""
        await self._write(partial(self.writer.close_gap, gap, is_filled=is_filled))

    async def begin_history(self, cursor: str | None, found_at: int) -> None:
        """Note that history is to be read, as `Journal.begin_history` does."""
        await self._write(self.writer.begin_history, cursor, found_at)

    async def prepend_history(
        self, events: Sequence[Event], cursor: str | None, skipped: SkippedEvent | None = None, *, is_over: bool
    ) -> set[str]:
        """Take in history, as `JournalWriter.history` does; returns what changed, which is still to be told."""
        write = partial(self.writer.prepend_history, events, cursor, skipped, is_over=is_over)
        return self._index.apply(await self._write(write))

    async def mark_skipped(self, skipped: SkippedEvent) -> None:
        """Note an event that was passed, as `Journal.mark_passed` does."""
        await self._write(self.writer.mark_skipped, skipped)

    async def flush(self, now: float = inf) -> None:
        """Write what is only in memory, if the disk takes it; again after a while, at `now` in monotonic seconds.

        Does nothing once it is closed.
        """
        if now >= self._next_flush_at and not self._is_closed:
            self._next_flush_at = now + FLUSH_INTERVAL_S if now < inf else self._next_flush_at
            with suppress(StorageError):
                await self.run_in_thread(self.writer.flush)

    async def save_pending(self, checkpoints: Sequence[Checkpoint]) -> None:
        """Note which checkpoints are pending now."""
        await self.run_in_thread(self.writer.save_pending, checkpoints)

    async def _write(self, write: Callable[..., T], *values: Any) -> T:
        """Do `write` in the journal's thread, and see where events are missing then: the neighbours of a gap come and
        go with all the rest."""
        done, self._index.gaps = await self.run_in_thread(lambda: (write(*values), self._journal.gaps()))
        return done
