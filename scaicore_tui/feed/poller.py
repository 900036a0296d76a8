"""The poller: asks for the feed's head and the pending checkpoints, at its own pace, and hands on what is new.

Each fetch takes a number when it starts. An answer that is not newer than the last one applied, or that another
client was asked for, is dropped and counted, as the canvas does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import count

from msgspec import Struct
from msgspec.structs import replace

from scaicore_tui.clock import Clock
from scaicore_tui.errors import ScaicoreError
from scaicore_tui.feed.budget import Rank
from scaicore_tui.feed.client import MAX_LIMIT, Client
from scaicore_tui.feed.known import Known
from scaicore_tui.feed.link import Link
from scaicore_tui.feed.pace import pace, upkeep
from scaicore_tui.feed.sweep import Sweep, next_limit, read_head, read_tail
from scaicore_tui.feed.waiting import sleep_or
from scaicore_tui.wire import Checkpoint

MAX_OVERLAPPING = 2


class Answer(Struct, frozen=True):
    """What one fetch brought; `number` is its place in the order of asking, `asked_at` its monotonic time."""

    number: int
    sweep: Sweep
    checkpoints: Sequence[Checkpoint]
    asked_at: float


class Poller:
    """Fetches until cancelled. `apply` takes each answer and returns how many of its events were new."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        known: Callable[[], Known],
        apply: Callable[[Answer], Awaitable[int]],
        changed: Callable[[], None],
    ) -> None:
        self.client = client
        self.link = Link(interval=client.target.interval, pace=client.target.interval)
        client.budget.upkeep = upkeep(client.target.interval)
        self._clock = clock
        self._known = known
        self._apply = apply
        self._changed = changed
        self._numbers = count(1)
        self._applied = 0
        self._limit = MAX_LIMIT
        self._tail: str | None = None
        self._oldest_first = False
        self._fetches: set[asyncio.Task[bool]] = set()
        self._ahead: asyncio.Task[bool] | None = None
        self._wake = asyncio.Event()
        # Set while it is not paused.
        self.going = asyncio.Event()
        self.going.set()
        self._is_due = False

    async def run(self) -> None:
        """Fetch at once, and then one interval after each fetch began, or when it ended if it took longer."""
        try:
            while True:
                began, self._is_due = self._clock.monotonic(), False
                if not self.link.paused and await self._next():
                    continue
                await self._wait_since(began)
        finally:
            await self.close()

    def catch_up(self, behind: int | None) -> None:
        """So many events are behind: the heads are asked for at a pace that leaves room to read them."""
        seconds = pace(self.link.interval, behind or 0)
        self.client.budget.upkeep = upkeep(seconds)
        if (behind, seconds) != (self.link.behind, self.link.pace):
            self._update(behind=behind, pace=seconds)
            self._wake.set()

    async def close(self) -> None:
        """Give up the fetches under way."""
        for task in tuple(self._fetches):
            task.cancel()
        await asyncio.gather(*self._fetches, return_exceptions=True)

    def ask_ahead(self) -> None:
        """Fetch before `run`, in place of its first fetch."""
        self._ahead = self._begin()

    def refresh(self) -> bool:
        """Fetch now, also while a fetch is under way; False where enough of them are."""
        if len(self._fetches) >= MAX_OVERLAPPING:
            return False
        self._begin()
        return True

    def pause(self, *, paused: bool) -> None:
        """Stop asking, or ask again at once."""
        self._update(paused=paused)
        if paused:
            self.going.clear()
        else:
            self.going.set()
            self._is_due = True
            self._wake.set()

    async def fetch(self) -> bool:
        """One fetch: asked, and applied unless it came too late. Whether there is more to be fetched at once."""
        number, client = next(self._numbers), self.client
        began = self._clock.monotonic()
        try:
            sweep, checkpoints = await asyncio.gather(self._sweep(), client.all_checkpoints("pending"))
        except ScaicoreError as error:
            if self._is_current(number, client):
                self._update(error=error, failures=self.link.failures + 1)
            return False
        if not self._is_current(number, client):
            self._update(stale_dropped=self.link.stale_dropped + 1)
            return False
        await self._accept(Answer(number, sweep, checkpoints, began))
        return sweep.more

    def _begin(self) -> asyncio.Task[bool]:
        task = asyncio.create_task(self.fetch())
        self._fetches.add(task)
        task.add_done_callback(self._fetches.discard)
        return task

    async def _next(self) -> bool:
        ahead, self._ahead = self._ahead, None
        return await (self.fetch() if ahead is None else ahead)

    def _is_current(self, number: int, client: Client) -> bool:
        return number > self._applied and client is self.client

    async def _accept(self, answer: Answer) -> None:
        self._applied = answer.number
        self._tail = answer.sweep.tail
        self._oldest_first = answer.sweep.oldest_first
        new_events = await self._apply(answer)
        self._limit = next_limit(new_events, self.link.polls + 1)
        now = self._clock.monotonic()
        self._update(
            answered_at=answer.asked_at,
            latency_ms=(now - answer.asked_at) * 1000,
            new_events=new_events,
            error=None,
            failures=0,
            polls=self.link.polls + 1,
        )

    async def _sweep(self) -> Sweep:
        if self._oldest_first:
            return await read_tail(self.client, self._known(), self._tail)
        return await read_head(self.client, self._known(), self._limit)

    async def _wait_since(self, began: float) -> None:
        """Wait until the next fetch is due, and the budget has a request to spare: both may change meanwhile."""
        while not self._is_due:
            now = self._clock.monotonic()
            moment = max(began + self.link.delay(), now + self.client.budget.wait(Rank.HEAD))
            self._update(next_at=moment)
            if moment <= now:
                return
            self._wake.clear()
            await sleep_or(self._clock, moment - now, self._wake)

    def _update(self, **fields: object) -> None:
        self.link = replace(self.link, **fields)
        self._changed()
