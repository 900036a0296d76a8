"""Request budget: limits the requests of one process to one target in any 60 seconds, most urgent first.

The budget follows the rate limit headers of the server, which also count other clients of the same API key, and holds
back requests that the server would refuse. No priority of reads starves: one that was not served for
STARVED_AFTER_SLOTS gets the next free slot.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from enum import IntEnum, StrEnum
from itertools import count
from math import inf

from msgspec import Struct

from scaicore_tui.api.rate_window import WINDOW_S, CountedRequest, Window, read_quota
from scaicore_tui.clock import Clock, wait_for_event
from scaicore_tui.errors import RequestRejected
from scaicore_tui.protocol.headers import parse_retry_after, server_time

# Per API key and minute (API §5). Used until a response states the limit.
DOCUMENTED_REQUESTS_PER_MINUTE = 60
# A write that would have to wait longer is rejected, so that the person can decide what to do.
MAX_WRITE_WAIT_S = 15.0
# Pause after a 429 without Retry-After.
_DEFAULT_HOLD_S = 5.0
_TOO_MANY_REQUESTS = 429
# Shorter waits count as none: below the resolution of the clock.
_EPSILON_S = 1e-6


class Priority(IntEnum):
    """Purpose of a request, most urgent first."""

    WRITE = 0
    CHECKPOINTS = 1
    HEAD = 2
    BACKFILL = 3
    HISTORY = 4


class RequestResult(StrEnum):
    """The result of a request. NO_RESPONSE: the connection failed, or the request was given up."""

    OK = "ok"
    REJECTED = "rejected"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    NO_RESPONSE = "no_response"


# Priorities that are served only when no other request waits.
BACKGROUND = (Priority.BACKFILL, Priority.HISTORY)
# Slots each priority leaves unused for more urgent requests. A reserved slot is free now or becomes free in turn.
RESERVED_SLOTS = {
    Priority.WRITE: 0,
    Priority.CHECKPOINTS: 1,
    Priority.HEAD: 2,
    Priority.BACKFILL: 4,
    Priority.HISTORY: 10,
}
# A priority with waiting requests that was not served for this many slot times goes before all other reads, with one
# request. So it gets at least six, three or two of sixty slots, whatever the load of more urgent priorities.
STARVED_AFTER_SLOTS = {Priority.HEAD: 10, Priority.BACKFILL: 20, Priority.HISTORY: 30}
# Sort key of a starved priority: after writes, before all reads.
_STARVED_PRIORITY = Priority.WRITE + 0.5
# A reserved slot may become free this many times later than at full load.
_TURN_FACTOR = 1.4
# Background requests may send 1/6 of the limit in a burst. The rest is evenly paced, so that slots become free evenly.
_BURST_DIVISOR = 6
# Long checkpoint listings may send 1/3 of the available requests in a burst and are then paced to 1/2 of them per
# minute. Without this they would use up a whole minute's requests in its first seconds.
_LISTING_BURST_DIVISOR, _LISTING_DIVISOR = 3, 2
# Other clients of the same API key continue to send: 1/4 of their requests per minute is kept free for them, and at
# least 1/4 of the limit is assumed to be available to this process.
_OTHERS_DIVISOR = 4


class _Waiter(Struct, eq=False):
    """A request that waits for a slot. Within a priority, the lowest ticket goes first."""

    priority: Priority
    ticket: int
    queued_at: float


class RequestSlot:
    """The right to send one request. The sender calls `on_response` when the response arrives."""

    def __init__(self, budget: Budget, request: CountedRequest) -> None:
        self._budget = budget
        self.request = request

    def on_response(self, status: int, headers: Mapping[str, str]) -> float:
        """Update the budget from a response; return the server's time in Unix seconds."""
        return self._budget.on_response(self.request, status, headers)


