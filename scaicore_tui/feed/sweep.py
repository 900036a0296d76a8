"""One look at the feed: its newest page, or in an oldest-first feed the pages behind the last one. Only reads."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from scaicore_tui.errors import ScaicoreError
from scaicore_tui.feed.budget import Rank
from scaicore_tui.feed.client import Client
from scaicore_tui.feed.known import Known
from scaicore_tui.feed.page_size import MAX_LIMIT
from scaicore_tui.feed.stitch import ENOUGH_STEPS, Order, join_rising, order_of
from scaicore_tui.wire import Event, EventPage

MIN_LIMIT = 50
# So many pages of an oldest-first feed are read before they are shown.
MAX_PAGES = 10
# Nor are more read than so many in a row that have no events.
MAX_EMPTY = 3
# Every so many looks the whole page is read: late events may have been put in far below the newest.
DEEP_LOOK = 12
_EXPIRED = (400, 404, 410, 422)


class Sweep(Struct, frozen=True):
    """What was read: `events` oldest first; whether they reach back to what is `met`; the cursor to `older` ones.

    In an oldest-first feed `tail` is the cursor of the last page, where the next sweep begins, and `more` whether it
    should at once. `passed` is the event next to each that is too large to be read: the one below it, or in an
    oldest-first feed the one above; None where nothing was beyond it. Where it is one page, `limit`
    is how many events were asked for.
    """

    events: list[Event]
    met: bool
    older: str | None = None
    oldest_first: bool = False
    tail: str | None = None
    more: bool = False
    passed: Sequence[Event | None] = ()
    limit: int = 0


def next_limit(new_events: int, polls: int) -> int:
    """How many events to ask for, when the last sweep brought `new_events`: room for twice as many."""
    if polls % DEEP_LOOK == 0:
        return MAX_LIMIT
    return max(MIN_LIMIT, min(MAX_LIMIT, 2 * new_events))


def has_expired(error: ScaicoreError) -> bool:
    """Whether the answer to a request with a cursor may mean that this is no longer taken."""
    return error.status in _EXPIRED


async def read_head(client: Client, known: Known, limit: int) -> Sweep:
    """The newest page; an oldest-first feed is recognised by its timestamps, and followed from its start.

    Where a small page does not reach what is known, a full one is read in its place: a cursor may count pages. Where no
    full one can be read, as events are large, so many are that they show which way the feed runs.
    """
    page = await client.events(limit)
    pages = [page]
    while _is_too_short(pages, limit):
        pages.append(await client.events(MAX_LIMIT, pages[-1].next_cursor))
    events = page.events if len(pages) == 1 else join_rising([page.events for page in pages])
    if order_of(events) is Order.OLDEST_FIRST:
        return await read_tail(client, known, None)
    is_short = page.limit < limit
    met = known.is_met_by(events, is_short=is_short)
    if limit < MAX_LIMIT and not is_short and page.next_cursor is not None and not met:
        return await read_head(client, known, MAX_LIMIT)
    older = pages[-1].next_cursor
    met = met or (older is None and known.is_touched_by(events))
    limit = page.limit if len(pages) == 1 else 0
    return Sweep(events[::-1], met, older=older, passed=_beside_passed(pages), limit=limit)


async def read_tail(client: Client, known: Known, tail: str | None) -> Sweep:
    """Follow an oldest-first feed from the page at `tail`; one that is newest first after all is looked at anew."""
    page, tail = await _page_at(client, tail)
    if order_of(page.events) is Order.NEWEST_FIRST:
        return await read_head(client, known, MAX_LIMIT)
    pages = [page]
    seen = {tail}
    while page.next_cursor and page.next_cursor not in seen and len(pages) < MAX_PAGES and not _are_empty(pages):
        tail = page.next_cursor
        seen.add(tail)
        page = await client.events(MAX_LIMIT, tail, Rank.CATCH_UP)
        pages.append(page)
    events = join_rising([page.events for page in pages])
    # The page at `tail` is read again each time: only what is behind it leads on.
    more = bool(page.next_cursor) and page.next_cursor not in seen and len(events) > len(pages[0].events)
    return Sweep(events, met=True, oldest_first=True, tail=tail, more=more, passed=_beside_passed(pages))


def _are_empty(pages: Sequence[EventPage]) -> bool:
    """Whether the last few have no events: then there may be any number of such."""
    return len(pages) >= MAX_EMPTY and not any(page.events or page.passed for page in pages[-MAX_EMPTY:])


def _is_too_short(pages: Sequence[EventPage], limit: int) -> bool:
    """Whether there are too few events to see which way the feed runs, as no more can be read at a time."""
    if pages[-1].next_cursor is None or len(pages) >= MAX_PAGES or pages[0].limit >= min(limit, 2 * ENOUGH_STEPS):
        return False
    return sum(len(page.events) for page in pages) < 2 * ENOUGH_STEPS


def _beside_passed(pages: Sequence[EventPage]) -> Sequence[Event | None]:
    """The event behind each that was passed, in the order of the pages."""
    return [next(iter(page.events), None) for page in pages if page.passed]


async def _page_at(client: Client, tail: str | None) -> tuple[EventPage, str | None]:
    """The page at `tail`, or the first one where that cursor is no longer taken."""
    if tail is not None:
        try:
            return await client.events(MAX_LIMIT, tail), tail
        except ScaicoreError as error:
            if not has_expired(error):
                raise
    return await client.events(MAX_LIMIT), None
