"""Equal events on two pages: each is counted, whatever the cursor is; where that can't be told, it is said."""

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
    """A loop that passes the same node many times within one second: the events are equal byte for byte."""
    return [entered(node, NOON + second * SECOND) for _ in range(times)]


def mixed(seconds: int, times: int) -> list[Event]:
    return [step for second in range(seconds) for step in (*loop(second, times), *loop(second, 1, f"other{second}"))]


def counts(session: Session) -> Counter[bytes]:
    return Counter(event.raw for event in session.events())


@pytest.mark.parametrize("kind", ["key", "offset"])
@pytest.mark.parametrize("page_size", [7, 10, 13])
async def test_equal_events_on_both_sides_of_an_edge_are_all_counted(kind: str, page_size: int) -> None:
    sim = FeedSim(mixed(8, 9), page_size, kind)
    async with sim.session() as session:
        await session.read_once()
        assert counts(session) == Counter(event.raw for event in sim.log)
        sim.log += [event for second in range(20, 26) for event in (*loop(second, 9), *loop(second, 1, f"o{second}"))]
        await session.read_once()
        assert counts(session) == Counter(event.raw for event in sim.log)
        assert session.unread_reasons == []


@pytest.mark.parametrize("kind", ["key", "offset"])
@pytest.mark.parametrize("every", [1, 2, 3])
async def test_with_arrivals_between_pages_none_is_counted_twice(kind: str, every: int) -> None:
    sim = FeedSim(mixed(10, 9), 10, kind)
    asked = 0

    def arrive() -> None:
        nonlocal asked
        asked += 1
        if asked % every == 0 and asked < 40:
            sim.log.append(entered(f"new{asked}", NOON + (100 + asked) * SECOND))

    sim.arrive = arrive
    async with sim.session() as session:
        for _ in range(4):
            await session.read_once()
        offered = Counter(event.raw for event in sim.log)
        assert counts(session).keys() == offered.keys()
        assert counts(session) <= offered
        assert counts(session) == offered or session.unread_reasons


@pytest.mark.parametrize("page_size", [7, 10, 13])
async def test_a_cursor_that_shows_the_last_event_twice_is_learnt(page_size: int) -> None:
    """Each page begins with the event that the one before it ended with: that is one event, and no equal one."""
    sim = FeedSim(mixed(8, 9), page_size, "offset")
    plain = sim._page

    def page(size: int, cursor: str | None) -> tuple[list[Event], str | None]:
        found, following = plain(size, cursor)
        return found, None if following is None else str(int(following) - 1)

    sim._page = page  # type: ignore[method-assign]
    async with sim.session() as session:
        await session.read_once()
        assert session._backfiller.edges.pages_overlap
        assert counts(session) == Counter(event.raw for event in sim.log)


@pytest.mark.parametrize("kind", ["key", "offset"])
@pytest.mark.parametrize("refused", [2, 4, 6])
async def test_a_way_down_that_begins_again_counts_nothing_twice(kind: str, refused: int) -> None:
    sim = FeedSim(mixed(6, 9), 7, kind)
    asked = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += "cursor" in request.url.params
        if asked == refused and "cursor" in request.url.params:
            return httpx.Response(410, headers=UNLIMITED, json={"detail": "the cursor has expired"})
        return sim.respond(request)

    client = Client(sim.client().target, httpx.MockTransport(answer))
    async with Session(client.target, clock=ManualClock(), client=client) as session:
        await session.read_once()
        await session.read_once()
        assert counts(session) == Counter(event.raw for event in sim.log)


async def test_the_kind_of_a_cursor_is_learnt_once() -> None:
    """From then on no page is read again to see whether it moved."""
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


@pytest.mark.parametrize("every", [1, 2, 3])
async def test_arrivals_between_pages_of_different_events_are_no_reason_to_warn(every: int) -> None:
    sim = FeedSim([entered(f"n{number}", NOON + number) for number in range(60)], 10, "offset")
    asked = 0

    def arrive() -> None:
        nonlocal asked
        asked += 1
        if asked % every == 0 and asked < 40:
            sim.log.append(entered(f"new{asked}", NOON + SECOND + asked))

    sim.arrive = arrive
    async with sim.session() as session:
        for _ in range(4):
            await session.read_once()
        sim.arrive = lambda: None
        await session.read_once()
        assert counts(session) == Counter(event.raw for event in sim.log)
        assert session.unread_reasons == []


@pytest.mark.parametrize("kind", ["key", "offset"])
async def test_a_page_that_the_bus_delivers_again_tells_nothing_of_the_cursor(kind: str) -> None:
    """As many events arrive as a page has, and they are equal to those on it: under an offset it looks the same."""
    stretch = [entered(f"n{number}", NOON + number * SECOND) for number in range(3)]
    sim = FeedSim([*loop(-1, 1), *stretch, *stretch], 3, kind)
    client = sim.client()
    edges = PageEdges(client)
    head = await client.events(3)
    edges.record_head(head.row_keys, 3)
    descent = PageWalk(head.next_cursor, NOON, head.events, 3)
    await edges.follow(descent, await client.events(3, head.next_cursor), Priority.HISTORY)
    for event in stretch:
        sim.log.append(event)
        edges.record_head((await client.events(3)).row_keys, 1)
    await edges._learn_cursor_kind(Priority.HISTORY)
    assert edges._probe is None
    assert edges.is_key_cursor is None


async def test_where_it_can_not_be_told_that_is_said() -> None:
    """All events of a page are equal: whether it moved does not show."""
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
def test_how_far_a_page_moved(before: str, again: str, moved: int | None) -> None:
    assert shift_between([sign.encode() for sign in before], [sign.encode() for sign in again]) == moved
