"""Equal events on two pages are all counted, for each kind of cursor; if the count is uncertain, a warning says so."""

from __future__ import annotations

from collections import Counter

import httpx
import pytest

from scaicore_tui.api.budget import Priority
from scaicore_tui.api.client import Client
from scaicore_tui.protocol import Event
from scaicore_tui.session import Session
from scaicore_tui.sync.page_edges import PageEdges, shift_between
from scaicore_tui.sync.stitch import PageWalk
from tests.support.builders import NOON, SECOND, entered
from tests.support.feed_simulator import UNLIMITED, FeedSim
from tests.support.manual_clock import ManualClock


def loop(second: int, times: int, node: str = "step") -> list[Event]:
    """Return the events of a loop over one node within one second: equal byte for byte."""
    return [entered(node, NOON + second * SECOND) for _ in range(times)]


def mixed(seconds: int, times: int) -> list[Event]:
    return [step for second in range(seconds) for step in (*loop(second, times), *loop(second, 1, f"other{second}"))]


def counts(session: Session) -> Counter[bytes]:
    return Counter(event.raw for event in session.events())


@pytest.mark.parametrize("kind", ["key", "offset"])
@pytest.mark.parametrize("page_size", [7, 10, 13])
async def test_equal_events_on_both_sides_of_a_page_edge_are_all_counted(kind: str, page_size: int) -> None:
    sim = FeedSim(mixed(8, 9), page_size, kind)
    async with sim.session() as session:
        await session.read_once()
        assert counts(session) == Counter(event.raw for event in sim.log)
        sim.log += [event for second in range(20, 26) for event in (*loop(second, 9), *loop(second, 1, f"o{second}"))]
        await session.read_once()
        assert counts(session) == Counter(event.raw for event in sim.log)
        assert session.unread_reasons == []


@pytest.mark.parametrize("kind", ["key", "offset"])
@pytest.mark.parametrize("interval", [1, 2, 3])
async def test_events_that_arrive_between_pages_are_not_counted_twice(kind: str, interval: int) -> None:
    sim = FeedSim(mixed(10, 9), 10, kind)
    request_count = 0

    def arrive() -> None:
        nonlocal request_count
        request_count += 1
        if request_count % interval == 0 and request_count < 40:
            sim.log.append(entered(f"new{request_count}", NOON + (100 + request_count) * SECOND))

    sim.arrive = arrive
    async with sim.session() as session:
        for _ in range(4):
            await session.read_once()
        offered = Counter(event.raw for event in sim.log)
        assert counts(session).keys() == offered.keys()
        assert counts(session) <= offered
        assert counts(session) == offered or session.unread_reasons


@pytest.mark.parametrize("page_size", [7, 10, 13])
async def test_pages_that_overlap_by_one_event_are_recognised(page_size: int) -> None:
    """Each page begins with the last event of the page before: the same event, not an equal one."""
    sim = FeedSim(mixed(8, 9), page_size, "offset")
    original_page = sim._page

    def page(size: int, cursor: str | None) -> tuple[list[Event], str | None]:
        found, following = original_page(size, cursor)
        return found, None if following is None else str(int(following) - 1)

    sim._page = page  # type: ignore[method-assign]
    async with sim.session() as session:
        await session.read_once()
        assert session._backfiller.edges.pages_overlap
        assert counts(session) == Counter(event.raw for event in sim.log)


@pytest.mark.parametrize("kind", ["key", "offset"])
@pytest.mark.parametrize("refused_request", [2, 4, 6])
async def test_a_page_walk_restarted_after_an_expired_cursor_counts_nothing_twice(
    kind: str, refused_request: int
) -> None:
    sim = FeedSim(mixed(6, 9), 7, kind)
    request_count = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal request_count
        request_count += "cursor" in request.url.params
        if request_count == refused_request and "cursor" in request.url.params:
            return httpx.Response(410, headers=UNLIMITED, json={"detail": "the cursor has expired"})
        return sim.respond(request)

    client = Client(sim.client().target, httpx.MockTransport(answer))
    async with Session(client.target, clock=ManualClock(), client=client) as session:
        await session.read_once()
        await session.read_once()
        assert counts(session) == Counter(event.raw for event in sim.log)


async def test_the_cursor_kind_is_detected_once() -> None:
    """After that no page is read again to find out whether it moved."""
    for kind in ("key", "offset"):
        sim = FeedSim(mixed(4, 9), 10, kind)
        async with sim.session(backfill=10) as session:
            clock = session.clock
            assert isinstance(clock, ManualClock)
            await session.read_once()
            await session.load_older()
            for second in range(100, 104):
                sim.log += [entered(f"new{second}", NOON + second * SECOND)]
                await session.read_once()
            while session.has_older:
                await session.load_older()
            assert session._backfiller.edges.is_key_cursor is (kind == "key")
            assert counts(session) == Counter(event.raw for event in sim.log)


@pytest.mark.parametrize("interval", [1, 2, 3])
async def test_distinct_events_that_arrive_between_pages_cause_no_warning(interval: int) -> None:
    sim = FeedSim([entered(f"n{number}", NOON + number) for number in range(60)], 10, "offset")
    request_count = 0

    def arrive() -> None:
        nonlocal request_count
        request_count += 1
        if request_count % interval == 0 and request_count < 40:
            sim.log.append(entered(f"new{request_count}", NOON + SECOND + request_count))

    sim.arrive = arrive
    async with sim.session() as session:
        for _ in range(4):
            await session.read_once()
        sim.arrive = lambda: None
        await session.read_once()
        assert counts(session) == Counter(event.raw for event in sim.log)
        assert session.unread_reasons == []


@pytest.mark.parametrize("kind", ["key", "offset"])
async def test_a_page_delivered_twice_does_not_reveal_the_cursor_kind(kind: str) -> None:
    """A full page of events arrives again: an offset cursor then returns the same page as a key cursor."""
    repeated_events = [entered(f"n{number}", NOON + number * SECOND) for number in range(3)]
    sim = FeedSim([*loop(-1, 1), *repeated_events, *repeated_events], 3, kind)
    client = sim.client()
    edges = PageEdges(client)
    head = await client.events(3)
    edges.record_head(head.row_keys, 3)
    walk = PageWalk(head.next_cursor, NOON, head.events, 3)
    await edges.follow(walk, await client.events(3, head.next_cursor), Priority.HISTORY)
    for event in repeated_events:
        sim.log.append(event)
        edges.record_head((await client.events(3)).row_keys, 1)
    await edges._learn_cursor_kind(Priority.HISTORY)
    assert edges._probe is None
    assert edges.is_key_cursor is None


async def test_an_uncertain_count_of_equal_events_is_reported() -> None:
    """All events of a page are equal, so nothing shows whether the page moved."""
    sim = FeedSim(loop(0, 100), 10, "offset")
    async with sim.session() as session:
        await session.read_once()
        assert counts(session) <= Counter(event.raw for event in sim.log)
        assert "identical events" in session.unread_reasons[0]


@pytest.mark.parametrize(
    ("before", "again", "moved"),
    [
        ("abcd", "abcd", 0),
        ("abcd", "xabc", 1),
        ("abcd", "xyza", 3),
        ("aaaa", "aaaa", None),
        ("abab", "abab", None),
        ("abcd", "wxyz", None),
    ],
)
def test_the_shift_between_two_reads_of_a_page(before: str, again: str, moved: int | None) -> None:
    assert shift_between([key.encode() for key in before], [key.encode() for key in again]) == moved
