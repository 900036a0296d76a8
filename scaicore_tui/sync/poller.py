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
from scaicore_tui.api.response_age import record_response_times
from scaicore_tui.clock import Clock, wait_for_event
from scaicore_tui.errors import ScaicoreError, StorageError, Unreachable
from scaicore_tui.sync.status import SourceStatus

# Seconds: between two tries there is never more, and never less.
MAX_RETRY_S, MIN_RETRY_S = 60.0, 1.0

# Yields numbers from 0 up to 1, each as likely as any other.
RandomFn = Callable[[], float]

# While somebody is there, who pressed a key in the last minute, failures put nothing off by more seconds.
MAX_ATTENDED_RETRY_S = 15.0


def retry_delay(seconds: float, *, is_attended: bool) -> float:
    """How long to wait after a failure that asks for so many seconds, where somebody may be there to see it."""
    return min(seconds, MAX_ATTENDED_RETRY_S) if is_attended else seconds


class Backoff:
    """Of one thing that is asked for again and again, every `interval` seconds while all is well."""

    def __init__(self, interval: float, random: RandomFn) -> None:
        self._interval = interval
        self._random = random
        self.failures = 0

    def record_failure(self, error: ScaicoreError) -> float:
        """It failed once more: the seconds to wait, by chance up to a bound that doubles; no fewer than were asked."""
        bound = min(MAX_RETRY_S, self._interval * 2.0 ** min(self.failures, 30))
        self.failures += 1
        return max(min(MIN_RETRY_S, self._interval), bound * self._random(), error.retry_after or 0.0)

    def record_success(self) -> None:
        """All is well."""
        self.failures = 0


MAX_CONCURRENT_FETCHES = 2
# A fetch that is due waits outside the budget for the time of so many slots, and then in its queue: its rank is served
# there before it starves.
_WAIT_BEFORE_QUEUE_SLOTS = 2

T = TypeVar("T")


class Poller(Generic[T]):
    """Fetches until cancelled. `ask` asks the client; `apply` takes each answer, with when it was true in monotonic
    seconds, and tells whether there is more to be asked for at once. `changed` is called after whatever happens to its
    `part`. `true_at` chooses among the times of all answers that a fetch took; `attended` says whether somebody pressed
    a key in the last minute.
    """

    def __init__(
        self,
        request: Callable[[], Awaitable[T]],
        on_result: Callable[[T, float], Awaitable[bool]],
        on_changed: Callable[[], None],
        clock: Clock,
        client: Client,
        priority: Priority,
        backoff: Backoff,
        choose_time: Callable[[Sequence[float]], float],
        is_attended: Callable[[], bool],
    ) -> None:
        self.status = SourceStatus()
        # Seconds between two fetches that go well.
        self.interval = 0.0
        # Set while it is not paused.
        self.not_paused = asyncio.Event()
        self.not_paused.set()
        self._request = request
        self._on_result = on_result
        self._on_changed = on_changed
        self._clock = clock
        self._client = client
        self._priority = priority
        self._backoff = backoff
        self._choose_time = choose_time
        self._is_attended = is_attended
        self._numbers = count(1)
        self._last_applied = 0
        # Seconds that failures put the next fetch off by, and that the server asked to wait.
        self._retry_after = 0.0
        self._server_wait = 0.0
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
                if not await self._fetch_or_prefetched():
                    await self._wait_until_due(began)
        finally:
            await self.close()

    def wake(self) -> None:
        """The pace changed, or somebody is there again: see anew when the next fetch is due."""
        self._wake.set()

    def clear_host_failure(self) -> None:
        """The same host answered another poller: fetch at the usual pace again, where only the way there had failed.

        What the server said of this fetch alone still counts: a refusal, and how long it asked to wait.
        """
        error = self.status.error
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
        self._prefetched = self._start_fetch()

    def refresh(self) -> bool:
        """Fetch now, also while a fetch is under way; False where enough of them are."""
        if len(self._fetches) >= MAX_CONCURRENT_FETCHES:
            return False
        self._start_fetch()
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
            with record_response_times(self._clock) as times:
                answer = await self._request()
        except ScaicoreError as error:
            if number > self._last_applied:
                self._record_failure(error)
            return False
        if number <= self._last_applied:
            self._update(stale_dropped=self.status.stale_dropped + 1)
            return False
        self._last_applied = number
        true_at = self._choose_time(times) if times else began
        try:
            more = await self._on_result(answer, true_at)
        except StorageError as error:
            # What came can't be compared with a journal that can't be read; the next fetch brings it again.
            self._record_failure(error)
            return False
        # Where a newer answer was applied meanwhile, that is what is shown.
        self._record_success(began, true_at if number == self._last_applied else self.status.answered_at)
        return more

    def _start_fetch(self) -> asyncio.Task[bool]:
        task = asyncio.create_task(self.fetch())
        self._fetches.add(task)
        task.add_done_callback(self._fetches.discard)
        return task

    async def _fetch_or_prefetched(self) -> bool:
        ahead, self._prefetched = self._prefetched, None
        return await (self.fetch() if ahead is None else ahead)

    def _record_failure(self, error: ScaicoreError) -> None:
        # What it was raised from holds the body that came; it is kept for as long as it is told.
        error.__cause__ = error.__context__ = error.__traceback__ = None
        self._retry_after, self._server_wait = self._backoff.record_failure(error), error.retry_after or 0.0
        self._update(error=error, failures=self._backoff.failures)

    def _record_success(self, began: float, true_at: float | None) -> None:
        self._backoff.record_success()
        if self._retry_after or self._server_wait:
            self._retry_after = self._server_wait = 0.0
            # It may have been asked for by hand, while the next fetch is a long way off.
            self._wake.set()
        latency = (self._clock.monotonic() - began) * 1000
        self._update(answered_at=true_at, latency_ms=latency, error=None, failures=0, polls=self.status.polls + 1)

    async def _wait_until_due(self, began: float) -> None:
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
        free_at = min(
            now + budget.wait_time(self._priority), max(now, due + _WAIT_BEFORE_QUEUE_SLOTS * budget.slot_time)
        )
        return max(due, free_at, now + budget.held_for)

    @property
    def _delay(self) -> float:
        """Seconds from one fetch to the next."""
        return max(retry_delay(self._retry_after, is_attended=self._is_attended()) or self.interval, self._server_wait)

    def _update(self, **fields: object) -> None:
        self.status = replace(self.status, **fields)
        self._on_changed()
