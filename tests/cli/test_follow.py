"""`ChangeFollower` and `ConnectionReporter` on a simulated feed with outages, gaps and expired events."""

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


class SimulatedFeed:
    """A session on a simulated feed. While `fault` is set, its result is the response to every request."""

    def __init__(self, sim: FeedSim) -> None:
        self.sim = sim
        self.fault: Callable[[], httpx.Response] | None = None
        target = Target(url="http://127.0.0.1:1/api/v1", name="sim")
        client = Client(target, httpx.MockTransport(self._answer))
        self.session = Session(target, clock=ManualClock(), client=client, backfill=0, random_fn=lambda: 1.0)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        return self.sim.respond(request) if self.fault is None else self.fault()


def expected_changes(events: Sequence[Event], first: int) -> list[Transition]:
    """Return the changes that `events` cause, from index `first` on."""
    stream = TransitionStream(
        lambda key, upto: [(n, e) for n, e in enumerate(events[: upto + 1]) if e.execution_id == key]
    )
    return list(stream.feed(list(enumerate(events))[first:]))


@pytest.mark.parametrize("page_size", [50, 500])
async def test_changes_above_an_open_gap_wait_until_it_is_filled(page_size: int) -> None:
    feed = SimulatedFeed(FeedSim(FEED[:SPLIT], page_size=page_size))
    async with feed.session as session:
        await session.read_once()
        while await session.load_older():
            pass
        follower, changes = ChangeFollower(session, None), list[Transition]()
        session.subscribe(lambda update: changes.extend(follower.new_changes()))
        for end in (SPLIT + 20, 2_000, 2_001, len(FEED)):
            feed.sim.log[:] = FEED[:end]
            await session.read_once()
        changes.extend(follower.new_changes())
        assert changes == expected_changes(FEED, SPLIT)


async def test_one_run_is_followed_from_its_past_changes_to_new_ones() -> None:
    steps = [started(), entered("a"), completed()]
    feed = SimulatedFeed(FeedSim([started(execution="exec_2"), *steps[:2]], checkpoints=[checkpoint()]))
    async with feed.session as session:
        await session.read_once()
        follower = ChangeFollower(session, "exec_1")
        assert [str(change.kind) for change in follower.past_changes("exec_1")] == ["run_began", "node_entered"]
        assert [str(change.kind) for change in follower.waiting()] == ["checkpoint_waits"]
        feed.sim.log += [completed(execution="exec_2"), steps[2]]
        await session.read_once()
        assert [str(change.kind) for change in follower.new_changes()] == ["run_completed"]
        # The run has ended, but its checkpoint is still listed as pending: not reported as gone.
        await follower.refresh_checkpoints(always=True)
        assert list(follower.release_due([])) == []
        feed.sim.checkpoints.clear()
        await session.read_once()
        await follower.refresh_checkpoints(always=False)
        assert [str(change.kind) for change in follower.release_due([])] == ["checkpoint_gone"]


async def test_a_checkpoint_closed_just_before_its_run_ended_is_reported_once() -> None:
    """The first listing may be older than the end of the run, so checkpoints are listed once more after it."""
    feed = SimulatedFeed(FeedSim([started(), entered("a")], checkpoints=[checkpoint()]))
    async with feed.session as session:
        await session.read_once()
        follower = ChangeFollower(session, "exec_1")
        assert [str(change.kind) for change in follower.waiting()] == ["checkpoint_waits"]
        feed.sim.log.append(completed())
        await session.read_once()
        feed.sim.checkpoints.clear()
        await follower.refresh_checkpoints(always=False)
        assert [str(change.kind) for change in follower.release_due([])] == ["checkpoint_gone"]
        assert [row.id for row in session.checkpoints] == ["ckpt_1"]
        await session.read_once()
        count = len(feed.sim.requests)
        for _ in range(3):
            await follower.refresh_checkpoints(always=False)
        assert list(follower.release_due([])) == []
        assert len(feed.sim.requests) == count


async def test_a_failed_listing_at_the_end_of_a_run_does_not_report_the_checkpoint_as_gone() -> None:
    feed = SimulatedFeed(FeedSim([started()], checkpoints=[checkpoint()]))
    async with feed.session as session:
        await session.read_once()
        follower = ChangeFollower(session, "exec_1")
        list(follower.waiting())
        feed.sim.log.append(completed())
        await session.read_once()
        feed.fault = lambda: httpx.Response(503, json={"detail": "out for lunch"})
        await follower.refresh_checkpoints(always=False)
        assert list(follower.release_due([])) == []


async def test_a_failed_first_read_is_repeated_until_it_succeeds(capsys: pytest.CaptureFixture[str]) -> None:
    feed, statuses = SimulatedFeed(FeedSim(FEED[:5])), [503, 429, 500, 503]

    async def read() -> None:
        if statuses:
            raise read_problem(statuses.pop(0), {}, b'{"detail": "out for lunch"}').to_error()

    async with feed.session as session:
        reporter, clock = ConnectionReporter(session), session.clock
        assert isinstance(clock, ManualClock)
        reading = asyncio.ensure_future(with_backoff(session, reporter, read))
        while not reading.done():
            await yield_once()
            clock.skip()
        await reading
        assert clock.monotonic() == 5 + 10 + 20 + 40
        assert reporter.is_lost
        assert capsys.readouterr().err.count("connection lost: ") == 1


@pytest.mark.parametrize("status", [401, 403, 404, 422])
async def test_permanent_errors_are_raised_without_a_retry(status: int) -> None:
    feed = SimulatedFeed(FeedSim(FEED[:5]))
    feed.fault = lambda: httpx.Response(status, json={"detail": "no"})
    async with feed.session as session:
        with pytest.raises(ScaicoreError):
            await with_backoff(session, ConnectionReporter(session), session.read_once)


async def test_a_lost_and_a_restored_connection_are_reported_once_each() -> None:
    feed = SimulatedFeed(FeedSim(FEED[:5]))
    async with feed.session as session:
        await session.read_once()
        reporter = ConnectionReporter(session)
        assert list(reporter.new_messages()) == []
        feed.fault = lambda: httpx.Response(503, json={"detail": "out for lunch"})
        for n in range(3):
            with pytest.raises(Exception, match="lunch"):
                await session.read_once()
            messages = list(reporter.new_messages())
            assert (["connection lost: " in message for message in messages] or [False]) == [n == 0]
            session.clock.advance(20)  # type: ignore[attr-defined]
        feed.fault = None
        await session.read_once()
        (restored,) = reporter.new_messages()
        assert restored.endswith("connection restored after 1m")
        assert list(reporter.new_messages()) == []


async def test_a_credential_rejected_three_times_is_an_error() -> None:
    feed = SimulatedFeed(FeedSim(FEED[:5]))
    async with feed.session as session:
        await session.read_once()
        reporter = ConnectionReporter(session)
        feed.fault = lambda: httpx.Response(401, json={"detail": "expired"})
        for _ in range(2):
            with pytest.raises(CredentialsError):
                await session.read_once()
            list(reporter.new_messages())
        with pytest.raises(CredentialsError):
            await session.read_once()
        with pytest.raises(CredentialsError):
            list(reporter.new_messages())


async def test_lost_events_are_reported() -> None:
    feed = SimulatedFeed(FeedSim(FEED[:SPLIT]))
    async with feed.session as session:
        await session.read_once()
        reporter = ConnectionReporter(session)
        feed.sim.log[:] = FEED[2_000:]
        await session.read_once()
        (message,) = reporter.new_messages()
        assert message.endswith("events lost to retention, changes may be missing")
        assert list(reporter.new_messages()) == []
