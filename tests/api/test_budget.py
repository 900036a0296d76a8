"""The budget: never too many requests in a minute, the most urgent first, and the server's limits respected."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaicore_tui.api.budget import Budget, Priority
from scaicore_tui.api.rate_window import Quota, read_quota
from scaicore_tui.errors import RequestRejected
from tests.support.manual_clock import ManualClock
from tests.support.rate_limited_server import REQUESTS_PER_MINUTE, RateLimitedServer
from tests.support.waiting import wait_until, yield_once


class Caller:
    """Sends requests through a budget and records when each was sent."""

    def __init__(self, clock: ManualClock, server: RateLimitedServer) -> None:
        self.clock = clock
        self.budget = Budget(clock)
        self.sent: list[tuple[float, Priority]] = []
        self.refused = 0
        self._server = server
        self._tasks: list[asyncio.Task[None]] = []

    def ask(self, *priorities: Priority) -> None:
        """Request a slot for each of `priorities`."""
        self._tasks += [asyncio.create_task(self._ask(priority)) for priority in priorities]

    async def _ask(self, priority: Priority) -> None:
        async with self.budget.slot(priority) as slot:
            self.sent.append((self.clock.monotonic(), priority))
            await self.clock.sleep(0.1)
            status, headers = self._server.count_request()
            self.refused += status == 429
            await self.clock.sleep(0.1)
            slot.on_response(status, headers)

    async def finish(self) -> None:
        """Advance the clock until all requests are answered."""
        while not all(task.done() for task in self._tasks):
            await settle()
            self.clock.skip()
        await asyncio.gather(*self._tasks)

    def cancel_all(self) -> None:
        """Cancel all requests."""
        for task in self._tasks:
            task.cancel()

    async def pass_time(self, seconds: float) -> None:
        """Advance the clock by `seconds`."""
        timer = asyncio.ensure_future(self.clock.sleep(seconds))
        await settle()
        while not timer.done():
            self.clock.skip()
            await settle()


async def settle() -> None:
    for _ in range(12):
        await yield_once()


def busiest_minute(times: Sequence[float]) -> int:
    return max(sum(start <= sent_at < start + 60 for sent_at in times) for start in times)


@pytest.mark.parametrize("sends_headers", [True, False])
async def test_each_minute_uses_nearly_the_whole_limit_and_never_more(sends_headers: bool) -> None:
    clock = ManualClock()
    caller = Caller(clock, RateLimitedServer(clock, sends_headers=sends_headers))
    for _ in range(5):
        # More than can be sent until the next round, but in several batches: each waiting request checks all others.
        caller.ask(*[Priority.BACKFILL] * 40)
        await caller.pass_time(30)
    await caller.finish()
    times = [sent_at for sent_at, _ in caller.sent]
    assert caller.refused == 0
    assert REQUESTS_PER_MINUTE - 6 <= busiest_minute(times) <= REQUESTS_PER_MINUTE
    assert max(times) < 220


BATCHES = st.lists(st.tuples(st.integers(0, 30), st.lists(st.sampled_from(Priority), max_size=30)), max_size=8)


@settings(max_examples=60, deadline=None)
@given(BATCHES, st.booleans(), st.integers(5, 90))
def test_no_mix_of_requests_exceeds_the_limit(
    batches: list[tuple[int, list[Priority]]], sends_headers: bool, limit: int
) -> None:
    async def run() -> int:
        clock = ManualClock()
        caller = Caller(
            clock,
            RateLimitedServer(
                clock, limit=limit if sends_headers else REQUESTS_PER_MINUTE, sends_headers=sends_headers
            ),
        )
        caller.budget.limit = limit if sends_headers else REQUESTS_PER_MINUTE
        for seconds, priorities in batches:
            caller.ask(*(priority or Priority.HEAD for priority in priorities))
            await caller.pass_time(seconds + 0.5)
        await caller.finish()
        return caller.refused

    assert asyncio.run(run()) == 0


async def test_the_most_urgent_request_is_sent_first() -> None:
    clock = ManualClock()
    caller = Caller(clock, RateLimitedServer(clock))
    for _ in range(REQUESTS_PER_MINUTE):
        caller.ask(Priority.WRITE)
        await caller.pass_time(0.9)
    urgent_last = [Priority.HISTORY, Priority.BACKFILL, Priority.HEAD, Priority.CHECKPOINTS, Priority.WRITE]
    caller.ask(*urgent_last)
    await caller.finish()
    assert [priority for _, priority in caller.sent[REQUESTS_PER_MINUTE:]] == urgent_last[::-1]


async def test_less_urgent_requests_leave_slots_for_more_urgent_ones() -> None:
    clock = ManualClock()
    caller = Caller(clock, RateLimitedServer(clock))
    caller.ask(*[Priority.HISTORY] * 10)
    await settle()
    for priority in (Priority.HEAD, Priority.CHECKPOINTS, Priority.WRITE):
        caller.ask(*[priority] * REQUESTS_PER_MINUTE)
        await settle()
    sent_priorities = [priority for _, priority in caller.sent]
    caller.cancel_all()
    assert [sent_priorities.count(priority) for priority in (Priority.HEAD, Priority.CHECKPOINTS, Priority.WRITE)] == [
        REQUESTS_PER_MINUTE - 12,
        1,
        1,
    ]


async def test_backfill_leaves_slots_for_regular_reads_and_writes() -> None:
    clock = ManualClock()
    caller = Caller(clock, RateLimitedServer(clock))
    caller.budget.reserved_per_minute = 24
    caller.ask(*[Priority.BACKFILL] * 20)
    waits = []
    for _ in range(40):
        # More than can be sent beside the regular reads, so that backfill requests are always waiting.
        caller.ask(*[Priority.BACKFILL] * 4)
        caller.ask(Priority.HEAD, Priority.CHECKPOINTS)
        await caller.pass_time(5)
        waits.append(caller.budget.wait_time(Priority.WRITE))
    assert max(waits) < 2
    head_times = [sent_at for sent_at, priority in caller.sent if priority is Priority.HEAD]
    assert max(sent_at - 5 * number for number, sent_at in enumerate(head_times)) < 5
    await caller.finish()


async def test_requests_of_other_clients_with_the_same_key_are_counted() -> None:
    clock = ManualClock()
    server = RateLimitedServer(clock)
    caller = Caller(clock, server)
    for _ in range(20):
        for _ in range(3):
            server.count_request()
        caller.ask(*[Priority.BACKFILL] * 4)
        await caller.pass_time(6)
    await caller.finish()
    assert caller.refused == 0
    assert len(caller.sent) == 80


async def test_all_requests_wait_after_an_unexpected_429() -> None:
    clock = ManualClock()
    server = RateLimitedServer(clock, sends_headers=False)
    caller = Caller(clock, server)
    for _ in range(REQUESTS_PER_MINUTE):
        server.count_request()
    caller.ask(Priority.HEAD)
    await caller.finish()
    assert (caller.refused, caller.budget.refusals) == (1, 1)
    assert caller.budget.wait_time(Priority.WRITE) == pytest.approx(7, abs=0.2)
    caller.ask(Priority.WRITE)
    await settle()
    assert len(caller.sent) == 1
    await caller.finish()
    assert caller.sent[1][0] == pytest.approx(7.2, abs=0.2)


async def test_a_write_that_would_wait_too_long_is_refused_with_the_reason() -> None:
    clock = ManualClock()
    budget = Budget(clock)
    for _ in range(REQUESTS_PER_MINUTE):
        async with budget.slot(Priority.WRITE):
            pass
    with pytest.raises(
        RequestRejected, match="60 requests of this minute are used · nothing was sent · try again in 60 s"
    ):
        async with budget.slot(Priority.WRITE):
            pass
    clock.advance(61)
    async with budget.slot(Priority.WRITE) as slot:
        slot.on_response(429, {"Retry-After": "30"})
    with pytest.raises(RequestRejected, match="asked to wait \\(429\\)"):
        async with budget.slot(Priority.WRITE):
            pass


async def test_a_cancelled_request_passes_its_slot_on() -> None:
    clock = ManualClock()
    caller = Caller(clock, RateLimitedServer(clock))
    waiting = asyncio.create_task(caller.budget.slot(Priority.HISTORY).__aenter__())
    await settle()
    assert waiting.done()
    caller.ask(*[Priority.HEAD] * 70)
    await settle()
    for task in caller._tasks[60:]:
        task.cancel()
    await wait_until(lambda: all(task.done() for task in caller._tasks[60:]))
    caller._tasks = caller._tasks[:60]
    await caller.finish()
    assert len(caller.sent) == 60


@pytest.mark.parametrize(
    ("values", "quota"),
    [
        (("60", "12", "1800000030"), Quota(60, 12, 1_800_000_030)),
        (("60", "0", ""), Quota(60, 0)),
        (("sixty", "0", "1"), None),
        (("60", "61", "1"), None),
        (("0", "0", "1"), None),
        (("nan", "0", "1"), None),
    ],
)
def test_the_quota_is_read_from_the_headers(values: tuple[str, str, str], quota: Quota | None) -> None:
    names = ("Limit", "Remaining", "Reset")
    assert read_quota({f"X-Scaigrid-Ratelimit-{name}": text for name, text in zip(names, values, strict=True)}) == quota
