"""The age of each source is that of the answers that are shown: asked for then, less what a cache kept them."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from scaicore_tui.clock import ManualClock
from scaicore_tui.config import Target
from scaicore_tui.errors import CannotReach
from scaicore_tui.feed import Client
from scaicore_tui.session import Session
from tests.builders import checkpoint, started
from tests.feedsim import FeedSim
from tests.waiting import until

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
        response = self._sim.answer(request)
        if call.age is not None:
            response.headers["Age"] = call.age
        return response

    async def asked(self, name: str, number: int) -> Call:
        """The request of that number for one of the two, counted from 0, once it is there."""
        await until(lambda: len([call for call in self.calls if call.name == name]) > number)
        return [call for call in self.calls if call.name == name][number]

    def ages(self) -> tuple[float | None, float | None]:
        """How old events and checkpoints are said to be."""
        link, now = self.session.link, self.clock.monotonic()
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
        await until(lambda: getattr(session.link, name).polls == 1)
        index = (EVENTS, CHECKPOINTS).index(name)
        # Asked for 3 s ago, and 30 s old then.
        assert wire.ages()[index] == 33
        second.answer("0", status=503)
        await until(lambda: getattr(session.link, name).error is not None)
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
        await until(lambda: getattr(session.link, name).polls == 1)
        first.answer("900")
        await until(lambda: getattr(session.link, name).stale_dropped == 1)
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
        await until(lambda: session.link.checkpoints.polls == 1)
        assert wire.ages()[1] == 4


async def test_time_that_a_request_waits_for_the_budget_makes_its_answer_no_older() -> None:
    wire = Wire(FeedSim([started()], checkpoints=[checkpoint()]))
    async with wire.session as session:
        wire.session.client.budget._hold(8.0, wire.clock.monotonic())
        session.refresh()
        await until(lambda: wire.clock.sleepers >= 2)
        wire.clock.advance(8.5)
        call = await wire.asked(EVENTS, 0)
        wire.clock.advance(1)
        call.answer()
        await until(lambda: session.link.events.polls == 1)
        assert wire.ages()[0] == 1


async def test_checkpoints_of_several_pages_are_as_old_as_the_oldest_of_them() -> None:
    ages = iter(["3", "40", "5"])

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/events"):
            raise httpx.ConnectError("only checkpoints")
        age = next(ages)
        rows, cursor = [checkpoint(f"ckpt_{age}")], None if age == "5" else age
        return httpx.Response(200, headers={"Age": age}, json={"data": {"checkpoints": rows, "next_cursor": cursor}})

    target, clock = Target(url="http://127.0.0.1:1/api/v1", name="pages"), ManualClock()
    client = Client(target, httpx.MockTransport(answer), clock)
    async with Session(target, clock=clock, client=client, backfill=0) as session:
        with pytest.raises(CannotReach):
            await session.read_once()
        assert len(session.checkpoints) == 3
        assert session.link.checkpoints.age(clock.monotonic()) == 40
