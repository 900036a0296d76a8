"""A server whose pages never end: reading stops, this is reported, and the unread part stays an open gap."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from scaicore_tui.protocol import Event
from scaicore_tui.session import Session
from scaicore_tui.store import Journal
from scaicore_tui.sync.stitch import MAX_EMPTY_PAGES, MAX_UNPRODUCTIVE_PAGES
from tests.support.builders import MILLISECOND, NOON, entered
from tests.support.feed_simulator import FeedSim
from tests.support.manual_clock import ManualClock

Page = Callable[[int, str | None], tuple[list[Event], str | None]]


def steps(*numbers: int) -> list[Event]:
    return [entered(f"n{number}", NOON + number * MILLISECOND) for number in numbers]


def endless_empty_pages(sim: FeedSim) -> Page:
    """Return the newest ten events, then only empty pages, each with a new cursor."""
    cursors = map("c{}".format, count())
    return lambda size, cursor: (sim.log[:-11:-1] if cursor is None else [], next(cursors))


def endless_same_page(sim: FeedSim) -> Page:
    cursors = map("c{}".format, count())
    return lambda size, cursor: (sim.log[:-11:-1], next(cursors))


def endless_two_pages(sim: FeedSim) -> Page:
    """Return the same two pages alternately, each time with a new cursor."""
    cursors, pages = map("c{}".format, count()), count()
    return lambda size, cursor: (sim.log[:-11:-1] if next(pages) % 2 else sim.log[-11:-21:-1], next(cursors))


@pytest.mark.parametrize("endless", [endless_empty_pages, endless_same_page, endless_two_pages])
async def test_history_stops_at_endless_pages_and_continues_once_the_server_is_repaired(
    tmp_path: Path, endless: Callable[[FeedSim], Page]
) -> None:
    sim = FeedSim(steps(*range(100)), page_size=10)
    original_page = sim._page
    sim._page = endless(sim)  # type: ignore[method-assign,assignment]
    async with Session(
        sim.client().target, Journal.open(tmp_path / "j"), ManualClock(), client=sim.client()
    ) as session:
        await session.read_once()
        assert (len(session.unread_reasons), "older events were not all read" in session.unread_reasons[0]) == (1, True)
        assert len(sim.requests) < 1.5 * MAX_UNPRODUCTIVE_PAGES
        assert [gap.is_history for gap in session.index.gaps] == [True]
        before = len(sim.requests)
        await session.read_once()
        assert len(sim.requests) <= before + 4
        assert await session.load_older() == 0  # A person may still request more.
    sim._page = original_page  # type: ignore[method-assign]
    with Journal.open(tmp_path / "j") as journal:  # A valid cursor of the repaired server.
        journal.move_history("90" if sim.cursor_kind == "key" else "10", is_over=False)
    async with Session(
        sim.client().target, Journal.open(tmp_path / "j"), ManualClock(), client=sim.client()
    ) as session:
        await session.read_once()
        assert (session.unread_reasons, session.index.gaps) == ([], [])
        assert {event.raw for event in session.events()} == {event.raw for event in sim.log}


async def test_a_gap_with_endless_empty_pages_stays_open(tmp_path: Path) -> None:
    sim = FeedSim(steps(*range(30)), page_size=50)
    async with sim.session() as session:
        await session.read_once()
        sim.log += steps(*range(30, 100))
        sim._page = endless_empty_pages(sim)  # type: ignore[method-assign,assignment]
        await session.read_once()
        assert "a gap was not filled" in session.unread_reasons[0]
        assert [(gap.is_open, gap.is_history) for gap in session.index.gaps] == [(True, False)]
        assert len(sim.requests) < 2 * MAX_EMPTY_PAGES


@pytest.mark.parametrize("repeats", [False, True])
async def test_an_oldest_first_feed_stops_where_no_new_events_follow(repeats: bool) -> None:
    sim = FeedSim(steps(*range(60)), page_size=20, oldest_first=True)
    cursors, original_page = map("c{}".format, count()), sim._page

    def page(size: int, cursor: str | None) -> tuple[list[Event], str | None]:
        events, next_cursor = original_page(size, "40" if cursor and cursor.startswith("c") else cursor)
        is_past_end = cursor is not None and cursor.startswith("c")
        return [] if is_past_end and not repeats else events, next_cursor or next(cursors)

    sim._page = page  # type: ignore[method-assign]
    async with sim.session() as session:
        for _ in range(3):
            before = len(sim.requests)
            await session.read_once()
            assert len(sim.requests) - before < 40
        assert [event.node_id for event in session.events()] == [f"n{number}" for number in range(60)]
