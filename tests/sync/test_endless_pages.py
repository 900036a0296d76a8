"""A server whose pages do not end: reading ends, says so, and what is unread stays an open gap."""

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


def empty_for_ever(sim: FeedSim) -> Page:
    """Below the newest ten only empty pages, each with a cursor of its own."""
    cursors = map("c{}".format, count())
    return lambda size, cursor: (sim.log[:-11:-1] if cursor is None else [], next(cursors))


def same_for_ever(sim: FeedSim) -> Page:
    cursors = map("c{}".format, count())
    return lambda size, cursor: (sim.log[:-11:-1], next(cursors))


def in_a_circle(sim: FeedSim) -> Page:
    """Two pages in turn, under cursors that are new each time."""
    cursors, pages = map("c{}".format, count()), count()
    return lambda size, cursor: (sim.log[:-11:-1] if next(pages) % 2 else sim.log[-11:-21:-1], next(cursors))


@pytest.mark.parametrize("endless", [empty_for_ever, same_for_ever, in_a_circle])
async def test_history_ends_and_is_read_on_once_the_server_is_well(
    tmp_path: Path, endless: Callable[[FeedSim], Page]
) -> None:
    sim = FeedSim(steps(*range(100)), page_size=10)
    well = sim._page
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
        assert await session.load_older() == 0  # a person may ask for more all the same
    sim._page = well  # type: ignore[method-assign]
    with Journal.open(tmp_path / "j") as journal:  # a cursor of the server when it is well
        journal.move_history("90" if sim.cursor_kind == "key" else "10", is_over=False)
    async with Session(
        sim.client().target, Journal.open(tmp_path / "j"), ManualClock(), client=sim.client()
    ) as session:
        await session.read_once()
        assert (session.unread_reasons, session.index.gaps) == ([], [])
        assert {event.raw for event in session.events()} == {event.raw for event in sim.log}


async def test_a_gap_that_leads_nowhere_stays_open(tmp_path: Path) -> None:
    sim = FeedSim(steps(*range(30)), page_size=50)
    async with sim.session() as session:
        await session.read_once()
        sim.log += steps(*range(30, 100))
        sim._page = empty_for_ever(sim)  # type: ignore[method-assign,assignment]
        await session.read_once()
        assert "a gap was not filled" in session.unread_reasons[0]
        assert [(gap.is_open, gap.is_history) for gap in session.index.gaps] == [(True, False)]
        assert len(sim.requests) < 2 * MAX_EMPTY_PAGES


@pytest.mark.parametrize("repeats", [False, True])
async def test_an_oldest_first_feed_ends_where_nothing_new_comes(repeats: bool) -> None:
    sim = FeedSim(steps(*range(60)), page_size=20, oldest_first=True)
    cursors, plain = map("c{}".format, count()), sim._page

    def page(size: int, cursor: str | None) -> tuple[list[Event], str | None]:
        events, following = plain(size, "40" if cursor and cursor.startswith("c") else cursor)
        is_behind = cursor is not None and cursor.startswith("c")
        return [] if is_behind and not repeats else events, following or next(cursors)

    sim._page = page  # type: ignore[method-assign]
    async with sim.session() as session:
        for _ in range(3):
            before = len(sim.requests)
            await session.read_once()
            assert len(sim.requests) - before < 40
        assert [event.node_id for event in session.events()] == [f"n{number}" for number in range(60)]
