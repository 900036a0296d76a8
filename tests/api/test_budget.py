"""The budget: never too much in any minute, the most urgent first, and what the server says is obeyed."""

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
    """Sends requests through a budget, and notes when each went."""

    def __init__(self, clock: ManualClock, server: RateLimitedServer) -> None:
        self.clock = clock
        self.budget = Budget(clock)
        self.sent: list[tuple[float, Priority]] = []
        self.refused = 0
        self._server = server
        self._tasks: list[asyncio.Task[None]] = []

    def ask(self, *ranks: Priority) -> None:
        """Want these now."""
        self._tasks += [asyncio.create_task(self._ask(rank)) for rank in ranks]

    async def _ask(self, rank: Priority) -> None:
        async with self.budget.slot(rank) as slot:
            self.sent.append((self.clock.monotonic(), rank))
            await self.clock.sleep(0.1)
            status, headers = self._server.count_request()
            self.refused += status == 429
            await self.clock.sleep(0.1)
            slot.on_response(status, headers)

    async def finish(self) -> None:
        """Let time pass until all are answered."""
        while not all(task.done() for task in self._tasks):
            await settle()
            self.clock.skip()
        await asyncio.gather(*self._tasks)

    def give_up(self) -> None:
        """Want nothing any more."""
        for task in self._tasks:
            task.cancel()

    async def pass_time(self, seconds: float) -> None:
        """Let so much time pass."""
        over = asyncio.ensure_future(self.clock.sleep(seconds))
        await settle()
        while not over.done():
            self.clock.skip()
            await settle()


async def settle() -> None:
    for _ in range(12):
        await yield_once()


def busiest_minute(moments: Sequence[float]) -> int:
    return max(sum(begin <= moment < begin + 60 for moment in moments) for begin in moments)


@pytest.mark.parametrize("tells", [True, False])
async def test_a_minute_is_never_overspent_and_well_spent(tells: bool) -> None:
    clock = ManualClock()
    caller = Caller(clock, RateLimitedServer(clock, sends_headers=tells))
    for _ in range(5):
        # More than go meanwhile, and not all at once: each looks at all others that wait.
        caller.ask(*[Priority.BACKFILL] * 40)
        await caller.pass_time(30)
    await caller.finish()
    moments = [moment for moment, _ in caller.sent]
    assert caller.refused == 0
    assert REQUESTS_PER_MINUTE - 6 <= busiest_minute(moments) <= REQUESTS_PER_MINUTE
    assert max(moments) < 220


ASKED = st.lists(st.tuples(st.integers(0, 30), st.lists(st.sampled_from(Priority), max_size=30)), max_size=8)


@settings(max_examples=60, deadline=None)
@given(ASKED, st.booleans(), st.integers(5, 90))
def test_no_mix_of_requests_is_refused(asked: list[tuple[int, list[Priority]]], tells: bool, limit: int) -> None:
    async def run() -> int:
        clock = ManualClock()
        caller = Caller(
            clock, RateLimitedServer(clock, limit=limit if tells else REQUESTS_PER_MINUTE, sends_headers=tells)
        )
        caller.budget.limit = limit if tells else REQUESTS_PER_MINUTE
        for seconds, ranks in asked:
            caller.ask(*(rank or Priority.HEAD for rank in ranks))
            await caller.pass_time(seconds + 0.5)
        await caller.finish()
        return caller.refused

    assert asyncio.run(run()) == 0


async def test_the_most_urgent_goes_first() -> None:
    clock = ManualClock()
    caller = Caller(clock, RateLimitedServer(clock))
    for _ in range(REQUESTS_PER_MINUTE):
        caller.ask(Priority.WRITE)
        await caller.pass_time(0.9)
    urgent_last = [Priority.HISTORY, Priority.BACKFILL, Priority.HEAD, Priority.CHECKPOINTS, Priority.WRITE]
    caller.ask(*urgent_last)
    await caller.finish()
    assert [rank for _, rank in caller.sent[REQUESTS_PER_MINUTE:]] == urgent_last[::-1]


async def test_the_less_urgent_leave_slots_to_the_more_urgent() -> None:
    clock = ManualClock()
    caller = Caller(clock, RateLimitedServer(clock))
    caller.ask(*[Priority.HISTORY] * 10)
    await settle()
    for rank in (Priority.HEAD, Priority.CHECKPOINTS, Priority.WRITE):
        caller.ask(*[rank] * REQUESTS_PER_MINUTE)
        await settle()
    spent = [rank for _, rank in caller.sent]
    caller.give_up()
    assert [spent.count(rank) for rank in (Priority.HEAD, Priority.CHECKPOINTS, Priority.WRITE)] == [
        REQUESTS_PER_MINUTE - 12,
        1,
        1,
    ]


async def test_catching_up_leaves_room_for_the_regular_reads_and_writes() -> None:
    clock = ManualClock()
    caller = Caller(clock, RateLimitedServer(clock))
    caller.budget.reserved_per_minute = 24
    caller.ask(*[Priority.BACKFILL] * 20)
    waits = []
    for _ in range(40):
        # More than can go meanwhile beside the regular reads: there is always something to catch up on.
        caller.ask(*[Priority.BACKFILL] * 4)
        caller.ask(Priority.HEAD, Priority.CHECKPOINTS)
        await caller.pass_time(5)
        waits.append(caller.budget.wait_time(Priority.WRITE))
    assert max(waits) < 2
    heads = [moment for moment, rank in caller.sent if rank is Priority.HEAD]
    assert max(moment - 5 * place for place, moment in enumerate(heads)) < 5
    await caller.finish()


async def test_others_on_the_same_key_are_made_room_for() -> None:
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


async def test_a_429_from_outside_holds_everything_back() -> None:
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


async def test_a_write_that_would_wait_too_long_is_refused_and_says_why() -> None:
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


async def test_a_slot_that_is_given_up_goes_to_the_next() -> None:
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
    ("told", "quota"),
    [
        (("60", "12", "1800000030"), Quota(60, 12, 1_800_000_030)),
        (("60", "0", ""), Quota(60, 0)),
        (("sixty", "0", "1"), None),
        (("60", "61", "1"), None),
        (("0", "0", "1"), None),
        (("nan", "0", "1"), None),
    ],
)
def test_what_headers_say(told: tuple[str, str, str], quota: Quota | None) -> None:
    names = ("Limit", "Remaining", "Reset")
    assert read_quota({f"X-Scaigrid-Ratelimit-{name}": text for name, text in zip(names, told, strict=True)}) == quota
