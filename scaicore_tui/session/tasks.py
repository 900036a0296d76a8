"""Background tasks of a session: backfill of gaps and history, listing of checkpoints, look-up of writes.

They run beside the poller. The pollers report errors; the tasks only wait and try again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from scaicore_tui.actions import SubmissionTracker
from scaicore_tui.errors import ScaicoreError
from scaicore_tui.runs import RunIndex
from scaicore_tui.sync.backfill import Backfiller
from scaicore_tui.sync.poller import Backoff, RandomFn, retry_delay
from scaicore_tui.sync.pollers import Pollers


class BackgroundTasks:
    """The tasks of one session. History is read at the start until `backfill` events are known.

    Three events wake them: `first_head` is set once the newest events were read for the first time, `gap_opened` when
    events are missing below the newest, and `polled` after each poll.
    """

    def __init__(
        self,
        pollers: Pollers,
        backfiller: Backfiller,
        tracker: SubmissionTracker,
        index: RunIndex,
        random_fn: RandomFn,
        backfill: int,
    ) -> None:
        self._pollers = pollers
        self._backfiller = backfiller
        self._tracker = tracker
        self._index = index
        self._random_fn = random_fn
        self._wanted_count = backfill
        self.first_head = asyncio.Event()
        self.gap_opened = asyncio.Event()
        self.polled = asyncio.Event()
        self._history_lock = asyncio.Lock()

    @property
    def has_older(self) -> bool:
        """True if the feed may hold events older than those read."""
        return self._backfiller.history is not None

    @property
    def needs_backfill(self) -> bool:
        """True until as many events are read as should be at the start."""
        return self.has_older and not self._backfiller.stop_reason and self._index.event_count < self._wanted_count

    async def run(self) -> None:
        """Run the pollers and all tasks until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pollers.run())
            group.create_task(self._fill_gaps())
            group.create_task(self._backfill())
            group.create_task(self._look_up())
            group.create_task(self._list_checkpoints())

    async def read_once(self, *, all_checkpoints: bool = True) -> None:
        """Read the newest events, gaps, history and checkpoints once. Raises ScaicoreError if a request fails.

        Without `all_checkpoints` only their first page is read.
        """
        await self._read_newest()
        while all_checkpoints and self._pollers.pending.is_reading:
            await self._pollers.read_checkpoint_page()
        while self.needs_backfill:
            await self.load_older()
        if self._backfiller.has_deferred:
            await self._read_newest()
        await self._tracker.look_up()

    async def load_older(self) -> int:
        """Read one more page of history and return the number of its events. Raises ScaicoreError."""
        async with self._history_lock:
            return await self._backfiller.read_history_page()

    async def _read_newest(self) -> None:
        await self._pollers.fetch()
        while self._backfiller.gap_backfills:
            await self._fill_gap()

    async def _fill_gaps(self) -> None:
        backoff = self._new_backoff()
        while True:
            await self.gap_opened.wait()
            self.gap_opened.clear()
            while self._backfiller.gap_backfills:
                await self._with_backoff(self._fill_gap, backoff)

    async def _list_checkpoints(self) -> None:
        """Read the pages of pending checkpoints after the first, which the poller reads."""
        backoff = self._new_backoff()
        while True:
            await self._pollers.listing_started.wait()
            self._pollers.listing_started.clear()
            while self._pollers.pending.is_reading:
                await self._with_backoff(self._pollers.read_checkpoint_page, backoff)

    async def _fill_gap(self) -> None:
        await self._backfiller.read_gap_page()
        self._tracker.observe()

    async def _backfill(self) -> None:
        """Read history at the start, once the newest events are known."""
        backoff = self._new_backoff()
        await self.first_head.wait()
        while self.needs_backfill:
            await self._with_backoff(self.load_older, backoff)

    async def _look_up(self) -> None:
        """Look up writes with unknown outcome after each poll. Sends nothing if there are none."""
        while True:
            await self.polled.wait()
            self.polled.clear()
            await self._tracker.look_up()

    def _new_backoff(self) -> Backoff:
        return Backoff(self._pollers.status.interval, self._random_fn)

    async def _with_backoff(self, read: Callable[[], Awaitable[object]], backoff: Backoff) -> None:
        """Call `read` once, after waiting while polling is paused; after a failure wait before returning."""
        await self._pollers.wait_until_resumed()
        try:
            await read()
        except ScaicoreError as error:
            seconds = backoff.record_failure(error)
            attended = retry_delay(seconds, is_attended=self._pollers.is_attended())
            await self._pollers.wait_or_recovery(max(attended, error.retry_after or 0.0))
        else:
            backoff.record_success()