class Budget:
    """Hands out request slots. Background requests leave `reserved_per_minute` requests to the regular polls."""

    def __init__(self, clock: Clock, limit: int | None = None) -> None:
        self.limit = limit or DOCUMENTED_REQUESTS_PER_MINUTE
        self.reserved_per_minute = 0.0
        self.refusals = 0
        # The number of requests so far by their result.
        self.results: Counter[RequestResult] = Counter()
        self.held_until: float | None = None
        self._clock = clock
        self._window = Window()
        # Ordered by ticket.
        self._queue: list[_Waiter] = []
        self._tickets = count(1)
        # When a request of each priority was last sent, in monotonic seconds.
        self._last_sent_at: dict[Priority, float] = {}
        self._paced_until = 0.0
        self._listing_paced_until = 0.0
        # Seconds by which the server's clock is ahead of ours, from the last response with a Date header.
        self.clock_skew = 0.0
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def slot(self, priority: Priority) -> AsyncIterator[RequestSlot]:
        """Wait for a slot and hold it for one request.

        Raises: RequestRejected for a write that would wait longer than MAX_WRITE_WAIT_S.
        """
        request = await self._acquire(priority)
        try:
            yield RequestSlot(self, request)
        finally:
            if request.answered_at is None:
                self.results[RequestResult.NO_RESPONSE] += 1
            self._window.mark_answered(request, self._clock.monotonic())
            self._wake()

    def wait_time(self, priority: Priority) -> float:
        """Return the seconds that a new request of `priority` would wait."""
        now = self._clock.monotonic()
        return self._wait_time(_Waiter(priority, 0, now), now)

    @property
    def available(self) -> float:
        """Requests per minute that other clients of the same API key leave to this process (estimate)."""
        return max(1.0, self.limit - self._window.count_by_others, self.limit / _OTHERS_DIVISOR)

    @property
    def requests_left(self) -> int:
        """The requests that the server accepts now before it answers 429 (estimate)."""
        return max(0, self.limit - self._window.expiries(self._clock.monotonic()).total)

    @property
    def held_for(self) -> float:
        """Seconds until requests may be sent again after a 429; 0 if there is no pause."""
        return max(0.0, (self.held_until or 0.0) - self._clock.monotonic())

    @property
    def slot_time(self) -> float:
        """Seconds between two slots at full load, at least 1."""
        return max(1.0, WINDOW_S / self.limit)

    def on_response(self, request: CountedRequest, status: int, headers: Mapping[str, str]) -> float:
        """Apply the rate limit headers of a response; return the server's time in Unix seconds.

        A 429 pauses all requests for its Retry-After.
        """
        now, ours = self._clock.monotonic(), self._clock.now()
        self._window.mark_answered(request, now)
        self.results[_result_of(status)] += 1
        server_now = server_time(headers)
        self.clock_skew = self.clock_skew if server_now is None else server_now - ours
        there = ours + self.clock_skew
        quota = read_quota(headers)
        reset_in = None if quota is None or quota.reset is None else quota.reset - there
        if status == _TOO_MANY_REQUESTS:
            self._hold(parse_retry_after(headers.get("Retry-After"), there), now)
        if quota is not None:
            self.limit = quota.limit
            self._window.reconcile(request, quota, now, reset_in)
        return there

    async def _acquire(self, priority: Priority) -> CountedRequest:
        waiter = _Waiter(priority, next(self._tickets), self._clock.monotonic())
        self._queue.append(waiter)
        try:
            while (seconds := self._wait_time(waiter, now := self._clock.monotonic())) > _EPSILON_S:
                if priority is Priority.WRITE and seconds > MAX_WRITE_WAIT_S:
                    raise self._refusal(seconds)
                starved_in = self._starved_at(waiter) - now
                await wait_for_event(
                    self._clock, min(seconds, starved_in) if starved_in > 0 else seconds, self._changed
                )
            return self._count_request(priority)
        finally:
            self._queue.remove(waiter)
            self._wake()

    def _wait_time(self, waiter: _Waiter, now: float) -> float:
        """Return the seconds until `waiter` may send."""
        starved = self._starved_waiters(now)
        is_starved = waiter in starved
        key = _queue_key(waiter, starved)
        ahead = sum(_queue_key(other, starved) < key for other in self._queue)
        free_at = max(
            now,
            *self._slots_free_at(RESERVED_SLOTS[Priority.CHECKPOINTS if is_starved else waiter.priority], ahead, now),
        )
        if waiter.priority in BACKGROUND and not is_starved:
            free_at = max(free_at, *self._paced_at(now))
        if waiter.priority is Priority.CHECKPOINTS:
            free_at = max(
                free_at,
                self._listing_paced_until - self._listing_spacing() * max(1, self.available // _LISTING_BURST_DIVISOR),
            )
        # Requests in flight may end earlier than assumed, so the wait is computed again after one window at the latest.
        return max(min(free_at, now + WINDOW_S), self.held_until or now) - now

    def _starved_waiters(self, now: float) -> list[_Waiter]:
        """Return the first waiter of each starved priority."""
        first: dict[Priority, _Waiter] = {}
        for waiter in self._queue:
            first.setdefault(waiter.priority, waiter)
        return [waiter for waiter in first.values() if self._starved_at(waiter) <= now]

    def _starved_at(self, waiter: _Waiter) -> float:
        """Return when the priority of `waiter` counts as starved, in monotonic seconds."""
        if waiter.priority not in STARVED_AFTER_SLOTS:
            return inf
        return (
            max(waiter.queued_at, self._last_sent_at.get(waiter.priority, 0.0))
            + STARVED_AFTER_SLOTS[waiter.priority] * self.slot_time
        )

    def _slots_free_at(self, reserve: int, ahead: int, now: float) -> Iterator[float]:
        """Yield the times when a slot is free after `ahead` others and when each slot of `reserve` remains free."""
        ends = self._window.expiries(now)
        others = -(-self._window.count_by_others // _OTHERS_DIVISOR)
        lacking = ends.total + ahead + 1 + others - self.limit
        turn = _TURN_FACTOR * WINDOW_S / self.limit
        return (ends.nth(lacking + left, now) - left * turn for left in range(reserve + 1))

    def _paced_at(self, now: float) -> Iterator[float]:
        """Yield when a background request is within its share per minute, and within its even pace after a burst."""
        ends = self._window.background_expiries()
        yield ends.nth(ends.total + 1 - int(self._background_share()), now)
        yield self._paced_until - self._background_spacing() * max(1, self.limit // _BURST_DIVISOR)

    def _count_request(self, priority: Priority) -> CountedRequest:
        now = self._clock.monotonic()
        self._last_sent_at[priority] = now
        if priority in BACKGROUND:
            self._paced_until = max(self._paced_until, now) + self._background_spacing()
        if priority is Priority.CHECKPOINTS:
            self._listing_paced_until = max(self._listing_paced_until, now) + self._listing_spacing()
        if self.held_until is not None and self.held_until <= now:
            self.held_until = None
        return self._window.add(now, is_background=priority in BACKGROUND)

    def _background_share(self) -> float:
        """Return the background requests per minute that leave room for polls and for other clients of the key."""
        return max(1.0, self.limit - self.reserved_per_minute - self._window.count_by_others)

    def _background_spacing(self) -> float:
        return WINDOW_S / self._background_share()

    def _listing_spacing(self) -> float:
        """Return the seconds between two pages of a checkpoint listing after its burst."""
        return _LISTING_DIVISOR * WINDOW_S / self.available

    def _hold(self, seconds: float | None, now: float) -> None:
        self.refusals += 1
        self.held_until = max(self.held_until or 0.0, now + (_DEFAULT_HOLD_S if seconds is None else seconds))

    def _refusal(self, seconds: float) -> RequestRejected:
        held = self.held_until is not None
        reason = "the server asked to wait (429)" if held else f"all {self.limit} requests of this minute are used"
        return RequestRejected(
            reason, effect="nothing was sent", hint=f"try again in {seconds:.0f} s", retry_after=seconds
        )

    def _wake(self) -> None:
        """Wake all waiters to compute their wait again: a request was queued, sent or answered."""
        self._changed.set()
        self._changed = asyncio.Event()


def _result_of(status: int) -> RequestResult:
    if status == _TOO_MANY_REQUESTS:
        return RequestResult.RATE_LIMITED
    if status >= 500:
        return RequestResult.SERVER_ERROR
    return RequestResult.OK if status < 300 else RequestResult.REJECTED


def _queue_key(waiter: _Waiter, starved: list[_Waiter]) -> tuple[float, int]:
    """Return the sort key of `waiter` in the queue; the lowest goes first."""
    return (_STARVED_PRIORITY if waiter in starved else waiter.priority, waiter.ticket)
