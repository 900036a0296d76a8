"""The age of each source is that of the answers that are shown: asked for then, less what a cache kept them."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from scaicore_tui.api.client import Client
from scaicore_tui.config import Target
from scaicore_tui.session import Session
from scaicore_tui.sync.status import ConnectionState
from scaicore_tui.tui.state import AppState
from tests.support.builders import checkpoint, started
from tests.support.feed_simulator import FeedSim
from tests.support.manual_clock import ManualClock
from tests.support.waiting import wait_until

EVENTS, CHECKPOINTS = "events", "checkpoints"


class Call:
    """A request that waits for its answer."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.age: str | None = None
        self.status = 200
        self._go = asyncio.Event()

    def answer(self, age: str | None = None, status: int = 200) -> None:
        """Let it be answered, with that `Age`."""
        self.age, self.status = age, status
        self._go.set()

    async def answered(self) -> None:
        await self._go.wait()


class Wire:
    """Holds each request of a session until it is let go."""

    def __init__(self, sim: FeedSim) -> None:
        self.clock = ManualClock()
        self.calls: list[Call] = []
        self._sim = sim
        target = Target(url="http://127.0.0.1:1/api/v1", name="wire")
        client = Client(target, httpx.MockTransport(self._answer), self.clock)
        self.session = Session(target, clock=self.clock, client=client, backfill=0)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        call = Call(request.url.path.rpartition("/")[2])
        self.calls.append(call)
        await call.answered()
        if call.status != 200:
            return httpx.Response(call.status, json={"detail": "no"})
        response = self._sim.respond(request)
        if call.age is not None:
            response.headers["Age"] = call.age
        return response

    async def asked(self, name: str, number: int) -> Call:
        """The request of that number for one of the two, counted from 0, once it is there."""
        await wait_until(lambda: len([call for call in self.calls if call.name == name]) > number)
        return [call for call in self.calls if call.name == name][number]

    def ages(self) -> tuple[float | None, float | None]:
        """How old events and checkpoints are said to be."""
        link, now = self.session.connection, self.clock.monotonic()
        return link.events.age(now), link.checkpoints.age(now)


@pytest.mark.parametrize("name", [EVENTS, CHECKPOINTS])
async def test_a_newer_fetch_that_is_under_way_fails_or_is_late_makes_nothing_younger(name: str) -> None:
    wire = Wire(FeedSim([started()], checkpoints=[checkpoint()]))
    async with wire.session as session:
        session.refresh()
        first = await wire.asked(name, 0)
        wire.clock.advance(2)
        session.refresh()
        second = await wire.asked(name, 1)
        wire.clock.advance(1)
        first.answer("30")
        await wait_until(lambda: getattr(session.connection, name).polls == 1)
        index = (EVENTS, CHECKPOINTS).index(name)
        # Asked for 3 s ago, and 30 s old then.
        assert wire.ages()[index] == 33
        second.answer("0", status=503)
        await wait_until(lambda: getattr(session.connection, name).error is not None)
        assert wire.ages()[index] == 33


@pytest.mark.parametrize("name", [EVENTS, CHECKPOINTS])
async def test_an_older_answer_that_is_dropped_makes_nothing_older(name: str) -> None:
    wire = Wire(FeedSim([started()], checkpoints=[checkpoint()]))
    async with wire.session as session:
        session.refresh()
        first = await wire.asked(name, 0)
        wire.clock.advance(5)
        session.refresh()
        second = await wire.asked(name, 1)
        second.answer("7")
        await wait_until(lambda: getattr(session.connection, name).polls == 1)
        first.answer("900")
        await wait_until(lambda: getattr(session.connection, name).stale_dropped == 1)
        assert wire.ages()[(EVENTS, CHECKPOINTS).index(name)] == 7


