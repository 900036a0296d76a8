"""A poll's wait after failures ends early when the other poll succeeds or when a person presses a key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from scaicore_tui.api.client import Client
from scaicore_tui.config import Target
from scaicore_tui.session import Session
from scaicore_tui.sync.status import SourceStatus
from tests.support.builders import checkpoint, started
from tests.support.feed_simulator import FeedSim, longest_wait
from tests.support.manual_clock import ManualClock
from tests.support.waiting import let_run, running_session, wait_until

Failure = Callable[[], httpx.Response]


def connection_refused() -> httpx.Response:
    raise httpx.ConnectError("refused")


def rejected(status: int, **headers: str) -> Failure:
    http_headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda: httpx.Response(status, json={"detail": "no"}, headers=http_headers)


class FailingServer:
    """A server and its session; requests for events or for checkpoints fail while `failures` has an entry for them."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.failures: dict[str, Failure] = {}
        self.requested_at: dict[str, list[float]] = {"events": [], "checkpoints": []}
        self._sim = FeedSim([started()], checkpoints=[checkpoint()])

    def answer(self, request: httpx.Request) -> httpx.Response:
        name = request.url.path.rpartition("/")[2]
        self.requested_at[name].append(self.clock.monotonic())
        return self.failures[name]() if name in self.failures else self._sim.respond(request)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        target = Target(url="http://127.0.0.1:1/api/v1", name="line")
        client = Client(target, httpx.MockTransport(self.answer), self.clock)
        session = Session(target, clock=self.clock, client=client, backfill=0, random_fn=longest_wait)
        async with session, running_session(session):
            yield session

    async def pass_time(self, session: Session, seconds: float) -> None:
        """Advance the clock by `seconds`, one wait after the other, each time both polls are waiting."""
        timer = asyncio.ensure_future(self.clock.sleep(seconds))
        while not timer.done():
            await let_run(session, 8)
            await wait_until(lambda: self.clock.sleepers >= 3 or timer.done())
            self.clock.skip()
            await let_run(session, 1)
        await let_run(session, 8)
        await wait_until(lambda: self.clock.sleepers >= 2)


async def test_success_of_one_poll_ends_the_wait_of_the_other() -> None:
    server = FailingServer()
    async with server.session() as session:
        server.failures = {"events": connection_refused, "checkpoints": connection_refused}
        await server.pass_time(session, 200)
        failed: SourceStatus = session.connection.events
        assert failed.failures >= 5
        del server.failures["events"], server.failures["checkpoints"]
        # Fetch the checkpoints first, by hand: otherwise the events could be next, up to a minute later.
        await session._pollers._checkpoints.fetch()
        await server.pass_time(session, 5)
        assert (session.connection.events.error, session.connection.events.failures) == (None, 0)


async def test_if_only_one_source_fails_it_is_polled_at_the_usual_interval() -> None:
    server = FailingServer()
    async with server.session() as session:
        server.failures["events"] = rejected(500)
        await server.pass_time(session, 100)
        gaps = [b - a for a, b in zip(server.requested_at["events"], server.requested_at["events"][1:], strict=False)]
        assert max(gaps) <= 10
        assert session.connection.events.failures >= 10


@pytest.mark.parametrize("failure", [rejected(403), rejected(503, Retry_After="50"), rejected(404)])
async def test_an_error_of_one_source_is_respected_even_if_the_other_succeeds(failure: Failure) -> None:
    server = FailingServer()
    async with server.session() as session:
        server.failures["checkpoints"] = failure
        await server.pass_time(session, 100)
        assert len(server.requested_at["events"]) >= 20
        assert len(server.requested_at["checkpoints"]) <= 5


@pytest.mark.parametrize("is_key_pressed", [True, False])
async def test_waits_are_at_most_fifteen_seconds_after_a_key_press(is_key_pressed: bool) -> None:
    server = FailingServer()
    async with server.session() as session:
        server.failures = {"events": connection_refused, "checkpoints": connection_refused}
        await server.pass_time(session, 400)
        count_before = len(server.requested_at["events"])
        if is_key_pressed:
            session.yield_to_ui(to_key=True)
        await server.pass_time(session, 50)
        assert (
            len(server.requested_at["events"]) - count_before >= 3
            if is_key_pressed
            else len(server.requested_at["events"]) - count_before <= 1
        )
        # No key was pressed for a long time: the waits are long again.
        await server.pass_time(session, 400)
        assert server.requested_at["events"][-1] - server.requested_at["events"][-2] == 60


@pytest.mark.parametrize("date", ["Sun, 06 Nov 1994 08:50:37 GMT", "Sun Nov  6 08:50:37 1994"])
async def test_a_retry_date_is_compared_with_the_servers_clock(date: str) -> None:
    server = FailingServer()
    async with server.session() as session:
        server.failures["events"] = rejected(503, Retry_After=date, Date="Sun, 06 Nov 1994 08:49:37 GMT")
        await server.pass_time(session, 59)
        assert len(server.requested_at["events"]) == 1
        assert session.connection.events.error is not None
        assert session.connection.events.error.retry_after == 60
        await server.pass_time(session, 3)
        assert len(server.requested_at["events"]) == 2


async def test_a_wait_requested_by_the_server_is_not_shortened_by_a_key_press() -> None:
    server = FailingServer()
    async with server.session() as session:
        server.failures["events"] = rejected(503, Retry_After="90")
        await server.pass_time(session, 10)
        session.yield_to_ui(to_key=True)
        await server.pass_time(session, 70)
        assert len(server.requested_at["events"]) == 1


async def test_a_manual_refresh_ends_the_wait_of_its_own_poll() -> None:
    server = FailingServer()
    async with server.session() as session:
        server.failures = {"events": connection_refused, "checkpoints": connection_refused}
        await server.pass_time(session, 200)
        server.failures.clear()
        session.refresh()
        await wait_until(
            lambda: session.connection.events.error is None and session.connection.checkpoints.error is None
        )
        count_before = len(server.requested_at["events"])
        await server.pass_time(session, 20)
        assert len(server.requested_at["events"]) - count_before >= 3
