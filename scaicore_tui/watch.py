"""What is read beside the poller, in tasks of its own: holes, history, and what became of writes.

Trouble with any of it is for the pollers to tell: here it is waited out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from scaicore_tui.actions import Outcomes
from scaicore_tui.catchup import CatchUp
from scaicore_tui.errors import ScaicoreError
from scaicore_tui.feed import Backoff, Chance, Pollers
from scaicore_tui.feed.backoff import delay
from scaicore_tui.runs import RunBook


class Watch:
    """Of one session; reads back at the start until `backfill` events are known."""

    def __init__(
        self,
        pollers: Pollers,
        catch_up: CatchUp,
        outcomes: Outcomes,
        book: RunBook,
        chance: Chance,
        backfill: int,
    ) -> None:
        self._pollers = pollers
        self._catch_up = catch_up
        self._outcomes = outcomes
        self._book = book
        self._chance = chance
        self._backfill = backfill
        # Set when the first events came, when some are behind, and after each poll.
        self.head = asyncio.Event()
        self.behind = asyncio.Event()
        self.polled = asyncio.Event()
        self._history = asyncio.Lock()

    @property
    def has_older(self) -> bool:
        """Whether the feed may hold events older than those read."""
        return self._catch_up.history is not None

    @property
    def wants_history(self) -> bool:
        """Whether less was read than should be at the start."""
        return self.has_older and not self._catch_up.stuck and self._book.event_count < self._backfill

    async def run(self) -> None:
        """Poll until cancelled, and read the rest beside it."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pollers.run())
            group.create_task(self._fill_holes())
            group.create_task(self._fill_back())
            group.create_task(self._look_up())
            group.create_task(self._list_checkpoints())

    async def read_once(self, *, all_checkpoints: bool = True) -> None:
        """Read head, holes, history and checkpoints once, of these maybe the first page alone. Raises what keeps that
        from succeeding."""
        await self._read_news()
        while all_checkpoints and self._pollers.pending.is_reading:
            await self._pollers.read_checkpoints()
        while self.wants_history:
            await self.load_older()
        if self._catch_up.is_unsure:
            await self._read_news()
        await self._outcomes.look_up()

    async def load_older(self) -> int:
        """Read one more page of history; returns how many events it brought. Raises what keeps it from that."""
        async with self._history:
            return await self._catch_up.read_history()

    async def _read_news(self) -> None:
        await self._pollers.fetch()
        while self._catch_up.fillings:
            await self._fill()

    async def _fill_holes(self) -> None:
        """Read what lies between the newest events and those known."""
        backoff = self._backoff()
        while True:
            await self.behind.wait()
            self.behind.clear()
            while self._catch_up.fillings:
                await self._patiently(self._fill, backoff)

    async def _list_checkpoints(self) -> None:
        """Read the pages of checkpoints behind the first one."""
        backoff = self._backoff()
        while True:
            await self._pollers.listing.wait()
            self._pollers.listing.clear()
            while self._pollers.pending.is_reading:
                await self._patiently(self._pollers.read_checkpoints, backoff)

    async def _fill(self) -> None:
        await self._catch_up.fill()
        self._outcomes.observe()

    async def _fill_back(self) -> None:
        """Read history at the start, once there is a head."""
        backoff = self._backoff()
        await self.head.wait()
        while self.wants_history:
            await self._patiently(self.load_older, backoff)

    async def _look_up(self) -> None:
        """Look up, after each poll, what is not known of writes; costs nothing where all is known."""
        while True:
            await self.polled.wait()
            self.polled.clear()
            await self._outcomes.look_up()

    def _backoff(self) -> Backoff:
        return Backoff(self._pollers.link.interval, self._chance)

    async def _patiently(self, read: Callable[[], Awaitable[object]], backoff: Backoff) -> None:
        await self._pollers.going()
        try:
            await read()
        except ScaicoreError as error:
            seconds = backoff.failed(error)
            attended = delay(seconds, attended=self._pollers.is_attended())
            await self._pollers.wait_out(max(attended, error.retry_after or 0.0))
        else:
            backoff.answered()
