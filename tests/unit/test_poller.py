"""The poller: the fetch counter, the pace, and what the link says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import pytest

from scaicore_tui.clock import ManualClock
from scaicore_tui.config import Target
from scaicore_tui.errors import CannotReach, PermissionDenied, Refused
from scaicore_tui.feed import Client, Link, LinkState
from scaicore_tui.session import Session
from tests.builders import started
from tests.feedsim import FeedSim
from tests.waiting import turn, until


class Gate:
    """Answers from a feed, each events request only when it is let through; checkpoints at once."""

    def __init__(self, sim: FeedSim) -> None:
        self._sim = sim
        self.waiting: list[asyncio.Event] = []

    async def answer(self, request: httpx.Request) -> httpx.Response:
        response = self._sim.answer(request)
        if request.url.path.endswith("/events"):
            turn = asyncio.Event()
            self.waiting.append(turn)
            await turn.wait()
        return response


def session_on(handler: Callable[[httpx.Request], object]) -> Session:
    target = Target(url="http://127.0.0.1:1/api/v1", name="sim")
    client = Client(target, httpx.MockTransport(handler))  # type: ignore[arg-type]
    return Session(target, clock=ManualClock(), client=client)


async def test_an_older_answer_is_dropped_and_counted() -> None:
    sim = FeedSim([started(execution="exec_old")])
    gate = Gate(sim)
    async with session_on(gate.answer) as session:
        assert session.refresh()
        await until(lambda: len(gate.waiting) == 1)
        sim.log.append(started(execution="exec_new"))
        assert session.refresh()
        await until(lambda: len(gate.waiting) == 2)
        gate.waiting[1].set()
        await until(lambda: session.link.polls == 1)
        gate.waiting[0].set()
        await until(lambda: session.link.stale_dropped == 1)
        assert list(session.book.runs) == ["exec_old", "exec_new"]
        assert session.link.polls == 1


async def test_an_answer_to_another_client_is_dropped_and_counted() -> None:
    gate = Gate(FeedSim([started(execution="exec_there")]))
    async with session_on(gate.answer) as session:
        poller = session._poller
        assert session.refresh()
        await until(lambda: len(gate.waiting) == 1)
        asked, poller.client = poller.client, FeedSim().client()
        gate.waiting[0].set()
        await until(lambda: session.link.stale_dropped == 1)
        assert (list(session.book.runs), session.link.polls, len(session.journal)) == ([], 0, 0)
        await poller.client.close()
        poller.client = asked


async def test_answers_in_order_are_both_applied() -> None:
    sim = FeedSim([started(execution="exec_1")])
    gate = Gate(sim)
    async with session_on(gate.answer) as session:
        session.refresh()
        await until(lambda: len(gate.waiting) == 1)
        sim.log.append(started(execution="exec_2"))
        session.refresh()
        await until(lambda: len(gate.waiting) == 2)
        gate.waiting[0].set()
        await until(lambda: session.link.polls == 1)
        gate.waiting[1].set()
        await until(lambda: session.link.polls == 2)
        assert (session.link.stale_dropped, list(session.book.runs)) == (0, ["exec_1", "exec_2"])


async def test_refreshes_are_merged_when_enough_are_under_way() -> None:
    gate = Gate(FeedSim())
    async with session_on(gate.answer) as session:
        assert [session.refresh() for _ in range(4)] == [True, True, False, False]
        await until(lambda: len(gate.waiting) == 2)
        for turn in gate.waiting:
            turn.set()
        await until(lambda: session.link.polls + session.link.stale_dropped == 2)


async def test_the_pace_is_one_interval() -> None:
    sim = FeedSim([started()])
    session = sim.session()
    clock = session.clock
    assert isinstance(clock, ManualClock)
    async with session:
        task = asyncio.create_task(session.run())
        await until(lambda: session.link.polls == 1 and clock.sleepers)
        clock.advance(4.9)
        await turn()
        assert session.link.polls == 1
        clock.advance(0.2)
        await until(lambda: session.link.polls == 2)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_paused_asks_nothing_until_it_goes_on() -> None:
    sim = FeedSim([started()])
    session = sim.session()
    clock = session.clock
    assert isinstance(clock, ManualClock)
    async with session:
        task = asyncio.create_task(session.run())
        await until(lambda: session.link.polls == 1 and clock.sleepers)
        session.pause(paused=True)
        clock.advance(60)
        await until(lambda: session.link.next_at is not None and session.link.next_at > 60)
        assert (session.link.polls, session.link.state(clock.monotonic())) == (1, LinkState.PAUSED)
        session.pause(paused=False)
        await until(lambda: session.link.polls == 2)
        assert session.link.state(clock.monotonic()) is LinkState.LIVE
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_failures_are_told_and_what_was_read_is_kept() -> None:
    sim = FeedSim([started()])
    broken = False

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(502, text="<html>bad gateway</html>") if broken else sim.answer(request)

    async with session_on(answer) as session:
        await session.read_once()
        broken = True
        with pytest.raises(CannotReach, match="bad gateway"):
            await session.read_once()
        assert session.link.state(session.clock.monotonic()) is LinkState.OFFLINE
        assert list(session.book.runs) == ["exec_1"]
        broken = False
        await session.read_once()
        assert session.link.state(session.clock.monotonic()) is LinkState.LIVE


async def test_a_success_that_is_not_the_api_is_told() -> None:
    async with session_on(lambda _: httpx.Response(200, text="<html>Sign in</html>")) as session:
        with pytest.raises(CannotReach, match="not ScaiCore's"):
            await session.read_once()


def test_silence_is_stale() -> None:
    link = Link(interval=5, answered_at=100)
    assert [link.state(now) for now in (100, 115, 115.1)] == [LinkState.LIVE, LinkState.LIVE, LinkState.STALE]
    assert Link(interval=5).state(99) is LinkState.CONNECTING
    assert Link(interval=5, answered_at=1, error=PermissionDenied("no")).state(2) is LinkState.STALE


def test_delays_double_and_obey_the_server() -> None:
    failed = CannotReach("gone")
    assert [Link(interval=5, error=failed, failures=n).delay() for n in (1, 2, 3, 9)] == [5, 10, 20, 60]
    assert Link(interval=5, error=Refused("slow down", retry_after=90), failures=1).delay() == 90
    assert Link(interval=5).delay() == 5
