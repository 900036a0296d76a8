"""The poller: dropped responses, the interval, waits after failures, and the connection status."""

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
from tests.support import stored
from tests.support.builders import checkpoint, started
from tests.support.feed_simulator import FeedSim, longest_wait
from tests.support.manual_clock import ManualClock
from tests.support.waiting import wait_until, yield_once


class HeldFeed:
    """Answers from a feed: checkpoints at once, each events request once the test releases it."""

    def __init__(self, sim: FeedSim) -> None:
        self._sim = sim
        self.waiting: list[asyncio.Event] = []

    async def answer(self, request: httpx.Request) -> httpx.Response:
        response = self._sim.respond(request)
        if request.url.path.endswith("/events"):
            release = asyncio.Event()
            self.waiting.append(release)
            await release.wait()
        return response


def session_with(handler: Callable[[httpx.Request], object]) -> Session:
    target = Target(url="http://127.0.0.1:1/api/v1", name="sim")
    client = Client(target, httpx.MockTransport(handler))  # type: ignore[arg-type]
    return Session(target, clock=ManualClock(), client=client, random_fn=longest_wait)


async def test_an_older_response_is_dropped_and_counted() -> None:
    sim = FeedSim([started(execution="exec_old")])
    held_feed = HeldFeed(sim)
    async with session_with(held_feed.answer) as session:
        assert session.refresh()
        await wait_until(lambda: len(held_feed.waiting) == 1)
        sim.log.append(started(execution="exec_new"))
        assert session.refresh()
        await wait_until(lambda: len(held_feed.waiting) == 2)
        held_feed.waiting[1].set()
        await wait_until(lambda: session.connection.polls == 1)
        held_feed.waiting[0].set()
        await wait_until(lambda: session.connection.stale_dropped == 1)
        assert stored.ids(session.stored_runs) == ["exec_old", "exec_new"]
        assert session.connection.polls == 1


async def test_a_cached_response_is_as_old_as_its_age_header() -> None:
    """The cache says so in `Age`. Before a write no cached response is accepted."""
    sim, requests = FeedSim([started()], checkpoints=[checkpoint("ckpt_1")]), list[httpx.Request]()

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        response = sim.respond(request)
        response.headers["Age"] = "7" if request.url.path.endswith("/events") else "3"
        return response

    async with session_with(answer) as session:
        await session.read_once()
        session.refresh()
        await wait_until(lambda: session.connection.events.polls and session.connection.checkpoints.polls)
        now, connection = session.clock.monotonic(), session.connection
        assert (connection.events.age(now), connection.checkpoints.age(now)) == (7.0, 3.0)
        assert not any("Cache-Control" in request.headers for request in requests)
        await session.client.all_checkpoints("pending", priority=Priority.WRITE)
        assert requests[-1].headers["Cache-Control"] == "no-cache"


async def test_two_responses_in_order_are_both_applied() -> None:
    sim = FeedSim([started(execution="exec_1")])
    held_feed = HeldFeed(sim)
    async with session_with(held_feed.answer) as session:
        session.refresh()
        await wait_until(lambda: len(held_feed.waiting) == 1)
        sim.log.append(started(execution="exec_2"))
        session.refresh()
        await wait_until(lambda: len(held_feed.waiting) == 2)
        held_feed.waiting[0].set()
        await wait_until(lambda: session.connection.polls == 1)
        held_feed.waiting[1].set()
        await wait_until(lambda: session.connection.polls == 2)
        assert (
            session.connection.stale_dropped,
            stored.ids(session.stored_runs),
        ) == (0, ["exec_1", "exec_2"])


async def test_refreshes_are_merged_while_two_are_running() -> None:
    held_feed = HeldFeed(FeedSim())
    async with session_with(held_feed.answer) as session:
        assert [session.refresh() for _ in range(4)] == [True, True, False, False]
        await wait_until(lambda: len(held_feed.waiting) == 2)
        for release in held_feed.waiting:
            release.set()
        await wait_until(lambda: session.connection.polls + session.connection.stale_dropped == 2)


async def test_polls_are_one_interval_apart() -> None:
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


async def test_a_paused_session_sends_nothing_until_it_is_resumed() -> None:
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


