"""Store events in the journal, then apply them to the index.

The journal is written in a thread, as a disk may be slow and the screen must not wait. Each batch is applied to the
index on the event loop after it was committed: nothing is shown that a crash could lose.
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
from scaicore_tui.log import Log
from scaicore_tui.protocol import Checkpoint, Event
from scaicore_tui.runs import Delta, RunIndex
from scaicore_tui.store.gaps import OpenGap, SkippedEvent
from scaicore_tui.store.journal import Journal
from scaicore_tui.store.retention import Retention
from scaicore_tui.store.writer import JournalWriter
from scaicore_tui.units import Micros

_log = Log(__name__)


# Events per batch: few, so that the screen is updated quickly.
BATCH_EVENTS = 500
# The runs whose summaries are read before the first screen.
FIRST_RUNS = 500
# A feed at the API's rate limit brings about 150 MB in this time.
PRUNE_INTERVAL_S = 600.0
# The file is checked, and buffered events are written to it, at this interval.
FLUSH_INTERVAL_S = 15.0

T = TypeVar("T")


class Ingestor:
    """Stores events in one journal and applies each commit to one index. Callers hold `lock` while they do so.

    Its methods return the delta of the last commit, applied and not yet published; `on_changed` gets those before.
    """

    def __init__(self, journal: Journal, index: RunIndex, on_changed: Callable[[Delta], None]) -> None:
        self.writer = JournalWriter(journal)
        self.lock = asyncio.Lock()
        self._journal = journal
        self._index = index
        self._on_changed = on_changed
        self._next_flush_at = -inf
        self._is_closed = False
        self._is_loaded = False
        self._thread = ThreadPoolExecutor(1, "journal")

    def close(self) -> None:
        """Wait until current writes are finished, then end the thread."""
        self._is_closed = True
        self._thread.shutdown()

    async def run_in_thread(self, work: Callable[..., T], *values: Any) -> T:
        """Run `work` in the journal's thread, after the work queued before."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *values)

    def load_newest(self) -> None:
        """Load the newest runs from the journal, without a thread; `load` loads the others."""
        self.writer.prepare()
        first = self.writer.first_delta(FIRST_RUNS)
        self._index.gaps = first.gaps or []
        self._index.event_count = first.event_count
        self._index.remember(first.upserted.values())

    async def load(self) -> None:
        """Load the positions of all runs from the journal; then rebuild missing summaries. Done once."""
        if self._is_loaded:
            return
        self._is_loaded = True
        stored = await self.run_in_thread(self.writer.stored_positions)
        self._on_changed(self._index.load(stored, await self.run_in_thread(self.writer.stored_changes)))
        while (rebuilt := await self.run_in_thread(self.writer.rebuild_missing)) is not None:
            self._on_changed(self._index.remember(rebuilt.upserted.values()))

    async def load_then_prune(self, target: Target, clock: Clock) -> None:
        """Load all runs; then apply the retention of `target`, at once and every PRUNE_INTERVAL_S."""
        try:
            await self.load()
        except StorageError as error:
            # A server that is away is reported by the next poll.
            if not error.is_temporary:
                self._journal.report_damage(error)
        while target.keep_days is not None or target.keep_mb is not None:
            # A disk failure is reported with the next event that can't be written.
            with suppress(StorageError):
                await self._prune(self.writer.start_retention(target.prune_before(clock.now()), target.max_bytes))
            await clock.sleep(PRUNE_INTERVAL_S)

    async def _prune(self, retention: Retention) -> None:
        while (pruned := await self._prune_batch(retention)) is not None:
            self._on_changed(pruned)

    async def _prune_batch(self, retention: Retention) -> Delta | None:
        async with self.lock:
            pruned = await self.run_in_thread(self.writer.prune_batch, retention)
            if pruned is None:
                return None
            _log.info("journal pruned", runs=len(pruned.removed), events=-pruned.event_count)
            return self._index.apply(pruned)

    async def append_new(self, events: Sequence[Event], gap_found_at: Micros | None = None) -> Delta:
        """Append events as `JournalWriter.append_new` does, in batches."""
        delta = Delta()
        for begin in range(0, max(len(events), gap_found_at is not None), BATCH_EVENTS):
            if begin:
                self._on_changed(delta)
            batch = events[begin : begin + BATCH_EVENTS]
            delta = await self._commit(self.writer.append_new, batch, None if begin else gap_found_at)
        return delta

    async def append_above_gap(
        self, events: Sequence[Event], found_at: Micros, cursor: str | None
    ) -> tuple[Delta, OpenGap]:
        """Append events above an open gap, as `JournalWriter.append_above_gap` does; return that gap too."""
        delta, gap = await self.run_in_thread(self.writer.append_above_gap, events, found_at, cursor)
        return self._index.apply(delta), gap

    async def fill_gap(
        self, gap: OpenGap, events: Sequence[Event], cursor: str | None, skipped: SkippedEvent | None = None
    ) -> Delta:
        """Add events to an open gap, as `JournalWriter.fill_gap` does."""
        return await self._commit(self.writer.fill_gap, gap, events, cursor, skipped)

    async def close_gap(self, gap: OpenGap, *, is_filled: bool) -> Delta:
        """Close an open gap, as `Journal.close_gap` does."""
        return await self._commit(partial(self.writer.close_gap, gap, is_filled=is_filled))

    async def begin_history(self, cursor: str | None, found_at: Micros) -> Delta:
        """Open the gap below all events, as `Journal.begin_history` does."""
        return await self._commit(self.writer.begin_history, cursor, found_at)

    async def prepend_history(
        self, events: Sequence[Event], cursor: str | None, skipped: SkippedEvent | None = None, *, is_over: bool
    ) -> Delta:
        """Add older events, as `JournalWriter.prepend_history` does."""
        return await self._commit(partial(self.writer.prepend_history, events, cursor, skipped, is_over=is_over))

    async def mark_skipped(self, skipped: SkippedEvent) -> Delta:
        """Store a gap for a skipped event, as `Journal.mark_skipped` does."""
        return await self._commit(self.writer.mark_skipped, skipped)

    async def flush(self, now: float = inf) -> None:
        """Check the file and write buffered events to it, unless closed.

        With `now`, in monotonic seconds, only if FLUSH_INTERVAL_S has passed since the last such call.
        """
        if now >= self._next_flush_at and not self._is_closed:
            self._next_flush_at = now + FLUSH_INTERVAL_S if now < inf else self._next_flush_at
            with suppress(StorageError):
                await self.run_in_thread(self.writer.flush)

    async def save_pending(self, checkpoints: Sequence[Checkpoint]) -> None:
        """Store which checkpoints are pending now."""
        await self.run_in_thread(self.writer.save_pending, checkpoints)

    async def _commit(self, write: Callable[..., Delta], *values: Any) -> Delta:
        """Run `write` in the journal's thread and apply its delta to the index."""
        return self._index.apply(await self.run_in_thread(write, *values))
