"""Poller: fetches one resource at an interval and passes the results on; retries with backoff.

Fetches are numbered when they start. A response older than the last applied one is dropped and counted, as the canvas
does. The age of the shown data is the age of the responses that it came from.
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
from scaicore_tui.log import Log, error_fields
from scaicore_tui.sync.status import SourceStatus

_log = Log(__name__)

# Bounds of the delay between two attempts.
MAX_RETRY_S, MIN_RETRY_S = 60.0, 1.0

# Returns a uniform random number in [0, 1).
RandomFn = Callable[[], float]

# Upper bound of the delay after a failure if a key was pressed in the last minute.
MAX_ATTENDED_RETRY_S = 15.0


def retry_delay(seconds: float, *, is_attended: bool) -> float:
    """Return the delay after a failure, capped if a person is at the screen (`is_attended`)."""
    return min(seconds, MAX_ATTENDED_RETRY_S) if is_attended else seconds


class Backoff:
    """Exponential backoff with jitter for a request that is repeated every `interval` seconds."""

    def __init__(self, interval: float, random: RandomFn) -> None:
        self._interval = interval
        self._random = random
        self.failures = 0

    def record_failure(self, error: ScaicoreError) -> float:
        """Count a failure; return a random delay below a doubling bound, at least the error's `retry_after`."""
        bound = min(MAX_RETRY_S, self._interval * 2.0 ** min(self.failures, 30))
        self.failures += 1
        return max(min(MIN_RETRY_S, self._interval), bound * self._random(), error.retry_after or 0.0)

    def record_success(self) -> None:
        """Reset the failure count."""
        self.failures = 0


MAX_CONCURRENT_FETCHES = 2
# A due fetch waits this many slot times outside the budget before it joins the budget's queue, which prevents
# starvation.
_WAIT_BEFORE_QUEUE_SLOTS = 2

T = TypeVar("T")


class Poller(Generic[T]):
    """Fetches until cancelled.

    `request` sends the request. `on_result` gets each response and when it was true (monotonic seconds), and returns
    True to fetch again at once. `on_changed` is called after each change of `status`. `choose_time` picks one of the
    times of all responses of a fetch. `is_attended` returns True if a key was pressed in the last minute.
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
        # Seconds between two successful fetches.
        self.interval = 0.0
        # Set while the poller is not paused.
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
        # Delay of the next fetch after failures, and the delay that the server requested, in seconds.
        self._retry_after = 0.0
        self._server_wait = 0.0
        self._fetches: set[asyncio.Task[bool]] = set()
        self._prefetched: asyncio.Task[bool] | None = None
        self._wake = asyncio.Event()
        self._due = False

    async def run(self) -> None:
        """Fetch at once, then one interval after the start of the last fetch, or at its end if it took longer."""
        try:
            while True:
                await self.not_paused.wait()
                began, self._due = self._clock.monotonic(), False
                if not await self._fetch_or_prefetched():
                    await self._wait_until_due(began)
        finally:
            await self.close()

    def wake(self) -> None:
        """Compute the time of the next fetch again: the interval changed, or a person is back."""
        self._wake.set()

    def clear_host_failure(self) -> None:
        """End the backoff after a connection or server failure, because the host answered another poller.

        A rejection of this request, and a requested delay, still apply.
        """
        error = self.status.error
        if self._retry_after and error is not None and (isinstance(error, Unreachable) or (error.status or 0) >= 500):
            self._retry_after = 0.0
            self._wake.set()

    async def close(self) -> None:
        """Cancel all fetches in flight."""
        for task in tuple(self._fetches):
            task.cancel()
        await asyncio.gather(*self._fetches, return_exceptions=True)

    def prefetch(self) -> None:
        """Start the first fetch before `run`, which then uses its result."""
        self._prefetched = self._start_fetch()

    def refresh(self) -> bool:
        """Fetch now, even during a fetch; return False if MAX_CONCURRENT_FETCHES are in flight."""
        if len(self._fetches) >= MAX_CONCURRENT_FETCHES:
            return False
        self._start_fetch()
        return True

    def pause(self, *, paused: bool) -> None:
        """Pause, or resume and fetch at once."""
        if paused:
            self.not_paused.clear()
        else:
            self.not_paused.set()
            self._due = True
            self._wake.set()

    async def fetch(self) -> bool:
        """Fetch once and apply the result unless it is outdated. Return True to fetch again at once."""
        number, began = next(self._numbers), self._clock.monotonic()
        try:
            with record_response_times(self._clock) as times:
                response = await self._request()
        except ScaicoreError as error:
            if number > self._last_applied:
                self._record_failure(error)
            return False
        if number <= self._last_applied:
            _log.info("late poll dropped", source=self._source)
            self._update(stale_dropped=self.status.stale_dropped + 1)
            return False
        self._last_applied = number
        true_at = self._choose_time(times) if times else began
        try:
            more = await self._on_result(response, true_at)
        except StorageError as error:
            # The journal could not be read or written. The next fetch brings the same data again.
            self._record_failure(error)
            return False
        # If a newer response was applied in the meantime, its data is shown.
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
        # The cause holds the response body; without it the stored error stays small.
        error.__cause__ = error.__context__ = error.__traceback__ = None
        self._retry_after, self._server_wait = self._backoff.record_failure(error), error.retry_after or 0.0
        _log.warning(
            "poll failed",
            source=self._source,
            failures=self._backoff.failures,
            retry_s=round(self._retry_after, 1),
            **error_fields(error),
        )
        self._update(error=error, failures=self._backoff.failures)

    def _record_success(self, began: float, true_at: float | None) -> None:
        self._backoff.record_success()
        if self._retry_after or self._server_wait:
            self._retry_after = self._server_wait = 0.0
            # After a manual refresh the next fetch may still be scheduled far ahead.
            self._wake.set()
        latency = (self._clock.monotonic() - began) * 1000
        self._update(answered_at=true_at, latency_ms=latency, error=None, failures=0, polls=self.status.polls + 1)

    async def _wait_until_due(self, began: float) -> None:
        """Wait until the next fetch is due and the budget has a free slot; both are checked again on each wake-up."""
        while not self._due:
            now = self._clock.monotonic()
            next_at = self._next_at(began, now)
            self._update(next_at=next_at)
            if next_at <= now:
                return
            self._wake.clear()
            await wait_for_event(self._clock, next_at - now, self._wake)

    def _next_at(self, began: float, now: float) -> float:
        """Return when to fetch next, in monotonic seconds."""
        budget, due = self._client.budget, began + self._delay
        free_at = min(
            now + budget.wait_time(self._priority), max(now, due + _WAIT_BEFORE_QUEUE_SLOTS * budget.slot_time)
        )
        return max(due, free_at, now + budget.held_for)

    @property
    def _source(self) -> str:
        """The polled resource, for the log."""
        return self._priority.name.lower()

    @property
    def _delay(self) -> float:
        """Seconds from one fetch to the next, including backoff."""
        return max(retry_delay(self._retry_after, is_attended=self._is_attended()) or self.interval, self._server_wait)

    def _update(self, **fields: object) -> None:
        self.status = replace(self.status, **fields)
        self._on_changed()
