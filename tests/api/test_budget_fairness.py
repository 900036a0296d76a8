"""The budget is fair: each kind of read gets its share, however short the poll interval is."""

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
    """Several readers that share a budget: each sends its next request as soon as the last one was answered."""

    def __init__(self, limit: int, *, sends_headers: bool = True) -> None:
        self.clock = ManualClock()
        self.budget = Budget(self.clock, limit)
        self.refused = 0
        self.sent: dict[Priority, list[float]] = defaultdict(list)
        self.waits: dict[Priority, list[float]] = defaultdict(list)
        self._server = RateLimitedServer(self.clock, limit, sends_headers=sends_headers)
        self._tasks: list[asyncio.Task[None]] = []

    def read(self, priority: Priority, pause: float = 0.0) -> None:
        """Add a reader with that priority, which pauses for `pause` seconds after each response."""
        self._tasks.append(asyncio.create_task(self._read(priority, pause)))

    async def _read(self, priority: Priority, pause: float) -> None:
        while True:
            requested_at = self.clock.monotonic()
            async with self.budget.slot(priority) as slot:
                self.waits[priority].append(self.clock.monotonic() - requested_at)
                self.sent[priority].append(self.clock.monotonic())
                await self.clock.sleep(0.2)
                status, headers = self._server.count_request()
                self.refused += status == 429
                slot.on_response(status, headers)
            await self.clock.sleep(pause)

    async def pass_time(self, until: float) -> None:
        """Advance the clock to `until`."""
        for _ in range(12):
            await yield_once()
        while self.clock.monotonic() < until:
            self.clock.skip()
            for _ in range(12):
                await yield_once()

    async def stop(self) -> None:
        """Stop all readers."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    def longest_gap(self, priority: Priority) -> float:
        """Return the longest time without a request of that priority, counted from the start."""
        return max(later - earlier for earlier, later in pairwise([0.0, *self.sent[priority]]))


@pytest.mark.parametrize("limit", [20, 60])
async def test_each_priority_gets_its_share_while_higher_ones_use_all_they_get(limit: int) -> None:
    readers = Readers(limit)
    for priority in (
        Priority.CHECKPOINTS,
        Priority.CHECKPOINTS,
        Priority.HEAD,
        Priority.HEAD,
        Priority.BACKFILL,
        Priority.HISTORY,
    ):
        readers.read(priority)
    readers.read(Priority.WRITE, pause=37.0)
    await readers.pass_time(MINUTES * 60 * 60 / limit)
    await readers.stop()
    slot_time = 60 / limit
    # The first minute's requests are sent at once; they count for one minute.
    assert readers.longest_gap(Priority.HEAD) <= 60 + 14 * slot_time
    assert readers.longest_gap(Priority.BACKFILL) <= 60 + 24 * slot_time
    assert readers.longest_gap(Priority.HISTORY) <= 60 + 36 * slot_time
    shares = {priority: len(sent) / (MINUTES * 60) for priority, sent in readers.sent.items()}
    assert shares[Priority.HEAD] > 0.07
    assert shares[Priority.BACKFILL] > 0.03
    assert shares[Priority.HISTORY] > 0.018
    assert max(readers.waits[Priority.WRITE]) < 2.5 * slot_time
    assert readers.refused == 0


async def test_only_one_starved_request_at_a_time_overtakes() -> None:
    readers = Readers(60)
    # One request a second for a minute: after that one slot becomes free each second.
    readers.read(Priority.WRITE, pause=0.8)
    await readers.pass_time(60)
    await readers.stop()
    for priority in (*[Priority.HEAD] * 3, *[Priority.HISTORY] * 8):
        readers.read(priority)
    await readers.pass_time(160)
    await readers.stop()
    starved = readers.sent[Priority.HISTORY]
    assert len(starved) == 3
    assert min(later - earlier for earlier, later in pairwise([60.0, *starved])) >= 30
    assert len(readers.sent[Priority.HEAD]) > 90
    assert readers.refused == 0


async def test_checkpoint_pages_are_evenly_spaced_after_the_first_ones() -> None:
    readers = Readers(60)
    for _ in range(3):
        readers.read(Priority.CHECKPOINTS)
    await readers.pass_time(180)
    await readers.stop()
    sent = readers.sent[Priority.CHECKPOINTS]
    assert sum(sent_at < 10 for sent_at in sent) >= 20
    assert max(later - earlier for earlier, later in pairwise(sent)) <= 2.5
    assert max(readers.budget.wait_time(priority) for priority in (Priority.WRITE, Priority.HEAD)) < 2


def test_polls_leave_a_third_of_the_limit_to_others() -> None:
    assert allowed_interval(1.0, 60) == 3.0
    assert allowed_interval(1.0, 120) == 2.0
    assert allowed_interval(5.0, 60) == 5.0
    # Two clients with the default interval and the same key: neither has to slow down.
    assert [allowed_interval(5.0, available) for available in (30, 33, 36)] == [5.0, 5.0, 5.0]
    assert allowed_interval(1.0, 20) == 9.0
    assert allowed_interval(0.1, 1_000) == 0.2
    assert allowed_interval(5.0, 1) == 180.0
    for available in range(1, 500):
        assert requests_per_minute(allowed_interval(0.01, available)) <= POLL_SHARE * available + 1e-6


async def test_requests_of_other_clients_reduce_the_available_limit() -> None:
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
