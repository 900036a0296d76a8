"""Stitching pages: the journal contains exactly the feed's events, if those events can be distinguished."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scaicore_tui.protocol import Event
from scaicore_tui.sync.stitch import MIN_ORDER_STEPS, Order, detect_order, new_events
from tests.support.builders import MILLISECOND, NOON, entered, event
from tests.support.feed_simulator import FeedSim


@pytest.fixture(scope="module", autouse=True)
def few_log_lines() -> Iterator[None]:
    """Turn off the log lines of thousands of requests: they take a third of the time."""
    logging.disable(logging.INFO)
    yield
    logging.disable(logging.NOTSET)


def numbered(*numbers: int) -> list[Event]:
    return [entered(f"n{number}", NOON + number * MILLISECOND) for number in numbers]


def test_new_events_counts_byte_equal_events() -> None:
    one, two = numbered(1, 2)
    assert new_events([one, one, two], Counter({one.raw: 1})) == [one, two]


@pytest.mark.parametrize(
    ("numbers", "order"),
    [
        (range(1, 15), Order.OLDEST_FIRST),
        (range(15, 1, -1), Order.NEWEST_FIRST),
        ([1, 2, 3], Order.UNCLEAR),
        ([1, 9, 2, 8, 3, 7], Order.UNCLEAR),
        ([2] * 9, Order.UNCLEAR),
    ],
)
def test_the_order_of_a_feed_is_recognised(numbers: Sequence[int], order: Order) -> None:
    assert detect_order(numbered(*numbers)) is order


async def read_journal(sim: FeedSim, polls: int, backfill: int = 5_000) -> list[Event]:
    """Return the journal's events after `polls` reads while events arrive and one read afterwards."""
    async with sim.session(backfill) as session:
        for _ in range(polls):
            await session.read_once()
        sim.arrive = lambda: None
        await session.read_once()
        assert session.journal.gap_count() == 0
        return list(session.events())


class Arrivals:
    """Appends the next batch to the log at each request."""

    def __init__(self, sim: FeedSim, batches: list[list[Event]]) -> None:
        self._sim = sim
        self._batches = iter(batches)

    def __call__(self) -> None:
        self._sim.log += next(self._batches, [])


def simulated_feed(
    initial: list[Event], batches: list[list[Event]], page_size: int, cursor_kind: str, oldest_first: bool
) -> FeedSim:
    sim = FeedSim(initial[:], page_size, cursor_kind, oldest_first)
    sim.arrive = Arrivals(sim, batches)
    return sim


# At least 3: with smaller pages a head read would reach its page limit.
SIZES = st.integers(3, 12)
KINDS = st.sampled_from(["offset", "key"])
BATCHES = st.lists(st.integers(0, 12), max_size=12)


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 40), BATCHES, SIZES, KINDS, st.booleans())
def test_every_event_is_stored_exactly_once(
    initial: int, batches: list[int], page_size: int, cursor_kind: str, oldest_first: bool
) -> None:
    if oldest_first:
        # If the first page does not show the order of a feed, the feed counts as newest first.
        initial, page_size = initial + MIN_ORDER_STEPS + 1, page_size + MIN_ORDER_STEPS
    ends = [initial]
    for size in batches:
        ends.append(ends[-1] + size)
    arriving = [numbered(*range(a, b)) for a, b in pairwise(ends)]
    sim = simulated_feed(numbered(*range(initial)), arriving, page_size, cursor_kind, oldest_first)
    found = asyncio.run(read_journal(sim, polls=4))
    assert [step.node_id for step in found] == [step.node_id for step in sim.log]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=9, max_size=60), st.integers(1, 59), SIZES, KINDS)
@example(
    [0] * 25 + [2, 1, 1, 1], 7, 4, "offset"
)  # New events behind a page of repeated ones, while another gap is open.
@example([0] * 10 + [2, 1, 0, 0, 0, 0, 0], 1, 3, "offset")  # A page moved by five that looks as if it moved by two.
def test_repeated_events_are_stored_at_most_as_often_as_the_feed_has_them(
    distances: list[int], cut: int, page_size: int, cursor_kind: str
) -> None:
    """A repeated event is stored at least once and at most as often as the feed has it; no other event is lost."""
    steps: list[Event] = []
    for number, distance in enumerate(distances):
        # 0 is a new event; otherwise the event that many positions back is repeated.
        steps += steps[-distance : len(steps) - distance + 1] if 0 < distance <= len(steps) else numbered(number)
    sim = simulated_feed(steps[:cut], [[step] for step in steps[cut:]], page_size, cursor_kind, oldest_first=False)
    found = Counter(step.raw for step in asyncio.run(read_journal(sim, polls=4)))
    offered = Counter(step.raw for step in sim.log)
    assert found.keys() == offered.keys()
    assert found <= offered


def test_equal_events_on_one_page_are_all_kept() -> None:
    sim = FeedSim([event("custom.tick", NOON)] * 7)
    assert len(asyncio.run(read_journal(sim, polls=1))) == 7


def test_history_stops_at_the_backfill_limit() -> None:
    sim = FeedSim(numbered(*range(100)), page_size=10)
    assert len(asyncio.run(read_journal(sim, polls=0, backfill=35))) == 40
