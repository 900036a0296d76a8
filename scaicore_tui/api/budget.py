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

from scaicore_tui.api.rate_window import WINDOW, CountedRequest, Window, read_quota
from scaicore_tui.clock import Clock, wait_for_event
from scaicore_tui.errors import RequestRejected
from scaicore_tui.protocol.headers import parse_retry_after, server_time

# Per API key and minute (API §5), where no answer has said otherwise.
DOCUMENTED_LIMIT = 60
# A write that would have to wait longer is refused: a person should know, and decide.
PATIENCE = 15.0
# How long nothing is sent after a 429 that doesn't say.
_UNTOLD_HOLD = 5.0
_TOO_MANY = 429
# Less than a clock can tell.
_NOTHING = 1e-6


class Priority(IntEnum):
    """What a request is for, the most urgent first."""

    WRITE = 0
    CHECKPOINTS = 1
    HEAD = 2
    CATCH_UP = 3
    HISTORY = 4


# Those that wait until nothing else wants to go.
BACKGROUND = (Priority.CATCH_UP, Priority.HISTORY)
# So many slots a request leaves to those more urgent: each is free now, or comes free in its turn, as at full load one
# does each second. Nobody then waits long for the next.
RESERVE = {Priority.WRITE: 0, Priority.CHECKPOINTS: 1, Priority.HEAD: 2, Priority.CATCH_UP: 4, Priority.HISTORY: 10}
# A rank of which requests wait, and none went for the time of so many slots at full load, goes before all other reads,
# with one request. So out of sixty slots it gets at least six, three or two, however busy the ranks before it are.
STARVED_AFTER = {Priority.HEAD: 10, Priority.CATCH_UP: 20, Priority.HISTORY: 30}
# Where a starved rank stands in the queue: behind writes, before all reads.
_STARVED = Priority.WRITE + 0.5
# How many times as long as at full load a slot's turn may take.
_TURN = 1.4
# The share of the limit that catching up may spend at once; the rest of it goes evenly, so that slots come free evenly.
_AT_ONCE = 6
# Listings of many pages would spend a minute's requests in its first seconds, and nothing would go for the rest of it:
# the share of what is available that they may spend at once, and the share that they have in a minute, evenly.
_LISTED_AT_ONCE, _LISTED = 3, 2
# Others who spend from the same key go on spending: for so large a share of a minute of it there is always room.
_OTHERS_SHARE = 4


class _Waiter(Struct, eq=False):
    """A request that waits for a slot, since when it does; the lowest ticket of a rank goes first."""

    rank: Priority
    ticket: int
    since: float


class RequestSlot:
    """The right to send one request. Whoever sends it lets it hear the answer."""

    def __init__(self, budget: Budget, spent: CountedRequest) -> None:
        self._budget = budget
        self.spent = spent

    def on_response(self, status: int, headers: Mapping[str, str]) -> float:
        """The answer came, with these headers; returns the time at the server, in Unix seconds."""
        return self._budget.on_response(self.spent, status, headers)


