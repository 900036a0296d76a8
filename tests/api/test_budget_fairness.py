"""The budget starves nobody: each kind of read gets its share, however fast the polls want to go."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from itertools import pairwise

import pytest

from scaicore_tui.api.budget import Budget, Priority
from scaicore_tui.sync.pollers import POLL_SHARE, allowed_interval, requests_per_minute
from tests.support.manual_clock import ManualClock
from tests.support.rate_limited_server import RateLimitedServer
from tests.support.waiting import yield_once

MINUTES = 6


class Readers:
    """Several readers on one budget: each asks again as soon as it was answered."""

    def __init__(self, limit: int, *, tells: bool = True) -> None:
        self.clock = ManualClock()
        self.budget = Budget(self.clock, limit)
        self.refused = 0
        self.sent: dict[Priority, list[float]] = defaultdict(list)
        self.waits: dict[Priority, list[float]] = defaultdict(list)
        self._server = RateLimitedServer(self.clock, limit, sends_headers=tells)
        self._tasks: list[asyncio.Task[None]] = []

    def read(self, rank: Priority, pause: float = 0.0) -> None:
        """Add a reader of that rank, which pauses so long after each answer."""
        self._tasks.append(asyncio.create_task(self._read(rank, pause)))

    async def _read(self, rank: Priority, pause: float) -> None:
        while True:
            wanted = self.clock.monotonic()
            async with self.budget.slot(rank) as slot:
                self.waits[rank].append(self.clock.monotonic() - wanted)
                self.sent[rank].append(self.clock.monotonic())
                await self.clock.sleep(0.2)
                status, headers = self._server.count_request()
                self.refused += status == 429
                slot.on_response(status, headers)
            await self.clock.sleep(pause)

    async def pass_time(self, until: float) -> None:
        """Let time pass until then."""
        for _ in range(12):
            await yield_once()
        while self.clock.monotonic() < until:
            self.clock.skip()
            for _ in range(12):
                await yield_once()

    async def stop(self) -> None:
        """Let all readers end."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    def longest_gap(self, rank: Priority) -> float:
        """Return the longest time in which no request of that rank went, the begin included."""
        return max(later - sooner for sooner, later in pairwise([0.0, *self.sent[rank]]))


@pytest.mark.parametrize("limit", [20, 60])
async def test_each_rank_gets_its_share_while_the_ranks_before_it_want_everything(limit: int) -> None:
    readers = Readers(limit)
    for rank in (
        Priority.CHECKPOINTS,
        Priority.CHECKPOINTS,
        Priority.HEAD,
        Priority.HEAD,
        Priority.BACKFILL,
        Priority.HISTORY,
    ):
        readers.read(rank)
    readers.read(Priority.WRITE, pause=37.0)
    await readers.pass_time(MINUTES * 60 * 60 / limit)
    await readers.stop()
    slot_time = 60 / limit
    # The first minute's requests go at once: until they are forgotten, a minute passes.
    assert readers.longest_gap(Priority.HEAD) <= 60 + 14 * slot_time
    assert readers.longest_gap(Priority.BACKFILL) <= 60 + 24 * slot_time
    assert readers.longest_gap(Priority.HISTORY) <= 60 + 36 * slot_time
    shares = {rank: len(sent) / (MINUTES * 60) for rank, sent in readers.sent.items()}
    assert shares[Priority.HEAD] > 0.07
    assert shares[Priority.BACKFILL] > 0.03
    assert shares[Priority.HISTORY] > 0.018
    assert max(readers.waits[Priority.WRITE]) < 2.5 * slot_time
    assert readers.refused == 0


async def test_one_starved_request_goes_and_not_the_whole_queue_behind_it() -> None:
    readers = Readers(60)
    # One a second for a minute: from then on one slot a second comes free.
    readers.read(Priority.WRITE, pause=0.8)
    await readers.pass_time(60)
    await readers.stop()
    for rank in (*[Priority.HEAD] * 3, *[Priority.HISTORY] * 8):
        readers.read(rank)
    await readers.pass_time(160)
    await readers.stop()
    starved = readers.sent[Priority.HISTORY]
    assert len(starved) == 3
    assert min(later - sooner for sooner, later in pairwise([60.0, *starved])) >= 30
    assert len(readers.sent[Priority.HEAD]) > 90
    assert readers.refused == 0


async def test_pages_of_checkpoints_go_evenly_after_the_first_few() -> None:
    readers = Readers(60)
    for _ in range(3):
        readers.read(Priority.CHECKPOINTS)
    await readers.pass_time(180)
    await readers.stop()
    sent = readers.sent[Priority.CHECKPOINTS]
    assert sum(moment < 10 for moment in sent) >= 20
    assert max(later - sooner for sooner, later in pairwise(sent)) <= 2.5
    assert max(readers.budget.wait_time(rank) for rank in (Priority.WRITE, Priority.HEAD)) < 2


def test_polls_leave_a_third_of_the_limit_to_others() -> None:
    assert allowed_interval(1.0, 60) == 3.0
    assert allowed_interval(1.0, 120) == 2.0
    assert allowed_interval(5.0, 60) == 5.0
    # Two that poll at the usual interval on one key: neither needs to change, whatever the estimate of the other says.
    assert [allowed_interval(5.0, available) for available in (30, 33, 36)] == [5.0, 5.0, 5.0]
    assert allowed_interval(1.0, 20) == 9.0
    assert allowed_interval(0.1, 1_000) == 0.2
    assert allowed_interval(5.0, 1) == 180.0
    for available in range(1, 500):
        assert requests_per_minute(allowed_interval(0.01, available)) <= POLL_SHARE * available + 1e-6


async def test_what_others_spend_is_not_available() -> None:
    clock = ManualClock()
    budget = Budget(clock, 60)
    assert budget.available == 60
    headers = {"Limit": "60", "Remaining": "29"}
    async with budget.slot(Priority.HEAD) as slot:
        slot.on_response(200, {f"X-Scaigrid-Ratelimit-{name}": value for name, value in headers.items()})
    assert budget.available == 30
    async with budget.slot(Priority.HEAD) as slot:
        slot.on_response(200, {"X-Scaigrid-Ratelimit-Limit": "60", "X-Scaigrid-Ratelimit-Remaining": "0"})
    assert budget.available == 15
