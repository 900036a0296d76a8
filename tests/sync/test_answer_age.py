"""The age of a source: the time since the request for the response that is shown, plus the response's `Age`."""

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


class HeldRequest:
    """A request that waits for its response."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.age: str | None = None
        self.status = 200
        self._may_respond = asyncio.Event()

    def release(self, age: str | None = None, status: int = 200) -> None:
        """Release the response, with that `Age` and status."""
        self.age, self.status = age, status
        self._may_respond.set()

    async def released(self) -> None:
        await self._may_respond.wait()


class HoldingServer:
    """A server that delays each response until the test releases it."""

    def __init__(self, sim: FeedSim) -> None:
        self.clock = ManualClock()
        self.calls: list[HeldRequest] = []
        self._sim = sim
        target = Target(url="http://127.0.0.1:1/api/v1", name="wire")
        client = Client(target, httpx.MockTransport(self._answer), self.clock)
        self.session = Session(target, clock=self.clock, client=client, backfill=0)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        call = HeldRequest(request.url.path.rpartition("/")[2])
        self.calls.append(call)
        await call.released()
        if call.status != 200:
            return httpx.Response(call.status, json={"detail": "no"})
        response = self._sim.respond(request)
        if call.age is not None:
            response.headers["Age"] = call.age
        return response

    async def request(self, name: str, number: int) -> HeldRequest:
        """Wait for the request of that number (from 0) to `name`, events or checkpoints, and return it."""
        await wait_until(lambda: len([call for call in self.calls if call.name == name]) > number)
        return [call for call in self.calls if call.name == name][number]

    def ages(self) -> tuple[float | None, float | None]:
        """Return the ages in seconds of events and of checkpoints."""
        connection, now = self.session.connection, self.clock.monotonic()
        return connection.events.age(now), connection.checkpoints.age(now)


@pytest.mark.parametrize("name", [EVENTS, CHECKPOINTS])
async def test_an_unfinished_or_failed_newer_request_does_not_reduce_the_age(name: str) -> None:
    server = HoldingServer(FeedSim([started()], checkpoints=[checkpoint()]))
    async with server.session as session:
        session.refresh()
        first = await server.request(name, 0)
        server.clock.advance(2)
        session.refresh()
        second = await server.request(name, 1)
        server.clock.advance(1)
        first.release("30")
        await wait_until(lambda: getattr(session.connection, name).polls == 1)
        index = (EVENTS, CHECKPOINTS).index(name)
        # Requested 3 s ago; 30 s old at that time.
        assert server.ages()[index] == 33
        second.release("0", status=503)
        await wait_until(lambda: getattr(session.connection, name).error is not None)
        assert server.ages()[index] == 33


@pytest.mark.parametrize("name", [EVENTS, CHECKPOINTS])
async def test_a_dropped_older_response_does_not_raise_the_age(name: str) -> None:
    server = HoldingServer(FeedSim([started()], checkpoints=[checkpoint()]))
    async with server.session as session:
        session.refresh()
        first = await server.request(name, 0)
        server.clock.advance(5)
        session.refresh()
        second = await server.request(name, 1)
        second.release("7")
        await wait_until(lambda: getattr(session.connection, name).polls == 1)
        first.release("900")
        await wait_until(lambda: getattr(session.connection, name).stale_dropped == 1)
        assert server.ages()[(EVENTS, CHECKPOINTS).index(name)] == 7


async def test_a_simultaneous_lookup_does_not_change_the_age() -> None:
    """A look-up has the same priority as the poll that runs at the same time."""
    server = HoldingServer(FeedSim([started()], checkpoints=[checkpoint()]))
    async with server.session as session:
        session.refresh()
        listing = await server.request(CHECKPOINTS, 0)
        lookup_task = asyncio.create_task(session.client.checkpoints("resolved"))
        lookup = await server.request(CHECKPOINTS, 1)
        lookup.release("500")
        await lookup_task
        listing.release("4")
        await wait_until(lambda: session.connection.checkpoints.polls == 1)
        assert server.ages()[1] == 4


async def test_waiting_for_the_budget_does_not_add_to_the_age() -> None:
    server = HoldingServer(FeedSim([started()], checkpoints=[checkpoint()]))
    async with server.session as session:
        server.session.client.budget._hold(8.0, server.clock.monotonic())
        session.refresh()
        await wait_until(lambda: server.clock.sleepers >= 2)
        server.clock.advance(8.5)
        call = await server.request(EVENTS, 0)
        server.clock.advance(1)
        call.release()
        await wait_until(lambda: session.connection.events.polls == 1)
        assert server.ages()[0] == 1


class Pages:
    """Serves three checkpoints, one on each page; `ages` are the `Age` headers of the pages, in seconds."""

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

    def age_report(self) -> tuple[float | None, float, ConnectionState, str]:
        """Return the ages of the first page and of the oldest row, the connection state, and the heading."""
        now, session = self.clock.monotonic(), self.session
        oldest_at = session.pending_status.oldest_at
        assert oldest_at is not None
        heading = AppState(session, "pages").pending_count()
        return session.connection.checkpoints.age(now), now - oldest_at, session.connection.state(now), heading


async def test_each_checkpoint_is_as_old_as_its_page() -> None:
    """The first page, which is polled, decides the state; the heading shows the age of the oldest row."""
    server = Pages(3, 40, 5)
    async with server.session as session:
        await session.read_once()
        assert server.age_report() == (3, 40, ConnectionState.LIVE, "3, all read 40s ago")
        server.ages[0] = 0
        server.clock.advance(20)
        await session.read_once(all_checkpoints=False)
        assert server.age_report() == (0, 60, ConnectionState.LIVE, "3, all read 1m ago")
        server.ages = [1, 2, 9]
        await session.read_once()
        await session.read_once()
        assert server.age_report() == (1, 9, ConnectionState.LIVE, "3")


async def test_while_pages_are_missing_the_age_is_that_of_the_rows_read_so_far() -> None:
    server = Pages(0, 0, 0)
    async with server.session as session:
        await session.read_once(all_checkpoints=False)
        assert server.age_report() == (0, 0, ConnectionState.LIVE, "1+")
        await session._pollers.read_checkpoint_page()
        server.clock.advance(30)
        await session.read_once(all_checkpoints=False)
        assert server.age_report() == (0, 30, ConnectionState.LIVE, "2+, some read 30s ago")


async def test_a_checkpoint_on_a_cached_page_proves_nothing_about_later_writes() -> None:
    """The checkpoint was pending when the page was cached: possibly before a write was sent."""
    server = Pages(0, 40, 0)
    async with server.session as session:
        await session.read_once()
        seen, since = session._pollers.pending.seen
        assert (len(seen), server.clock.monotonic() - since) == (3, 40)