async def test_a_failing_source_does_not_affect_the_other() -> None:
    """Each source has its own status and its own interval."""
    sim = FeedSim([started()], checkpoints=[checkpoint()])

    def answer(request: httpx.Request) -> httpx.Response:
        is_events_request = request.url.path.endswith("/events")
        return httpx.Response(403, json={"detail": "no"}) if is_events_request else sim.respond(request)

    async with session_with(answer) as session:
        clock = session.clock
        assert isinstance(clock, ManualClock)
        task = asyncio.create_task(session.run())
        for polls in range(1, 9):
            await wait_until(lambda: session.connection.checkpoints.polls == polls and clock.sleepers == 2)  # noqa: B023
            clock.advance(5)
        connection = session.connection
        assert isinstance(connection.events.error, PermissionDenied)
        assert (connection.events.answered_at, connection.events.failures, connection.checkpoints.error) == (
            None,
            4,
            None,
        )
        assert [row.id for row in session.checkpoints] == ["ckpt_1"]
        assert session.why_not_answer("ckpt_1") is None
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_hanging_source_does_not_delay_the_other() -> None:
    sim = FeedSim([started()])
    may_respond = asyncio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/events"):
            await may_respond.wait()
        return sim.respond(request)

    async with session_with(answer) as session:
        clock = session.clock
        assert isinstance(clock, ManualClock)
        task = asyncio.create_task(session.run())
        for polls in range(1, 4):
            await wait_until(lambda: session.connection.events.polls == polls and clock.sleepers)  # noqa: B023
            clock.advance(5)
        assert (
            stored.ids(session.stored_runs),
            session.connection.checkpoints.polls,
        ) == (["exec_1"], 0)
        assert session.connection.state(clock.monotonic()) is ConnectionState.CONNECTING
        may_respond.set()
        await wait_until(lambda: session.connection.checkpoints.polls)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_data_is_stale_after_the_machine_was_suspended() -> None:
    """Running waits are not shortened by a suspended machine, but the shown data is eight hours old."""
    sim = FeedSim([started()], checkpoints=[checkpoint()])
    async with session_with(sim.respond) as session:
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


async def test_a_failure_is_reported_and_the_data_is_kept() -> None:
    sim = FeedSim([started()])
    is_broken = False

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(502, text="<html>bad gateway</html>") if is_broken else sim.respond(request)

    async with session_with(answer) as session:
        await session.read_once()
        is_broken = True
        with pytest.raises(Unreachable, match="bad gateway"):
            await session.read_once()
        assert session.connection.state(session.clock.monotonic()) is ConnectionState.OFFLINE
        assert stored.ids(session.stored_runs) == ["exec_1"]
        is_broken = False
        await session.read_once()
        assert session.connection.state(session.clock.monotonic()) is ConnectionState.LIVE


async def test_a_response_that_is_not_from_the_api_is_reported() -> None:
    async with session_with(lambda _: httpx.Response(200, text="<html>Sign in</html>")) as session:
        with pytest.raises(Unreachable, match="not ScaiCore's"):
            await session.read_once()


def status_of(events: SourceStatus, checkpoints: SourceStatus | None = None) -> ConnectionStatus:
    return ConnectionStatus(5, events, events if checkpoints is None else checkpoints)


def test_a_source_without_recent_responses_is_stale() -> None:
    connection = status_of(SourceStatus(answered_at=100))
    assert [connection.state(now) for now in (100, 115, 115.1)] == [
        ConnectionState.LIVE,
        ConnectionState.LIVE,
        ConnectionState.STALE,
    ]
    assert ConnectionStatus(interval=5).state(99) is ConnectionState.CONNECTING
    assert status_of(SourceStatus(answered_at=1, error=PermissionDenied("no"))).state(2) is ConnectionState.STALE


def test_the_connection_has_the_status_of_its_worse_source() -> None:
    good = SourceStatus(answered_at=100)
    assert status_of(good, SourceStatus()).state(101) is ConnectionState.CONNECTING
    assert status_of(good, SourceStatus(100, error=Unreachable("gone"))).state(101) is ConnectionState.OFFLINE
    assert status_of(SourceStatus(100, error=PermissionDenied("no")), good).state(101) is ConnectionState.STALE
    assert status_of(good, SourceStatus(answered_at=60)).age(101) == 41
    assert status_of(good, SourceStatus()).age(101) == 1


def test_waits_are_random_below_a_limit_that_doubles() -> None:
    error = Unreachable("gone")

    def waits(random_value: float, times: int = 7) -> list[float]:
        backoff = Backoff(5.0, lambda: random_value)
        return [backoff.record_failure(error) for _ in range(times)]

    assert waits(1.0) == [5, 10, 20, 40, 60, 60, 60]
    assert waits(0.5) == [2.5, 5, 10, 20, 30, 30, 30]
    assert waits(0.0) == [1] * 7
    assert all(wait <= 60 for wait in waits(1.0, 2_000))


def test_waits_follow_retry_after_and_are_reset_by_a_success() -> None:
    backoff = Backoff(5.0, lambda: 1.0)
    assert backoff.record_failure(RequestRejected("slow down", retry_after=90)) == 90
    assert backoff.record_failure(Unreachable("gone")) == 10
    backoff.record_success()
    assert backoff.record_failure(Unreachable("gone")) == 5
