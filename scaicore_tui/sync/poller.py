"""A poller: asks for one thing again and again, at its own pace, and hands on what comes.

Each fetch takes a number when it starts. An answer that is not newer than the last one applied is dropped and counted,
as the canvas does. The age of what is shown is that of the answers it came from, whatever other fetches do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from typing import Generic, TypeVar

from msgspec.structs import replace

from scaicore_tui.api.budget import Priority
from scaicore_tui.api.client import Client
from scaicore_tui.api.response_age import recorded_times
from scaicore_tui.clock import Clock, wait_for_event
from scaicore_tui.errors import ScaicoreError, StorageError, Unreachable
from scaicore_tui.sync.status import SourceStatus

# Seconds: between two tries there is never more, and never less.
MOST, LEAST = 60.0, 1.0

# Yields numbers from 0 up to 1, each as likely as any other.
RandomFn = Callable[[], float]

# While somebody is there, who pressed a key in the last minute, failures put nothing off by more seconds.
LONGEST_ATTENDED = 15.0


def delay(seconds: float, *, attended: bool) -> float:
    """How long to wait after a failure that asks for so many seconds, where somebody may be there to see it."""
    return min(seconds, LONGEST_ATTENDED) if attended else seconds


class Backoff:
    """Of one thing that is asked for again and again, every `interval` seconds while all is well."""

    def __init__(self, interval: float, chance: RandomFn) -> None:
        self._interval = interval
        self._chance = chance
        self.failures = 0

    def failed(self, error: ScaicoreError) -> float:
        """It failed once more: the seconds to wait, by chance up to a bound that doubles; no fewer than were asked."""
        bound = min(MOST, self._interval * 2.0 ** min(self.failures, 30))
        self.failures += 1
        return max(min(LEAST, self._interval), bound * self._chance(), error.retry_after or 0.0)

    def answered(self) -> None:
        """All is well."""
        self.failures = 0


MAX_OVERLAPPING = 2
# A fetch that is due waits outside the budget for the time of so many slots, and then in its queue: its rank is served
# there before it starves.
_WAIT_OUTSIDE = 2

T = TypeVar("T")


class Poller(Generic[T]):
    """Fetches until cancelled. `ask` asks the client; `apply` takes each answer, with when it was true in monotonic
    seconds, and tells whether there is more to be asked for at once. `changed` is called after whatever happens to its
    `part`. `true_at` chooses among the times of all answers that a fetch took; `attended` says whether somebody pressed
    a key in the last minute.
    """

    def __init__(
        self,
        ask: Callable[[], Awaitable[T]],
        apply: Callable[[T, float], Awaitable[bool]],
        changed: Callable[[], None],
        clock: Clock,
        client: Client,
        rank: Priority,
        backoff: Backoff,
        true_at: Callable[[Sequence[float]], float],
        attended: Callable[[], bool],
    ) -> None:
        self.part = SourceStatus()
        # Seconds between two fetches that go well.
        self.pace = 0.0
        # Set while it is not paused.
        self.not_paused = asyncio.Event()
        self.not_paused.set()
        self._ask = ask
        self._apply = apply
        self._changed = changed
        self._clock = clock
        self._client = client
        self._rank = rank
        self._backoff = backoff
        self._true_at = true_at
        self._attended = attended
        self._numbers = count(1)
        self._applied = 0
        # Seconds that failures put the next fetch off by, and that the server asked to wait.
        self._retry_after = 0.0
        self._asked_to_wait = 0.0
        self._fetches: set[asyncio.Task[bool]] = set()
        self._prefetched: asyncio.Task[bool] | None = None
        self._wake = asyncio.Event()
        self._due = False

    async def run(self) -> None:
        """Fetch at once, and then one pace after each fetch began, or when it ended if it took longer."""
        try:
            while True:
                await self.not_paused.wait()
                began, self._due = self._clock.monotonic(), False
                if not await self._next():
                    await self._wait_since(began)
        finally:
            await self.close()

    def wake(self) -> None:
        """The pace changed, or somebody is there again: see anew when the next fetch is due."""
        self._wake.set()

    def host_answered(self) -> None:
        """The same host answered another poller: fetch at the usual pace again, where only the way there had failed.

        What the server said of this fetch alone still counts: a refusal, and how long it asked to wait.
        """
        error = self.part.error
        if self._retry_after and error is not None and (isinstance(error, Unreachable) or (error.status or 0) >= 500):
            self._retry_after = 0.0
            self._wake.set()

    async def close(self) -> None:
        """Give up the fetches under way."""
        for task in tuple(self._fetches):
            task.cancel()
        await asyncio.gather(*self._fetches, return_exceptions=True)

    def prefetch(self) -> None:
        """Fetch before `run`, in place of its first fetch."""
        self._prefetched = self._begin()

    def refresh(self) -> bool:
        """Fetch now, also while a fetch is under way; False where enough of them are."""
        if len(self._fetches) >= MAX_OVERLAPPING:
            return False
        self._begin()
        return True

    def pause(self, *, paused: bool) -> None:
        """Stop asking, or ask again at once."""
        if paused:
            self.not_paused.clear()
        else:
            self.not_paused.set()
            self._due = True
            self._wake.set()

    async def fetch(self) -> bool:
        """One fetch: asked, and applied unless it came too late. Whether there is more to be fetched at once."""
        number, began = next(self._numbers), self._clock.monotonic()
        try:
            with recorded_times(self._clock) as times:
                answer = await self._ask()
        except ScaicoreError as error:
            if number > self._applied:
                self._failed(error)
            return False
        if number <= self._applied:
            self._update(stale_dropped=self.part.stale_dropped + 1)
            return False
        self._applied = number
        true_at = self._true_at(times) if times else began
        try:
            more = await self._apply(answer, true_at)
        except StorageError as error:
            # What came can't be compared with a journal that can't be read; the next fetch brings it again.
            self._failed(error)
            return False
        # Where a newer answer was applied meanwhile, that is what is shown.
        self._answered(began, true_at if number == self._applied else self.part.answered_at)
        return more

    def _begin(self) -> asyncio.Task[bool]:
        task = asyncio.create_task(self.fetch())
        self._fetches.add(task)
        task.add_done_callback(self._fetches.discard)
        return task

    async def _next(self) -> bool:
        ahead, self._prefetched = self._prefetched, None
        return await (self.fetch() if ahead is None else ahead)

    def _failed(self, error: ScaicoreError) -> None:
        # What it was raised from holds the body that came; it is kept for as long as it is told.
        error.__cause__ = error.__context__ = error.__traceback__ = None
        self._retry_after, self._asked_to_wait = self._backoff.failed(error), error.retry_after or 0.0
        self._update(error=error, failures=self._backoff.failures)

    def _answered(self, began: float, true_at: float | None) -> None:
        self._backoff.answered()
        if self._retry_after or self._asked_to_wait:
            self._retry_after = self._asked_to_wait = 0.0
            # It may have been asked for by hand, while the next fetch is a long way off.
            self._wake.set()
        latency = (self._clock.monotonic() - began) * 1000
        self._update(answered_at=true_at, latency_ms=latency, error=None, failures=0, polls=self.part.polls + 1)

    async def _wait_since(self, began: float) -> None:
        """Wait until the next fetch is due, and the budget has a request to spare: both may change meanwhile."""
        while not self._due:
            now = self._clock.monotonic()
            moment = self._next_at(began, now)
            self._update(next_at=moment)
            if moment <= now:
                return
            self._wake.clear()
            await wait_for_event(self._clock, moment - now, self._wake)

    def _next_at(self, began: float, now: float) -> float:
        """When to fetch next, in monotonic seconds."""
        budget, due = self._client.budget, began + self._delay
        free_at = min(now + budget.wait(self._rank), max(now, due + _WAIT_OUTSIDE * budget.slot_time))
        return max(due, free_at, now + budget.held_for)

    @property
    def _delay(self) -> float:
        """Seconds from one fetch to the next."""
        return max(delay(self._retry_after, attended=self._attended()) or self.pace, self._asked_to_wait)

    def _update(self, **fields: object) -> None:
        self.part = replace(self.part, **fields)
        self._changed()
