"""A session followed line by line, on a feed that a test writes: through outages, holes and what retention took."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import httpx
import pytest

from scaicore_tui.api.client import Client
from scaicore_tui.cli.commands.follow import ChangeFollower, ConnectionReporter, with_backoff
from scaicore_tui.config import Target
from scaicore_tui.errors import CredentialsError, ScaicoreError
from scaicore_tui.protocol import Event, decode_event, read_problem
from scaicore_tui.runs import Transition, TransitionStream
from scaicore_tui.session import Session
from tests.bench.traffic import sources
from tests.support.builders import checkpoint, completed, entered, started
from tests.support.feed_simulator import FeedSim
from tests.support.manual_clock import ManualClock
from tests.support.waiting import yield_once

FEED = [decode_event(source) for source in sources(4_000)]
SPLIT = 300


class Line:
    """A session on a feed, whose requests fail while there is `trouble`."""

    def __init__(self, sim: FeedSim) -> None:
        self.sim = sim
        self.trouble: Callable[[], httpx.Response] | None = None
        target = Target(url="http://127.0.0.1:1/api/v1", name="sim")
        client = Client(target, httpx.MockTransport(self._answer))
        self.session = Session(target, clock=ManualClock(), client=client, backfill=0, random_fn=lambda: 1.0)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        return self.sim.respond(request) if self.trouble is None else self.trouble()


def whole(events: Sequence[Event], first: int) -> list[Transition]:
    """Return the expected changes from that event on."""
    teller = TransitionStream(
        lambda key, upto: [(n, e) for n, e in enumerate(events[: upto + 1]) if e.execution_id == key]
    )
    return list(teller.feed(list(enumerate(events))[first:]))


@pytest.mark.parametrize("page_size", [50, 500])
async def test_changes_above_an_open_gap_wait_until_it_is_filled(page_size: int) -> None:
    line = Line(FeedSim(FEED[:SPLIT], page_size=page_size))
    async with line.session as session:
        await session.read_once()
        while await session.load_older():
            pass
        follower, changes = ChangeFollower(session, None), list[Transition]()
        session.subscribe(lambda update: changes.extend(follower.new_changes()))
        for end in (SPLIT + 20, 2_000, 2_001, len(FEED)):
            line.sim.log[:] = FEED[:end]
            await session.read_once()
        changes.extend(follower.new_changes())
        assert changes == whole(FEED, SPLIT)


async def test_one_run_is_followed_from_its_past_changes_to_new_ones() -> None:
    steps = [started(), entered("a"), completed()]
    line = Line(FeedSim([started(execution="exec_2"), *steps[:2]], checkpoints=[checkpoint()]))
    async with line.session as session:
        await session.read_once()
        follower = ChangeFollower(session, "exec_1")
        assert [str(made.kind) for made in follower.past_changes("exec_1")] == ["run_began", "node_entered"]
        assert [str(made.kind) for made in follower.waiting()] == ["checkpoint_waits"]
        line.sim.log += [completed(execution="exec_2"), steps[2]]
        await session.read_once()
        assert [str(made.kind) for made in follower.new_changes()] == ["run_completed"]
        # It has ended, and its checkpoint is pending still: nothing tells that it is gone.
        await follower.refresh_checkpoints(always=True)
        assert list(follower.release_due([])) == []
        line.sim.checkpoints.clear()
        await session.read_once()
        await follower.refresh_checkpoints(always=False)
        assert [str(made.kind) for made in follower.release_due([])] == ["checkpoint_gone"]


async def test_a_checkpoint_closed_just_before_its_run_ended_is_reported_once() -> None:
    """A checkpoint listed before the end is listed again once at the end."""
    line = Line(FeedSim([started(), entered("a")], checkpoints=[checkpoint()]))
    async with line.session as session:
        await session.read_once()
        follower = ChangeFollower(session, "exec_1")
        assert [str(made.kind) for made in follower.waiting()] == ["checkpoint_waits"]
        line.sim.log.append(completed())
        await session.read_once()
        line.sim.checkpoints.clear()
        await follower.refresh_checkpoints(always=False)
        assert [str(made.kind) for made in follower.release_due([])] == ["checkpoint_gone"]
        assert [row.id for row in session.checkpoints] == ["ckpt_1"]
        await session.read_once()
        asked = len(line.sim.requests)
        for _ in range(3):
            await follower.refresh_checkpoints(always=False)
        assert list(follower.release_due([])) == []
        assert len(line.sim.requests) == asked


async def test_a_listing_that_fails_at_the_end_of_a_run_is_no_evidence() -> None:
    line = Line(FeedSim([started()], checkpoints=[checkpoint()]))
    async with line.session as session:
        await session.read_once()
        follower = ChangeFollower(session, "exec_1")
        list(follower.waiting())
        line.sim.log.append(completed())
        await session.read_once()
        line.trouble = lambda: httpx.Response(503, json={"detail": "gone for lunch"})
        await follower.refresh_checkpoints(always=False)
        assert list(follower.release_due([])) == []


async def test_a_failed_first_read_is_repeated_until_it_succeeds(capsys: pytest.CaptureFixture[str]) -> None:
    line, statuses = Line(FeedSim(FEED[:5])), [503, 429, 500, 503]

    async def read() -> None:
        if statuses:
            raise read_problem(statuses.pop(0), {}, b'{"detail": "gone for lunch"}').to_error()

    async with line.session as session:
        contact, clock = ConnectionReporter(session), session.clock
        assert isinstance(clock, ManualClock)
        reading = asyncio.ensure_future(with_backoff(session, contact, read))
        while not reading.done():
            await yield_once()
            clock.skip()
        await reading
        assert clock.monotonic() == 5 + 10 + 20 + 40
        assert contact.is_lost
        assert capsys.readouterr().err.count("connection lost: ") == 1


@pytest.mark.parametrize("status", [401, 403, 404, 422])
async def test_permanent_errors_are_raised_at_once(status: int) -> None:
    line = Line(FeedSim(FEED[:5]))
    line.trouble = lambda: httpx.Response(status, json={"detail": "no"})
    async with line.session as session:
        with pytest.raises(ScaicoreError):
            await with_backoff(session, ConnectionReporter(session), session.read_once)


async def test_a_lost_and_a_restored_connection_are_reported_once_each() -> None:
    line = Line(FeedSim(FEED[:5]))
    async with line.session as session:
        await session.read_once()
        contact = ConnectionReporter(session)
        assert list(contact.new_messages()) == []
        line.trouble = lambda: httpx.Response(503, json={"detail": "gone for lunch"})
        for n in range(3):
            with pytest.raises(Exception, match="lunch"):
                await session.read_once()
            words = list(contact.new_messages())
            assert (["connection lost: " in line for line in words] or [False]) == [n == 0]
            session.clock.advance(20)  # type: ignore[attr-defined]
        line.trouble = None
        await session.read_once()
        (back,) = contact.new_messages()
        assert back.endswith("connection restored after 1m")
        assert list(contact.new_messages()) == []


async def test_a_credential_that_is_refused_again_and_again_is_believed_to_be_no_good() -> None:
    line = Line(FeedSim(FEED[:5]))
    async with line.session as session:
        await session.read_once()
        contact = ConnectionReporter(session)
        line.trouble = lambda: httpx.Response(401, json={"detail": "expired"})
        for _ in range(2):
            with pytest.raises(CredentialsError):
                await session.read_once()
            list(contact.new_messages())
        with pytest.raises(CredentialsError):
            await session.read_once()
        with pytest.raises(CredentialsError):
            list(contact.new_messages())


async def test_lost_events_are_reported() -> None:
    line = Line(FeedSim(FEED[:SPLIT]))
    async with line.session as session:
        await session.read_once()
        contact = ConnectionReporter(session)
        line.sim.log[:] = FEED[2_000:]
        await session.read_once()
        (words,) = contact.new_messages()
        assert words.endswith("events lost to retention, changes may be missing")
        assert list(contact.new_messages()) == []
