"""The budget: all requests of one process to one target, so many in any sixty seconds, the most urgent first.

It never lets a request go that the server would refuse for its rate, as far as that can be known; what the server
says of its limit is believed, also where others spend from the same key. No rank of reads starves: one that got nothing
for STARVED_AFTER gets the next free slot.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from enum import IntEnum
from itertools import count
from math import inf

from msgspec import Struct

from scaicore_tui.api.rate_window import WINDOW_S, CountedRequest, Window, read_quota
from scaicore_tui.clock import Clock, wait_for_event
from scaicore_tui.errors import RequestRejected
from scaicore_tui.protocol.headers import retry_after, server_time

# Per API key and minute (API §5), where no answer has said otherwise.
DOCUMENTED_REQUESTS_PER_MINUTE = 60
# A write that would have to wait longer is refused: a person should know, and decide.
MAX_WRITE_WAIT_S = 15.0
# How long nothing is sent after a 429 that doesn't say.
_DEFAULT_HOLD_S = 5.0
_TOO_MANY_REQUESTS = 429
# Less than a clock can tell.
_EPSILON_S = 1e-6


class Priority(IntEnum):
    """What a request is for, the most urgent first."""

    WRITE = 0
    CHECKPOINTS = 1
    HEAD = 2
    BACKFILL = 3
    HISTORY = 4


# Those that wait until nothing else wants to go.
BACKGROUND = (Priority.BACKFILL, Priority.HISTORY)
# So many slots a request leaves to those more urgent: each is free now, or comes free in its turn, as at full load one
# does each second. Nobody then waits long for the next.
RESERVED_SLOTS = {
    Priority.WRITE: 0,
    Priority.CHECKPOINTS: 1,
    Priority.HEAD: 2,
    Priority.BACKFILL: 4,
    Priority.HISTORY: 10,
}
# A rank of which requests wait, and none went for the time of so many slots at full load, goes before all other reads,
# with one request. So out of sixty slots it gets at least six, three or two, however busy the ranks before it are.
STARVED_AFTER_SLOTS = {Priority.HEAD: 10, Priority.BACKFILL: 20, Priority.HISTORY: 30}
# Where a starved rank stands in the queue: behind writes, before all reads.
_STARVED_PRIORITY = Priority.WRITE + 0.5
# How many times as long as at full load a slot's turn may take.
_TURN_FACTOR = 1.4
# The share of the limit that catching up may spend at once; the rest of it goes evenly, so that slots come free evenly.
_BURST_DIVISOR = 6
# Listings of many pages would spend a minute's requests in its first seconds, and nothing would go for the rest of it:
# the share of what is available that they may spend at once, and the share that they have in a minute, evenly.
_LISTING_BURST_DIVISOR, _LISTING_DIVISOR = 3, 2
# Others who spend from the same key go on spending: for so large a share of a minute of it there is always room.
_OTHERS_DIVISOR = 4


class _Waiter(Struct, eq=False):
    """A request that waits for a slot, since when it does; the lowest ticket of a rank goes first."""

    priority: Priority
    ticket: int
    queued_at: float


class RequestSlot:
    """The right to send one request. Whoever sends it lets it hear the answer."""

    def __init__(self, budget: Budget, spent: CountedRequest) -> None:
        self._budget = budget
        self.request = spent

    def on_response(self, status: int, headers: Mapping[str, str]) -> float:
        """The answer came, with these headers; returns the time at the server, in Unix seconds."""
        return self._budget.on_response(self.request, status, headers)


class Budget:
    """Hands out slots. `upkeep` is how many requests a minute the regular reads need: catching up leaves them room."""

    def __init__(self, clock: Clock, limit: int | None = None) -> None:
        self.limit = limit or DOCUMENTED_REQUESTS_PER_MINUTE
        self.reserved_per_minute = 0.0
        self.refusals = 0
        self.held_until: float | None = None
        self._clock = clock
        self._window = Window()
        # In the order of their tickets.
        self._queue: list[_Waiter] = []
        self._tickets = count(1)
        # When each rank went last, in monotonic seconds.
        self._last_sent_at: dict[Priority, float] = {}
        self._paced_until = 0.0
        self._listing_paced_until = 0.0
        # By so many seconds the server's clock is ahead of ours, as the last answer with a date said.
        self.clock_skew = 0.0
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def slot(self, priority: Priority) -> AsyncIterator[RequestSlot]:
        """Wait for a slot, and hold it for one request. Raises Refused for a write that would wait too long."""
        spent = await self._acquire(priority)
        try:
            yield RequestSlot(self, spent)
        finally:
            self._window.mark_answered(spent, self._clock.monotonic())
            self._wake()

    def wait_time(self, priority: Priority) -> float:
        """Seconds until a request of that rank could go, if it came now."""
        now = self._clock.monotonic()
        return self._wait_time(_Waiter(priority, 0, now), now)

    @property
    def available(self) -> float:
        """How many of a minute's requests others on the same key leave to us, as far as it shows."""
        return max(1.0, self.limit - self._window.count_by_others, self.limit / _OTHERS_DIVISOR)

    @property
    def held_for(self) -> float:
        """Seconds that nothing may be sent after a 429; 0 where there was none, or it is over."""
        return max(0.0, (self.held_until or 0.0) - self._clock.monotonic())

    @property
    def slot_time(self) -> float:
        """How often a slot comes free at full load, in seconds, but never oftener than each second."""
        return max(1.0, WINDOW_S / self.limit)

    def on_response(self, request: CountedRequest, status: int, headers: Mapping[str, str]) -> float:
        """Take what an answer says of the limit; returns the time at the server. A 429 holds everything back for as
        long as it says."""
        now, ours = self._clock.monotonic(), self._clock.now()
        self._window.mark_answered(request, now)
        told = server_time(headers)
        self.clock_skew = self.clock_skew if told is None else told - ours
        there = ours + self.clock_skew
        quota = read_quota(headers)
        reset_in = None if quota is None or quota.reset is None else quota.reset - there
        if status == _TOO_MANY_REQUESTS:
            self._hold(retry_after(headers.get("Retry-After"), there), now)
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
        """Seconds until it is the turn of that one."""
        starved = self._starved_waiters(now)
        is_starved = waiter in starved
        place = _queue_key(waiter, starved)
        ahead = sum(_queue_key(other, starved) < place for other in self._queue)
        moment = max(
            now,
            *self._slots_free_at(RESERVED_SLOTS[Priority.CHECKPOINTS if is_starved else waiter.priority], ahead, now),
        )
        if waiter.priority in BACKGROUND and not is_starved:
            moment = max(moment, *self._paced_at(now))
        if waiter.priority is Priority.CHECKPOINTS:
            moment = max(
                moment,
                self._listing_paced_until - self._listing_spacing() * max(1, self.available // _LISTING_BURST_DIVISOR),
            )
        # What is under way may end sooner than it must, so that it pays to look again.
        return max(min(moment, now + WINDOW_S), self.held_until or now) - now

    def _starved_waiters(self, now: float) -> list[_Waiter]:
        """The first in the queue of each rank that got nothing for too long."""
        first: dict[Priority, _Waiter] = {}
        for waiter in self._queue:
            first.setdefault(waiter.priority, waiter)
        return [waiter for waiter in first.values() if self._starved_at(waiter) <= now]

    def _starved_at(self, waiter: _Waiter) -> float:
        """When its rank will have got nothing for too long."""
        if waiter.priority not in STARVED_AFTER_SLOTS:
            return inf
        return (
            max(waiter.queued_at, self._last_sent_at.get(waiter.priority, 0.0))
            + STARVED_AFTER_SLOTS[waiter.priority] * self.slot_time
        )

    def _slots_free_at(self, reserve: int, ahead: int, now: float) -> Iterator[float]:
        """When there is a slot behind those `ahead`, and when enough are left for the more urgent."""
        ends = self._window.expiries(now)
        others = -(-self._window.count_by_others // _OTHERS_DIVISOR)
        lacking = ends.total + ahead + 1 + others - self.limit
        turn = _TURN_FACTOR * WINDOW_S / self.limit
        return (ends.nth(lacking + left, now) - left * turn for left in range(reserve + 1))

    def _paced_at(self, now: float) -> Iterator[float]:
        """When a patient request keeps to its share of the minute, and to an even pace after the first few."""
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
        """How many patient requests a minute leave room for the regular ones, and for others on the same key."""
        return max(1.0, self.limit - self.reserved_per_minute - self._window.count_by_others)

    def _background_spacing(self) -> float:
        return WINDOW_S / self._background_share()

    def _listing_spacing(self) -> float:
        """Seconds between two pages of checkpoints, after the first few."""
        return _LISTING_DIVISOR * WINDOW_S / self.available

    def _hold(self, seconds: float | None, now: float) -> None:
        self.refusals += 1
        self.held_until = max(self.held_until or 0.0, now + (_DEFAULT_HOLD_S if seconds is None else seconds))

    def _refusal(self, seconds: float) -> RequestRejected:
        held = self.held_until is not None
        reason = "the server asked to wait (429)" if held else f"all {self.limit} requests of this minute are spent"
        return RequestRejected(reason, effect="nothing was sent", hint=f"again in {seconds:.0f} s", retry_after=seconds)

    def _wake(self) -> None:
        """Somebody came, went or was answered: whoever waits looks again."""
        self._changed.set()
        self._changed = asyncio.Event()


def _queue_key(waiter: _Waiter, starved: list[_Waiter]) -> tuple[float, int]:
    """Where it stands in the queue: the lowest goes first."""
    return (_STARVED_PRIORITY if waiter in starved else waiter.priority, waiter.ticket)
