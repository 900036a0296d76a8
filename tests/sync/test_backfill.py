"""Catching up: head first, resumable, honest about how far behind; and what an idle feed costs."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
from tests.support.builders import MILLISECOND, NOON, entered
from tests.support.feed_simulator import FeedSim
from tests.support.manual_clock import ManualClock
from tests.support.waiting import let_run, wait_until


def steps(*numbers: int) -> list[Event]:
    return [entered(f"n{number}", NOON + number * MILLISECOND, f"exec_{number // 10:04}") for number in numbers]


class Wire:
    """To a simulated feed; after `cut` more pages with a cursor nothing gets through."""

    def __init__(self, sim: FeedSim) -> None:
        self.sim = sim
        self.cut: int | None = None
        self.refuse_cursors = False

    def answer(self, request: httpx.Request) -> httpx.Response:
        if "cursor" in request.url.params:
            if self.refuse_cursors:
                self.refuse_cursors = False
                return httpx.Response(410, json={"detail": "the cursor has expired"})
            if self.cut is not None:
                if not self.cut:
                    raise httpx.ConnectError("gone")
                self.cut -= 1
        return self.sim.respond(request)

    @asynccontextmanager
    async def session(self, path: Path, backfill: int = 5_000) -> AsyncIterator[Session]:
        target = Target(url="http://127.0.0.1:1/api/v1", name="sim")
        clock = ManualClock()
        client = Client(target, httpx.MockTransport(self.answer), clock)
        async with Session(target, Journal.open(path), clock=clock, client=client, backfill=backfill) as session:
            yield session


async def known_then(wire: Wire, path: Path, *numbers: int) -> None:
    """A journal that knows the first fifty, and a feed with more."""
    async with wire.session(path) as session:
        await session.read_once()
    wire.sim.log += steps(*numbers)


def in_order(session: Session) -> bool:
    names = [int((event.node_id or "n0")[1:]) for event in session.events()]
    return names == list(range(len(names)))


async def test_the_head_is_shown_before_what_lies_behind_it(tmp_path: Path) -> None:
    wire = Wire(FeedSim(steps(*range(50)), page_size=50))
    await known_then(wire, tmp_path / "j", *range(50, 1000))
    wire.cut = 3
    async with wire.session(tmp_path / "j") as session:
        with pytest.raises(Unreachable):
            await session.read_once()
        assert list(session.index.runs)[-1] == "exec_0099"
        assert len(session.journal) == 50 + 50 + 150
        assert session.connection.behind == pytest.approx(750, abs=10)
        (gap,) = session.index.gaps
        assert (gap.is_open, gap.last_execution, gap.next_execution) == (True, "exec_0004", "exec_0080")
        wire.cut = None
        await session.read_once()
        assert (session.connection.behind, session.index.gaps, len(session.journal)) == (None, [], 1000)
        assert in_order(session)
        assert list(session.index.runs) == [f"exec_{number:04}" for number in range(100)]
        assert {run.event_count for run in session.index.runs.values()} == {10}


@pytest.mark.parametrize("kind", ["key", "offset"])
async def test_a_later_process_goes_on_where_an_earlier_one_ended(tmp_path: Path, kind: str) -> None:
    wire = Wire(FeedSim(steps(*range(50)), page_size=50, cursor_kind=kind))
    await known_then(wire, tmp_path / "j", *range(50, 1000))
    wire.cut = 3
    async with wire.session(tmp_path / "j") as session:
        with pytest.raises(Unreachable):
            await session.read_once()
    wire.cut, wire.sim.requests = None, []
    wire.sim.log += steps(*range(1000, 1030))
    async with wire.session(tmp_path / "j") as session:
        assert session.index.gaps[0].is_open
        await session.read_once()
        assert (len(session.journal), session.index.gaps) == (1030, [])
        assert in_order(session)
        if kind == "key":
            assert len(wire.sim.requests) <= 19


@pytest.mark.parametrize("kind", ["key", "offset"])
@pytest.mark.parametrize("arrived", [0, 30, 400])
async def test_history_goes_on_where_an_earlier_process_ended(tmp_path: Path, kind: str, arrived: int) -> None:
    wire = Wire(FeedSim(steps(*range(1000)), page_size=50, cursor_kind=kind))
    wire.cut = 3
    async with wire.session(tmp_path / "j") as session:
        with pytest.raises(Unreachable):
            await session.read_once()
        assert (len(session.journal), session.journal.open_gap_count()) == (200, 1)
        (gap,) = session.index.gaps
        assert (gap.is_open, gap.is_history, gap.next_at) == (True, True, NOON + 800 * MILLISECOND)
    wire.cut, wire.sim.requests = None, []
    wire.sim.log += steps(*range(1000, 1000 + arrived))
    async with wire.session(tmp_path / "j") as session:
        assert (session.has_older, session.index.gaps) == (True, [gap])
        await session.read_once()
        assert (len(session.journal), session.index.gaps, session.has_older) == (1000 + arrived, [], False)
        assert in_order(session)
        assert session.journal.open_gap_count() == 0
        assert len(wire.sim.requests) <= 16 + 2 * (3 + arrived // 50)


async def test_history_that_was_not_wanted_is_read_when_it_is(tmp_path: Path) -> None:
    """It is an open gap until then: by scrolling, or by a later start that wants more."""
    wire = Wire(FeedSim(steps(*range(1000)), page_size=50))
    async with wire.session(tmp_path / "j", backfill=100) as session:
        await session.read_once()
        assert (len(session.journal), session.has_older, session.journal.open_gap_count()) == (100, True, 1)
    async with wire.session(tmp_path / "j", backfill=100) as session:
        await session.read_once()
        assert await session.load_older() == 50
    async with wire.session(tmp_path / "j", backfill=300) as session:
        await session.read_once()
        assert (len(session.journal), session.has_older, session.journal.open_gap_count()) == (300, True, 1)


async def test_the_app_reads_on_by_itself(tmp_path: Path) -> None:
    wire = Wire(FeedSim(steps(*range(300)), page_size=50))
    wire.cut = 2
    async with wire.session(tmp_path / "j") as session:
        with pytest.raises(Unreachable):
            await session.read_once()
    wire.cut = None
    async with wire.session(tmp_path / "j") as session:
        running = asyncio.create_task(session.run())
        await wait_until(lambda: len(session.journal) == 300 and not session.has_older)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_journal_of_an_older_program_may_lack_history(tmp_path: Path) -> None:
    """It noted nothing: the feed is walked down once, past what is known."""
    wire = Wire(FeedSim(steps(*range(400)), page_size=50))
    wire.cut = 2
    async with wire.session(tmp_path / "j") as session:
        with pytest.raises(Unreachable):
            await session.read_once()
    with sqlite3.connect(tmp_path / "j") as database:
        database.execute("DELETE FROM holes")
        database.execute("DROP TABLE identity")
        database.execute("ALTER TABLE gaps DROP COLUMN reason")
        database.execute("PRAGMA user_version = 4")
    wire.cut = None
    async with wire.session(tmp_path / "j") as session:
        assert session.has_older
        await session.read_once()
        assert (len(session.journal), session.has_older, session.index.gaps) == (400, False, [])
        assert in_order(session)


async def test_a_cursor_that_expired_is_begun_anew_from_above(tmp_path: Path) -> None:
    wire = Wire(FeedSim(steps(*range(50)), page_size=50))
    await known_then(wire, tmp_path / "j", *range(50, 500))
    async with wire.session(tmp_path / "j") as session:
        wire.cut = 3
        with pytest.raises(Unreachable):
            await session.read_once()
        wire.cut, wire.refuse_cursors = None, True
        await session.read_once()
        assert (len(session.journal), session.index.gaps) == (500, [])
        assert in_order(session)


async def test_only_the_feed_s_end_makes_a_gap(tmp_path: Path) -> None:
    wire = Wire(FeedSim(steps(*range(50)), page_size=50))
    await known_then(wire, tmp_path / "j", *range(50, 500))
    del wire.sim.log[:120]
    async with wire.session(tmp_path / "j") as session:
        wire.cut = 1
        with pytest.raises(Unreachable):
            await session.read_once()
        assert (session.journal.gap_count(), [gap.is_open for gap in session.index.gaps]) == (0, [True])
        wire.cut = None
        await session.read_once()
        (gap,) = session.index.gaps
        assert (session.journal.gap_count(), gap.is_open) == (1, False)
        assert (gap.last_at, gap.next_at) == (NOON + 49 * MILLISECOND, NOON + 120 * MILLISECOND)


async def test_an_idle_feed_costs_two_requests_each_interval(tmp_path: Path) -> None:
    wire = Wire(FeedSim(steps(*range(500))))
    async with wire.session(tmp_path / "j") as session:
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


async def test_nothing_is_asked_for_while_paused(tmp_path: Path) -> None:
    wire = Wire(FeedSim(steps(*range(50)), page_size=50))
    await known_then(wire, tmp_path / "j", *range(50, 1000))
    wire.cut = 0
    async with wire.session(tmp_path / "j") as session:
        clock = session.clock
        assert isinstance(clock, ManualClock)
        running = asyncio.create_task(session.run())
        await wait_until(lambda: session.connection.behind)
        session.pause(paused=True)
        wire.cut = None
        for _ in range(3):
            clock.advance(60)
            await let_run(session, 60)
        assert len(session.journal) == 100
        session.pause(paused=False)
        await wait_until(lambda: session.connection.behind is None)
        assert len(session.journal) == 1000
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def test_looks_come_further_apart_the_more_is_behind() -> None:
    paces = [poll_interval(5.0, behind) for behind in (0, 1_000, 2_000, 6_000, 10_000, 10**6)]
    assert paces == [5.0, 5.0, 5.0, 17.5, MAX_INTERVAL_S, MAX_INTERVAL_S]
    assert poll_interval(60.0, 10**6) == 60.0


@pytest.mark.parametrize(("seconds", "share"), [(45.0, 1.0), (10.0, 3.0)])
async def test_near_the_ceiling_and_in_a_burst_nothing_is_lost(seconds: float, share: float) -> None:
    found = await watch(seconds, RATE * share)
    assert found.counts == (0, 0, 0)
    assert found.oldest_head < MAX_INTERVAL_S + 5
