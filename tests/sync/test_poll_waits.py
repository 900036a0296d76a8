"""What ends a poll's wait after failures: an answer to the other poll, and somebody who looks."""

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

Trouble = Callable[[], httpx.Response]


def gone() -> httpx.Response:
    raise httpx.ConnectError("refused")


def refuses(status: int, **headers: str) -> Trouble:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda: httpx.Response(status, json={"detail": "no"}, headers=named)


class Line:
    """A session whose requests for events, or for checkpoints, fail while there is trouble with them."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.trouble: dict[str, Trouble] = {}
        self.asked: dict[str, list[float]] = {"events": [], "checkpoints": []}
        self._sim = FeedSim([started()], checkpoints=[checkpoint()])

    def answer(self, request: httpx.Request) -> httpx.Response:
        name = request.url.path.rpartition("/")[2]
        self.asked[name].append(self.clock.monotonic())
        return self.trouble[name]() if name in self.trouble else self._sim.respond(request)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        target = Target(url="http://127.0.0.1:1/api/v1", name="line")
        client = Client(target, httpx.MockTransport(self.answer), self.clock)
        session = Session(target, clock=self.clock, client=client, backfill=0, random_fn=longest_wait)
        async with session, running_session(session):
            yield session

    async def pass_time(self, session: Session, seconds: float) -> None:
        """Let so much time pass, one wait after the other: it passes while both polls wait for it."""
        over = asyncio.ensure_future(self.clock.sleep(seconds))
        while not over.done():
            await let_run(session, 8)
            await wait_until(lambda: self.clock.sleepers >= 3 or over.done())
            self.clock.skip()
            await let_run(session, 1)
        await let_run(session, 8)
        await wait_until(lambda: self.clock.sleepers >= 2)


async def test_an_answer_to_one_poll_ends_the_wait_of_the_other() -> None:
    line = Line()
    async with line.session() as session:
        line.trouble = {"events": gone, "checkpoints": gone}
        await line.pass_time(session, 200)
        failed: SourceStatus = session.connection.events
        assert failed.failures >= 5
        del line.trouble["events"], line.trouble["checkpoints"]
        # The checkpoints are asked for again first: by hand, as the events would be in up to a minute.
        await session._pollers._checkpoints.fetch()
        await line.pass_time(session, 5)
        assert (session.connection.events.error, session.connection.events.failures) == (None, 0)


async def test_where_only_one_fails_it_is_asked_for_at_the_usual_pace() -> None:
    line = Line()
    async with line.session() as session:
        line.trouble["events"] = refuses(500)
        await line.pass_time(session, 100)
        gaps = [b - a for a, b in zip(line.asked["events"], line.asked["events"][1:], strict=False)]
        assert max(gaps) <= 10
        assert session.connection.events.failures >= 10


@pytest.mark.parametrize("trouble", [refuses(403), refuses(503, Retry_After="50"), refuses(404)])
async def test_what_the_server_said_of_one_request_holds_whatever_it_says_to_others(trouble: Trouble) -> None:
    line = Line()
    async with line.session() as session:
        line.trouble["checkpoints"] = trouble
        await line.pass_time(session, 100)
        assert len(line.asked["events"]) >= 20
        assert len(line.asked["checkpoints"]) <= 5


@pytest.mark.parametrize("pressed", [True, False])
async def test_while_keys_are_pressed_no_wait_is_longer_than_fifteen_seconds(pressed: bool) -> None:
    line = Line()
    async with line.session() as session:
        line.trouble = {"events": gone, "checkpoints": gone}
        await line.pass_time(session, 400)
        begun = len(line.asked["events"])
        if pressed:
            session.yield_to_ui(to_key=True)
        await line.pass_time(session, 50)
        assert len(line.asked["events"]) - begun >= 3 if pressed else len(line.asked["events"]) - begun <= 1
        # Nobody is there any more: the waits are long again.
        await line.pass_time(session, 400)
        assert line.asked["events"][-1] - line.asked["events"][-2] == 60


@pytest.mark.parametrize("date", ["Sun, 06 Nov 1994 08:50:37 GMT", "Sun Nov  6 08:50:37 1994"])
async def test_a_date_to_wait_for_is_told_by_the_server_s_clock(date: str) -> None:
    line = Line()
    async with line.session() as session:
        line.trouble["events"] = refuses(503, Retry_After=date, Date="Sun, 06 Nov 1994 08:49:37 GMT")
        await line.pass_time(session, 59)
        assert len(line.asked["events"]) == 1
        assert session.connection.events.error is not None
        assert session.connection.events.error.retry_after == 60
        await line.pass_time(session, 3)
        assert len(line.asked["events"]) == 2


async def test_a_wait_that_the_server_asked_for_is_not_shortened_by_a_key() -> None:
    line = Line()
    async with line.session() as session:
        line.trouble["events"] = refuses(503, Retry_After="90")
        await line.pass_time(session, 10)
        session.yield_to_ui(to_key=True)
        await line.pass_time(session, 70)
        assert len(line.asked["events"]) == 1


async def test_an_answer_that_was_asked_for_by_hand_ends_the_wait_of_its_own_poll() -> None:
    line = Line()
    async with line.session() as session:
        line.trouble = {"events": gone, "checkpoints": gone}
        await line.pass_time(session, 200)
        line.trouble.clear()
        session.refresh()
        await wait_until(
            lambda: session.connection.events.error is None and session.connection.checkpoints.error is None
        )
        begun = len(line.asked["events"])
        await line.pass_time(session, 20)
        assert len(line.asked["events"]) - begun >= 3
