"""The budget: all requests of one process to one target, so many in any sixty seconds, the most urgent first.

It never lets a request go that the server would refuse for its rate, as far as that can be known; what the server
says of its limit is believed, also where others spend from the same key.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from enum import IntEnum
from itertools import count

from scaicore_tui.clock import Clock
from scaicore_tui.errors import Refused
from scaicore_tui.feed.quota import read_quota, retry_after, server_time
from scaicore_tui.feed.waiting import sleep_or
from scaicore_tui.feed.window import WINDOW, Spent, Window

# Per API key and minute (API §5), where no answer has said otherwise.
DOCUMENTED_LIMIT = 60
# A write that would have to wait longer is refused: a person should know, and decide.
PATIENCE = 15.0
# How long nothing is sent after a 429 that doesn't say.
_UNTOLD_HOLD = 5.0
_TOO_MANY = 429
# Less than a clock can tell.
_NOTHING = 1e-6


class Rank(IntEnum):
    """What a request is for, the most urgent first."""

    WRITE = 0
    CHECKPOINTS = 1
    HEAD = 2
    CATCH_UP = 3
    HISTORY = 4


# Those that wait until nothing else wants to go.
PATIENT = (Rank.CATCH_UP, Rank.HISTORY)
# So many slots a request leaves to those more urgent: each is free now, or comes free in its turn, as at full load one
# does each second. Nobody then waits long for the next.
RESERVE = {Rank.WRITE: 0, Rank.CHECKPOINTS: 1, Rank.HEAD: 2, Rank.CATCH_UP: 4, Rank.HISTORY: 10}
# How many times as long as at full load a slot's turn may take.
_TURN = 1.4
# The share of the limit that catching up may spend at once; the rest of it goes evenly, so that slots come free evenly.
_AT_ONCE = 6
# Others who spend from the same key go on spending: for so large a share of a minute of it there is always room.
_OTHERS_SHARE = 4


class Slot:
    """The right to send one request. Whoever sends it lets it hear the answer."""

    def __init__(self, budget: Budget, spent: Spent) -> None:
        self._budget = budget
        self.spent = spent

    def heard(self, status: int, headers: Mapping[str, str]) -> None:
        """The answer came, with these headers."""
        self._budget.heard(self.spent, status, headers)


class Budget:
    """Hands out slots. `upkeep` is how many requests a minute the regular reads need: catching up leaves them room."""

    def __init__(self, clock: Clock, limit: int | None = None) -> None:
        self.limit = limit or DOCUMENTED_LIMIT
        self.upkeep = 0.0
        self.refusals = 0
        self.held_until: float | None = None
        self._clock = clock
        self._window = Window()
        self._queue: list[tuple[Rank, int]] = []
        self._places = count()
        self._even = 0.0
        self._stirred = asyncio.Event()

    @asynccontextmanager
    async def slot(self, rank: Rank) -> AsyncIterator[Slot]:
        """Wait for a slot, and hold it for one request. Raises Refused for a write that would wait too long."""
        spent = await self._take(rank)
        try:
            yield Slot(self, spent)
        finally:
            self._window.ended(spent, self._clock.monotonic())
            self._stir()

    def wait(self, rank: Rank) -> float:
        """Seconds until a request of that rank could go, if it came now."""
        return self._wait((rank, 0))

    def heard(self, spent: Spent, status: int, headers: Mapping[str, str]) -> None:
        """Take what an answer says of the limit. A 429 holds everything back for as long as it says."""
        now = self._clock.monotonic()
        self._window.ended(spent, now)
        quota = read_quota(headers)
        there = server_time(headers) or self._clock.now()
        reset_in = None if quota is None or quota.reset is None else quota.reset - there
        if status == _TOO_MANY:
            self._hold(retry_after(headers), now)
        if quota is not None:
            self.limit = quota.limit
            self._window.reconcile(spent, quota, now, reset_in)

    async def _take(self, rank: Rank) -> Spent:
        place = (rank, next(self._places))
        self._queue.append(place)
        try:
            while (seconds := self._wait(place)) > _NOTHING:
                if rank is Rank.WRITE and seconds > PATIENCE:
                    raise self._refusal(seconds)
                await sleep_or(self._clock, seconds, self._stirred)
            return self._spend(rank)
        finally:
            self._queue.remove(place)
            self._stir()

    def _wait(self, place: tuple[Rank, int]) -> float:
        """Seconds until it is the turn of whoever is at `place`."""
        rank, now = place[0], self._clock.monotonic()
        ahead = sum(other < place for other in self._queue)
        moment = max(now, *self._free_at(rank, ahead, now))
        if rank in PATIENT:
            moment = max(moment, *self._even_at(now))
        # What is under way may end sooner than it must, so that it pays to look again.
        return max(min(moment, now + WINDOW), self.held_until or now) - now

    def _free_at(self, rank: Rank, ahead: int, now: float) -> Iterator[float]:
        """When there is a slot behind those `ahead`, and when enough are left for the more urgent."""
        ends = self._window.ends(now)
        others = -(-self._window.foreign // _OTHERS_SHARE)
        lacking = len(ends) + ahead + 1 + others - self.limit
        turn = _TURN * WINDOW / self.limit
        return (_nth(ends, lacking + left, now) - left * turn for left in range(RESERVE[rank] + 1))

    def _even_at(self, now: float) -> Iterator[float]:
        """When a patient request keeps to its share of the minute, and to an even pace after the first few."""
        ends = self._window.patient_ends()
        yield _nth(ends, len(ends) + 1 - int(self._share()), now)
        yield self._even - self._gap() * max(1, self.limit // _AT_ONCE)

    def _spend(self, rank: Rank) -> Spent:
        now = self._clock.monotonic()
        if rank in PATIENT:
            self._even = max(self._even, now) + self._gap()
        if self.held_until is not None and self.held_until <= now:
            self.held_until = None
        return self._window.add(now, patient=rank in PATIENT)

    def _share(self) -> float:
        """How many patient requests a minute leave room for the regular ones, and for others on the same key."""
        return max(1.0, self.limit - self.upkeep - self._window.foreign)

    def _gap(self) -> float:
        return WINDOW / self._share()

    def _hold(self, seconds: float | None, now: float) -> None:
        self.refusals += 1
        self.held_until = max(self.held_until or 0.0, now + (_UNTOLD_HOLD if seconds is None else seconds))

    def _refusal(self, seconds: float) -> Refused:
        held = self.held_until is not None
        reason = "the server asked to wait (429)" if held else f"all {self.limit} requests of this minute are spent"
        return Refused(reason, kept="nothing was sent", hint=f"again in {seconds:.0f} s", retry_after=seconds)

    def _stir(self) -> None:
        """Somebody came, went or was answered: whoever waits looks again."""
        self._stirred.set()
        self._stirred = asyncio.Event()


def _nth(ends: Sequence[float], number: int, now: float) -> float:
    """When so many of them have ended; a window with fewer can't give more than all it has."""
    return ends[min(number, len(ends)) - 1] if number > 0 and ends else now