async def test_what_else_is_read_at_the_same_time_has_ages_of_its_own() -> None:
    """A look-up has the rank of the poll that it stands beside."""
    wire = Wire(FeedSim([started()], checkpoints=[checkpoint()]))
    async with wire.session as session:
        session.refresh()
        listing = await wire.asked(CHECKPOINTS, 0)
        beside = asyncio.create_task(session.client.checkpoints("resolved"))
        looked_up = await wire.asked(CHECKPOINTS, 1)
        looked_up.answer("500")
        await beside
        listing.answer("4")
        await wait_until(lambda: session.connection.checkpoints.polls == 1)
        assert wire.ages()[1] == 4


async def test_time_that_a_request_waits_for_the_budget_makes_its_answer_no_older() -> None:
    wire = Wire(FeedSim([started()], checkpoints=[checkpoint()]))
    async with wire.session as session:
        wire.session.client.budget._hold(8.0, wire.clock.monotonic())
        session.refresh()
        await wait_until(lambda: wire.clock.sleepers >= 2)
        wire.clock.advance(8.5)
        call = await wire.asked(EVENTS, 0)
        wire.clock.advance(1)
        call.answer()
        await wait_until(lambda: session.connection.events.polls == 1)
        assert wire.ages()[0] == 1


class Pages:
    """Serves three checkpoints, each on a page of its own, which a cache kept for as long as `ages` says."""

    def __init__(self, *ages: int) -> None:
        self.ages = list(ages)
        self.clock = ManualClock()
        target = Target(url="http://127.0.0.1:1/api/v1", name="pages")
        client = Client(target, httpx.MockTransport(self._answer), self.clock)
        self.session = Session(target, clock=self.clock, client=client, backfill=0)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/events"):
            return FeedSim([started()]).respond(request)
        number = int(request.url.params.get("cursor", "0"))
        page = {"checkpoints": [checkpoint(f"ckpt_{number}")], "next_cursor": None if number == 2 else f"{number + 1}"}
        return httpx.Response(200, headers={"Age": str(self.ages[number])}, json={"data": page})

    def told(self) -> tuple[float | None, float, ConnectionState, str]:
        """The age of the first page and of the oldest row, the state, and what the heading says."""
        now, session = self.clock.monotonic(), self.session
        oldest_at = session.pending_status.oldest_at
        assert oldest_at is not None
        heading = AppState(session, "pages").pending_count()
        return session.connection.checkpoints.age(now), now - oldest_at, session.connection.state(now), heading


async def test_the_rows_of_each_page_of_checkpoints_are_as_old_as_their_answer() -> None:
    """The source is live by its first page, which is polled; how old the oldest row is, is told beside the count."""
    wire = Pages(3, 40, 5)
    async with wire.session as session:
        await session.read_once()
        assert wire.told() == (3, 40, ConnectionState.LIVE, "3, all read 40s ago")
        wire.ages[0] = 0
        wire.clock.advance(20)
        await session.read_once(all_checkpoints=False)
        assert wire.told() == (0, 60, ConnectionState.LIVE, "3, all read 1m ago")
        wire.ages = [1, 2, 9]
        await session.read_once()
        await session.read_once()
        assert wire.told() == (1, 9, ConnectionState.LIVE, "3")


async def test_while_pages_of_checkpoints_are_still_to_be_read_the_age_is_that_of_the_rows_that_are_there() -> None:
    wire = Pages(0, 0, 0)
    async with wire.session as session:
        await session.read_once(all_checkpoints=False)
        assert wire.told() == (0, 0, ConnectionState.LIVE, "1+")
        await session._pollers.read_checkpoint_page()
        wire.clock.advance(30)
        await session.read_once(all_checkpoints=False)
        assert wire.told() == (0, 30, ConnectionState.LIVE, "2+, some read 30s ago")


async def test_a_checkpoint_on_a_page_that_a_cache_kept_is_no_evidence_of_what_came_after() -> None:
    """It was pending when the cache took the page, which may be before a write was sent."""
    wire = Pages(0, 40, 0)
    async with wire.session as session:
        await session.read_once()
        seen, since = session._pollers.pending.seen
        assert (len(seen), wire.clock.monotonic() - since) == (3, 40)
