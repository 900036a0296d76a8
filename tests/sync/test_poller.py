"""The poller: the fetch counter, the pace, and what the link says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import pytest

from scaicore_tui.api.budget import Priority
from scaicore_tui.api.client import Client
from scaicore_tui.config import Target
from scaicore_tui.errors import PermissionDenied, RequestRejected, Unreachable
from scaicore_tui.session import Session
from scaicore_tui.sync.poller import Backoff
from scaicore_tui.sync.status import ConnectionState, ConnectionStatus, SourceStatus
from tests.support.builders import checkpoint, started
from tests.support.feed_simulator import FeedSim, longest_wait
from tests.support.manual_clock import ManualClock
from tests.support.waiting import wait_until, yield_once


class Gate:
    """Answers from a feed, each events request only when it is let through; checkpoints at once."""

    def __init__(self, sim: FeedSim) -> None:
        self._sim = sim
        self.waiting: list[asyncio.Event] = []

    async def answer(self, request: httpx.Request) -> httpx.Response:
        response = self._sim.respond(request)
        if request.url.path.endswith("/events"):
            turn = asyncio.Event()
            self.waiting.append(turn)
            await turn.wait()
        return response


def session_on(handler: Callable[[httpx.Request], object]) -> Session:
    target = Target(url="http://127.0.0.1:1/api/v1", name="sim")
    client = Client(target, httpx.MockTransport(handler))  # type: ignore[arg-type]
    return Session(target, clock=ManualClock(), client=client, random_fn=longest_wait)


async def test_an_older_answer_is_dropped_and_counted() -> None:
    sim = FeedSim([started(execution="exec_old")])
    gate = Gate(sim)
    async with session_on(gate.answer) as session:
        assert session.refresh()
        await wait_until(lambda: len(gate.waiting) == 1)
        sim.log.append(started(execution="exec_new"))
        assert session.refresh()
        await wait_until(lambda: len(gate.waiting) == 2)
        gate.waiting[1].set()
        await wait_until(lambda: session.connection.polls == 1)
        gate.waiting[0].set()
        await wait_until(lambda: session.connection.stale_dropped == 1)
        assert list(session.index.runs) == ["exec_old", "exec_new"]
        assert session.connection.polls == 1


async def test_what_something_on_the_way_has_kept_is_as_old_as_that() -> None:
    """It says so itself; before a write nothing kept will do."""
    sim, asked = FeedSim([started()], checkpoints=[checkpoint("ckpt_1")]), list[httpx.Request]()

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        response = sim.respond(request)
        response.headers["Age"] = "7" if request.url.path.endswith("/events") else "3"
        return response

    async with session_on(answer) as session:
        await session.read_once()
        session.refresh()
        await wait_until(lambda: session.connection.events.polls and session.connection.checkpoints.polls)
        now, link = session.clock.monotonic(), session.connection
        assert (link.events.age(now), link.checkpoints.age(now)) == (7.0, 3.0)
        assert not any("Cache-Control" in request.headers for request in asked)
        await session.client.all_checkpoints("pending", priority=Priority.WRITE)
        assert asked[-1].headers["Cache-Control"] == "no-cache"


async def test_answers_in_order_are_both_applied() -> None:
    sim = FeedSim([started(execution="exec_1")])
    gate = Gate(sim)
    async with session_on(gate.answer) as session:
        session.refresh()
        await wait_until(lambda: len(gate.waiting) == 1)
        sim.log.append(started(execution="exec_2"))
        session.refresh()
        await wait_until(lambda: len(gate.waiting) == 2)
        gate.waiting[0].set()
        await wait_until(lambda: session.connection.polls == 1)
        gate.waiting[1].set()
        await wait_until(lambda: session.connection.polls == 2)
        assert (session.connection.stale_dropped, list(session.index.runs)) == (0, ["exec_1", "exec_2"])


async def test_refreshes_are_merged_when_enough_are_under_way() -> None:
    gate = Gate(FeedSim())
    async with session_on(gate.answer) as session:
        assert [session.refresh() for _ in range(4)] == [True, True, False, False]
        await wait_until(lambda: len(gate.waiting) == 2)
        for turn in gate.waiting:
            turn.set()
        await wait_until(lambda: session.connection.polls + session.connection.stale_dropped == 2)


async def test_the_pace_is_one_interval() -> None:
    sim = FeedSim([started()])
    session = sim.session()
    clock = session.clock
    assert isinstance(clock, ManualClock)
    async with session:
        task = asyncio.create_task(session.run())
        await wait_until(lambda: session.connection.polls == 1 and clock.sleepers == 2)
        clock.advance(4.9)
        await yield_once()
        assert session.connection.polls == 1
        clock.advance(0.2)
        await wait_until(lambda: session.connection.polls == 2)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_paused_asks_nothing_until_it_goes_on() -> None:
    sim = FeedSim([started()])
    session = sim.session()
    clock = session.clock
    assert isinstance(clock, ManualClock)
    async with session:
        task = asyncio.create_task(session.run())
        await wait_until(lambda: session.connection.polls == 1 and clock.sleepers == 2)
        session.pause(paused=True)
        clock.advance(60)
        await yield_once()
        assert (session.connection.polls, session.connection.state(clock.monotonic())) == (1, ConnectionState.PAUSED)
        session.pause(paused=False)
        await wait_until(lambda: session.connection.polls == 2)
        assert session.connection.state(clock.monotonic()) is ConnectionState.LIVE
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_one_part_that_fails_does_not_take_the_other_down() -> None:
    """Each is judged by itself, and keeps its own pace."""
    sim = FeedSim([started()], checkpoints=[checkpoint()])

    def answer(request: httpx.Request) -> httpx.Response:
        asks_for_events = request.url.path.endswith("/events")
        return httpx.Response(403, json={"detail": "no"}) if asks_for_events else sim.respond(request)

    async with session_on(answer) as session:
        clock = session.clock
        assert isinstance(clock, ManualClock)
        task = asyncio.create_task(session.run())
        for polls in range(1, 9):
            await wait_until(lambda: session.connection.checkpoints.polls == polls and clock.sleepers == 2)  # noqa: B023
            clock.advance(5)
        link = session.connection
        assert isinstance(link.events.error, PermissionDenied)
        assert (link.events.answered_at, link.events.failures, link.checkpoints.error) == (None, 4, None)
        assert [row.id for row in session.checkpoints] == ["ckpt_1"]
        assert session.why_not_answer("ckpt_1") is None
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_one_part_that_hangs_does_not_hold_the_other_up() -> None:
    sim = FeedSim([started()])
    hangs = asyncio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/events"):
            await hangs.wait()
        return sim.respond(request)

    async with session_on(answer) as session:
        clock = session.clock
        assert isinstance(clock, ManualClock)
        task = asyncio.create_task(session.run())
        for polls in range(1, 4):
            await wait_until(lambda: session.connection.events.polls == polls and clock.sleepers)  # noqa: B023
            clock.advance(5)
        assert (list(session.index.runs), session.connection.checkpoints.polls) == (["exec_1"], 0)
        assert session.connection.state(clock.monotonic()) is ConnectionState.CONNECTING
        hangs.set()
        await wait_until(lambda: session.connection.checkpoints.polls)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_after_a_night_asleep_nothing_looks_fresh() -> None:
    """Whoever waits goes on waiting for as long as it did; but what is shown is a night old."""
    sim = FeedSim([started()], checkpoints=[checkpoint()])
    async with session_on(sim.respond) as session:
        clock = session.clock
        assert isinstance(clock, ManualClock)
        task = asyncio.create_task(session.run())
        await wait_until(lambda: session.connection.polls == 1 and clock.sleepers == 2)
        clock.suspend(8 * 3600)
        now = clock.monotonic()
        assert (session.connection.state(now), session.connection.age(now)) == (ConnectionState.STALE, 8 * 3600)
        assert "is 8h old" in (session.why_not_answer("ckpt_1") or "")
        assert clock.sleepers == 2
        clock.advance(5)
        await wait_until(lambda: session.connection.polls == 2)
        assert session.connection.state(clock.monotonic()) is ConnectionState.LIVE
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_failures_are_told_and_what_was_read_is_kept() -> None:
    sim = FeedSim([started()])
    broken = False

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(502, text="<html>bad gateway</html>") if broken else sim.respond(request)

    async with session_on(answer) as session:
        await session.read_once()
        broken = True
        with pytest.raises(Unreachable, match="bad gateway"):
            await session.read_once()
        assert session.connection.state(session.clock.monotonic()) is ConnectionState.OFFLINE
        assert list(session.index.runs) == ["exec_1"]
        broken = False
        await session.read_once()
        assert session.connection.state(session.clock.monotonic()) is ConnectionState.LIVE


async def test_a_success_that_is_not_the_api_is_told() -> None:
    async with session_on(lambda _: httpx.Response(200, text="<html>Sign in</html>")) as session:
        with pytest.raises(Unreachable, match="not ScaiCore's"):
            await session.read_once()


def link_of(events: SourceStatus, checkpoints: SourceStatus | None = None) -> ConnectionStatus:
    return ConnectionStatus(5, events, events if checkpoints is None else checkpoints)


def test_silence_is_stale() -> None:
    link = link_of(SourceStatus(answered_at=100))
    assert [link.state(now) for now in (100, 115, 115.1)] == [
        ConnectionState.LIVE,
        ConnectionState.LIVE,
        ConnectionState.STALE,
    ]
    assert ConnectionStatus(interval=5).state(99) is ConnectionState.CONNECTING
    assert link_of(SourceStatus(answered_at=1, error=PermissionDenied("no"))).state(2) is ConnectionState.STALE


def test_the_whole_is_worth_what_its_worse_part_is() -> None:
    good = SourceStatus(answered_at=100)
    assert link_of(good, SourceStatus()).state(101) is ConnectionState.CONNECTING
    assert link_of(good, SourceStatus(100, error=Unreachable("gone"))).state(101) is ConnectionState.OFFLINE
    assert link_of(SourceStatus(100, error=PermissionDenied("no")), good).state(101) is ConnectionState.STALE
    assert link_of(good, SourceStatus(answered_at=60)).age(101) == 41
    assert link_of(good, SourceStatus()).age(101) == 1


def test_waits_are_by_chance_below_a_bound_that_doubles() -> None:
    gone = Unreachable("gone")

    def waits(chance: float, times: int = 7) -> list[float]:
        backoff = Backoff(5.0, lambda: chance)
        return [backoff.record_failure(gone) for _ in range(times)]

    assert waits(1.0) == [5, 10, 20, 40, 60, 60, 60]
    assert waits(0.5) == [2.5, 5, 10, 20, 30, 30, 30]
    assert waits(0.0) == [1] * 7
    assert all(wait <= 60 for wait in waits(1.0, 2_000))


def test_waits_obey_the_server_and_end_with_an_answer() -> None:
    backoff = Backoff(5.0, lambda: 1.0)
    assert backoff.record_failure(RequestRejected("slow down", retry_after=90)) == 90
    assert backoff.record_failure(Unreachable("gone")) == 10
    backoff.record_success()
    assert backoff.record_failure(Unreachable("gone")) == 5