class Budget:
    """Hands out slots. `upkeep` is how many requests a minute the regular reads need: catching up leaves them room."""

    def __init__(self, clock: Clock, limit: int | None = None) -> None:
        self.limit = limit or DOCUMENTED_LIMIT
        self.reserved_per_minute = 0.0
        self.refusals = 0
        self.held_until: float | None = None
        self._clock = clock
        self._window = Window()
        # In the order of their tickets.
        self._queue: list[_Waiter] = []
        self._tickets = count(1)
        # When each rank went last, in monotonic seconds.
        self._served: dict[Priority, float] = {}
        self._paced_until = 0.0
        self._listed = 0.0
        # By so many seconds the server's clock is ahead of ours, as the last answer with a date said.
        self.skew = 0.0
        self._stirred = asyncio.Event()

    @asynccontextmanager
    async def slot(self, rank: Priority) -> AsyncIterator[RequestSlot]:
        """Wait for a slot, and hold it for one request. Raises Refused for a write that would wait too long."""
        spent = await self._take(rank)
        try:
            yield RequestSlot(self, spent)
        finally:
            self._window.ended(spent, self._clock.monotonic())
            self._wake()

    def wait(self, rank: Priority) -> float:
        """Seconds until a request of that rank could go, if it came now."""
        now = self._clock.monotonic()
        return self._wait(_Waiter(rank, 0, now), now)

    @property
    def available(self) -> float:
        """How many of a minute's requests others on the same key leave to us, as far as it shows."""
        return max(1.0, self.limit - self._window.foreign, self.limit / _OTHERS_SHARE)

    @property
    def held_for(self) -> float:
        """Seconds that nothing may be sent after a 429; 0 where there was none, or it is over."""
        return max(0.0, (self.held_until or 0.0) - self._clock.monotonic())

    @property
    def slot_time(self) -> float:
        """How often a slot comes free at full load, in seconds, but never oftener than each second."""
        return max(1.0, WINDOW / self.limit)

    def on_response(self, spent: CountedRequest, status: int, headers: Mapping[str, str]) -> float:
        """Take what an answer says of the limit; returns the time at the server. A 429 holds everything back for as
        long as it says."""
        now, ours = self._clock.monotonic(), self._clock.now()
        self._window.ended(spent, now)
        told = server_time(headers)
        self.skew = self.skew if told is None else told - ours
        there = ours + self.skew
        quota = read_quota(headers)
        reset_in = None if quota is None or quota.reset is None else quota.reset - there
        if status == _TOO_MANY:
            self._hold(parse_retry_after(headers.get("Retry-After"), there), now)
        if quota is not None:
            self.limit = quota.limit
            self._window.reconcile(spent, quota, now, reset_in)
        return there

    async def _take(self, rank: Priority) -> CountedRequest:
        waiter = _Waiter(rank, next(self._tickets), self._clock.monotonic())
        self._queue.append(waiter)
        try:
            while (seconds := self._wait(waiter, now := self._clock.monotonic())) > _NOTHING:
                if rank is Priority.WRITE and seconds > PATIENCE:
                    raise self._refusal(seconds)
                starved_in = self._starved_at(waiter) - now
                await wait_for_event(
                    self._clock, min(seconds, starved_in) if starved_in > 0 else seconds, self._stirred
                )
            return self._spend(rank)
        finally:
            self._queue.remove(waiter)
            self._wake()

    def _wait(self, waiter: _Waiter, now: float) -> float:
        """Seconds until it is the turn of that one."""
        starved = self._starved(now)
        is_starved = waiter in starved
        place = _place(waiter, starved)
        ahead = sum(_place(other, starved) < place for other in self._queue)
        moment = max(now, *self._free_at(RESERVE[Priority.CHECKPOINTS if is_starved else waiter.rank], ahead, now))
        if waiter.rank in BACKGROUND and not is_starved:
            moment = max(moment, *self._even_at(now))
        if waiter.rank is Priority.CHECKPOINTS:
            moment = max(moment, self._listed - self._listing_gap() * max(1, self.available // _LISTED_AT_ONCE))
        # What is under way may end sooner than it must, so that it pays to look again.
        return max(min(moment, now + WINDOW), self.held_until or now) - now

    def _starved(self, now: float) -> list[_Waiter]:
        """The first in the queue of each rank that got nothing for too long."""
        first: dict[Priority, _Waiter] = {}
        for waiter in self._queue:
            first.setdefault(waiter.rank, waiter)
        return [waiter for waiter in first.values() if self._starved_at(waiter) <= now]

    def _starved_at(self, waiter: _Waiter) -> float:
        """When its rank will have got nothing for too long."""
        if waiter.rank not in STARVED_AFTER:
            return inf
        return max(waiter.since, self._served.get(waiter.rank, 0.0)) + STARVED_AFTER[waiter.rank] * self.slot_time

    def _free_at(self, reserve: int, ahead: int, now: float) -> Iterator[float]:
        """When there is a slot behind those `ahead`, and when enough are left for the more urgent."""
        ends = self._window.ends(now)
        others = -(-self._window.foreign // _OTHERS_SHARE)
        lacking = ends.total + ahead + 1 + others - self.limit
        turn = _TURN * WINDOW / self.limit
        return (ends.nth(lacking + left, now) - left * turn for left in range(reserve + 1))

    def _even_at(self, now: float) -> Iterator[float]:
        """When a patient request keeps to its share of the minute, and to an even pace after the first few."""
        ends = self._window.patient_ends()
        yield ends.nth(ends.total + 1 - int(self._share()), now)
        yield self._paced_until - self._gap() * max(1, self.limit // _AT_ONCE)

    def _spend(self, rank: Priority) -> CountedRequest:
        now = self._clock.monotonic()
        self._served[rank] = now
        if rank in BACKGROUND:
            self._paced_until = max(self._paced_until, now) + self._gap()
        if rank is Priority.CHECKPOINTS:
            self._listed = max(self._listed, now) + self._listing_gap()
        if self.held_until is not None and self.held_until <= now:
            self.held_until = None
        return self._window.add(now, patient=rank in BACKGROUND)

    def _share(self) -> float:
        """How many patient requests a minute leave room for the regular ones, and for others on the same key."""
        return max(1.0, self.limit - self.reserved_per_minute - self._window.foreign)

    def _gap(self) -> float:
        return WINDOW / self._share()

    def _listing_gap(self) -> float:
        """Seconds between two pages of checkpoints, after the first few."""
        return _LISTED * WINDOW / self.available

    def _hold(self, seconds: float | None, now: float) -> None:
        self.refusals += 1
        self.held_until = max(self.held_until or 0.0, now + (_UNTOLD_HOLD if seconds is None else seconds))

    def _refusal(self, seconds: float) -> RequestRejected:
        held = self.held_until is not None
        reason = "the server asked to wait (429)" if held else f"all {self.limit} requests of this minute are spent"
        return RequestRejected(reason, effect="nothing was sent", hint=f"again in {seconds:.0f} s", retry_after=seconds)

    def _wake(self) -> None:
        """Somebody came, went or was answered: whoever waits looks again."""
        self._stirred.set()
        self._stirred = asyncio.Event()


def _place(waiter: _Waiter, starved: list[_Waiter]) -> tuple[float, int]:
    """Where it stands in the queue: the lowest goes first."""
    return (_STARVED if waiter in starved else waiter.rank, waiter.ticket)
