"""Backfill: newest page first, resumable, with a count of missing events; and the requests of an idle feed."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from scaicore_tui.api.client import Client
from scaicore_tui.config import Target
from scaicore_tui.errors import Unreachable
from scaicore_tui.protocol import Event
from scaicore_tui.session import Session
from scaicore_tui.store import Journal
from scaicore_tui.sync.pollers import MAX_INTERVAL_S, poll_interval
from tests.bench.ceiling import RATE, watch
from tests.support import stored
from tests.support.builders import MILLISECOND, NOON, entered
from tests.support.feed_simulator import FeedSim
from tests.support.manual_clock import ManualClock
from tests.support.old_journal import UNDO_STATISTICS
from tests.support.waiting import let_run, wait_until


def steps(*numbers: int) -> list[Event]:
    return [entered(f"n{number}", NOON + number * MILLISECOND, f"exec_{number // 10:04}") for number in numbers]


class Connection:
    """A connection to a simulated feed; after `pages_left` more requests with a cursor it fails."""

    def __init__(self, sim: FeedSim) -> None:
        self.sim = sim
        self.pages_left: int | None = None
        self.refuse_cursors = False

    def answer(self, request: httpx.Request) -> httpx.Response:
        if "cursor" in request.url.params:
            if self.refuse_cursors:
                self.refuse_cursors = False
                return httpx.Response(410, json={"detail": "the cursor has expired"})
            if self.pages_left is not None:
                if not self.pages_left:
                    raise httpx.ConnectError("gone")
                self.pages_left -= 1
        return self.sim.respond(request)

    @asynccontextmanager
    async def session(self, path: Path, backfill: int = 5_000) -> AsyncIterator[Session]:
        target = Target(url="http://127.0.0.1:1/api/v1", name="sim")
        clock = ManualClock()
        client = Client(target, httpx.MockTransport(self.answer), clock)
        async with Session(target, Journal.open(path), clock=clock, client=client, backfill=backfill) as session:
            yield session


async def record_then_add(connection: Connection, path: Path, *numbers: int) -> None:
    """Read the feed into the journal, then add the events of `numbers` to the feed."""
    async with connection.session(path) as session:
        await session.read_once()
    connection.sim.log += steps(*numbers)


def is_in_order(session: Session) -> bool:
    names = [int((event.node_id or "n0")[1:]) for event in session.events()]
    return names == list(range(len(names)))


async def test_the_newest_page_is_shown_before_the_events_behind_it(tmp_path: Path) -> None:
    connection = Connection(FeedSim(steps(*range(50)), page_size=50))
    await record_then_add(connection, tmp_path / "j", *range(50, 1000))
    connection.pages_left = 3
    async with connection.session(tmp_path / "j") as session:
        with pytest.raises(Unreachable):
            await session.read_once()
        assert stored.ids(session.stored_runs)[-1] == "exec_0099"
        assert len(session.journal) == 50 + 50 + 150
        assert session.connection.behind == pytest.approx(750, abs=10)
        (gap,) = session.index.gaps
        assert (gap.is_open, gap.last_execution, gap.next_execution) == (True, "exec_0004", "exec_0080")
        connection.pages_left = None
        await session.read_once()
        assert (session.connection.behind, session.index.gaps, len(session.journal)) == (None, [], 1000)
        assert is_in_order(session)
        assert stored.ids(session.stored_runs) == [f"exec_{number:04}" for number in range(100)]
        assert {run.event_count for run in stored.summaries(session.stored_runs)} == {10}


@pytest.mark.parametrize("cursor_kind", ["key", "offset"])
async def test_a_later_process_resumes_a_gap_where_the_earlier_one_stopped(tmp_path: Path, cursor_kind: str) -> None:
    connection = Connection(FeedSim(steps(*range(50)), page_size=50, cursor_kind=cursor_kind))
    await record_then_add(connection, tmp_path / "j", *range(50, 1000))
    connection.pages_left = 3
    async with connection.session(tmp_path / "j") as session:
        with pytest.raises(Unreachable):
            await session.read_once()
    connection.pages_left, connection.sim.requests = None, []
    connection.sim.log += steps(*range(1000, 1030))
    async with connection.session(tmp_path / "j") as session:
        assert session.index.gaps[0].is_open
        await session.read_once()
        assert (len(session.journal), session.index.gaps) == (1030, [])
        assert is_in_order(session)
        if cursor_kind == "key":
            assert len(connection.sim.requests) <= 19


@pytest.mark.parametrize("cursor_kind", ["key", "offset"])
@pytest.mark.parametrize("arrived", [0, 30, 400])
async def test_a_later_process_resumes_the_history_where_the_earlier_one_stopped(
    tmp_path: Path, cursor_kind: str, arrived: int
) -> None:
    connection = Connection(FeedSim(steps(*range(1000)), page_size=50, cursor_kind=cursor_kind))
    connection.pages_left = 3
    async with connection.session(tmp_path / "j") as session:
        with pytest.raises(Unreachable):
            await session.read_once()
        assert (len(session.journal), session.journal.open_gap_count()) == (200, 1)
        (gap,) = session.index.gaps
        assert (gap.is_open, gap.is_history, gap.next_at) == (True, True, NOON + 800 * MILLISECOND)
    connection.pages_left, connection.sim.requests = None, []
    connection.sim.log += steps(*range(1000, 1000 + arrived))
    async with connection.session(tmp_path / "j") as session:
        assert (session.has_older, session.index.gaps) == (True, [gap])
        await session.read_once()
        assert (len(session.journal), session.index.gaps, session.has_older) == (1000 + arrived, [], False)
        assert is_in_order(session)
        assert session.journal.open_gap_count() == 0
        assert len(connection.sim.requests) <= 16 + 2 * (3 + arrived // 50)


async def test_history_beyond_the_backfill_is_read_on_request(tmp_path: Path) -> None:
    """Until then it is an open gap. Scrolling or a later start with a larger backfill reads it."""
    connection = Connection(FeedSim(steps(*range(1000)), page_size=50))
    async with connection.session(tmp_path / "j", backfill=100) as session:
        await session.read_once()
        assert (len(session.journal), session.has_older, session.journal.open_gap_count()) == (100, True, 1)
    async with connection.session(tmp_path / "j", backfill=100) as session:
        await session.read_once()
        assert await session.load_older() == 50
    async with connection.session(tmp_path / "j", backfill=300) as session:
        await session.read_once()
        assert (len(session.journal), session.has_older, session.journal.open_gap_count()) == (300, True, 1)


async def test_a_running_session_continues_the_backfill_by_itself(tmp_path: Path) -> None:
    connection = Connection(FeedSim(steps(*range(300)), page_size=50))
    connection.pages_left = 2
    async with connection.session(tmp_path / "j") as session:
        with pytest.raises(Unreachable):
            await session.read_once()
    connection.pages_left = None
    async with connection.session(tmp_path / "j") as session:
        running = asyncio.create_task(session.run())
        await wait_until(lambda: len(session.journal) == 300 and not session.has_older)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_missing_history_is_read_into_the_journal_of_an_older_version(tmp_path: Path) -> None:
    """The old journal has no record of gaps, so the feed is read once, past the known events."""
    connection = Connection(FeedSim(steps(*range(400)), page_size=50))
    connection.pages_left = 2
    async with connection.session(tmp_path / "j") as session:
        with pytest.raises(Unreachable):
            await session.read_once()
    with closing(sqlite3.connect(tmp_path / "j")) as database, database:
        database.execute("DELETE FROM holes")
        database.execute("DROP TABLE identity")
        database.execute("ALTER TABLE gaps DROP COLUMN reason")
        database.executescript(f"{UNDO_STATISTICS} PRAGMA user_version = 4")
    connection.pages_left = None
    async with connection.session(tmp_path / "j") as session:
        assert session.has_older
        await session.read_once()
        assert (len(session.journal), session.has_older, session.index.gaps) == (400, False, [])
        assert is_in_order(session)


async def test_backfill_restarts_from_the_newest_page_after_an_expired_cursor(tmp_path: Path) -> None:
    connection = Connection(FeedSim(steps(*range(50)), page_size=50))
    await record_then_add(connection, tmp_path / "j", *range(50, 500))
    async with connection.session(tmp_path / "j") as session:
        connection.pages_left = 3
        with pytest.raises(Unreachable):
            await session.read_once()
        connection.pages_left, connection.refuse_cursors = None, True
        await session.read_once()
        assert (len(session.journal), session.index.gaps) == (500, [])
        assert is_in_order(session)


async def test_a_gap_becomes_final_only_at_the_feeds_end(tmp_path: Path) -> None:
    connection = Connection(FeedSim(steps(*range(50)), page_size=50))
    await record_then_add(connection, tmp_path / "j", *range(50, 500))
    del connection.sim.log[:120]
    async with connection.session(tmp_path / "j") as session:
        connection.pages_left = 1
        with pytest.raises(Unreachable):
            await session.read_once()
        assert (session.journal.gap_count(), [gap.is_open for gap in session.index.gaps]) == (0, [True])
        connection.pages_left = None
        await session.read_once()
        (gap,) = session.index.gaps
        assert (session.journal.gap_count(), gap.is_open) == (1, False)
        assert (gap.last_at, gap.next_at) == (NOON + 49 * MILLISECOND, NOON + 120 * MILLISECOND)


async def test_an_idle_feed_costs_two_requests_each_interval(tmp_path: Path) -> None:
    connection = Connection(FeedSim(steps(*range(500))))
    async with connection.session(tmp_path / "j") as session:
        clock = session.clock
        assert isinstance(clock, ManualClock)
        running = asyncio.create_task(session.run())
        costs = []
        for _ in range(30):
            await let_run(session, 60)
            costs.append(session.client.requests)
            clock.advance(5)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert {after - before for before, after in pairwise(costs)} == {2}


async def test_no_requests_are_sent_while_paused(tmp_path: Path) -> None:
    connection = Connection(FeedSim(steps(*range(50)), page_size=50))
    await record_then_add(connection, tmp_path / "j", *range(50, 1000))
    connection.pages_left = 0
    async with connection.session(tmp_path / "j") as session:
        clock = session.clock
        assert isinstance(clock, ManualClock)
        running = asyncio.create_task(session.run())
        await wait_until(lambda: session.connection.behind)
        session.pause(paused=True)
        connection.pages_left = None
        for _ in range(3):
            clock.advance(60)
            await let_run(session, 60)
        assert len(session.journal) == 100
        session.pause(paused=False)
        await wait_until(lambda: session.connection.behind is None)
        assert len(session.journal) == 1000
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def test_the_poll_interval_grows_with_the_number_of_missing_events() -> None:
    intervals = [poll_interval(5.0, behind) for behind in (0, 1_000, 2_000, 6_000, 10_000, 10**6)]
    assert intervals == [5.0, 5.0, 5.0, 17.5, MAX_INTERVAL_S, MAX_INTERVAL_S]
    assert poll_interval(60.0, 10**6) == 60.0


@pytest.mark.parametrize(("seconds", "share"), [(45.0, 1.0), (10.0, 3.0)])
async def test_no_event_is_lost_near_the_rate_limit_or_in_a_burst(seconds: float, share: float) -> None:
    found = await watch(seconds, RATE * share)
    assert found.counts == (0, 0, 0)
    assert found.oldest_head < MAX_INTERVAL_S + 5
