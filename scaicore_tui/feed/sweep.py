"""One look at the feed: its newest page, or in an oldest-first feed the pages behind the last one. Only reads."""

from __future__ import annotations

from msgspec import Struct

from scaicore_tui.errors import ScaicoreError
from scaicore_tui.feed.budget import Rank
from scaicore_tui.feed.client import MAX_LIMIT, Client
from scaicore_tui.feed.known import Known
from scaicore_tui.feed.stitch import Order, join_rising, order_of
from scaicore_tui.wire import Event, EventPage

MIN_LIMIT = 50
# So many pages of an oldest-first feed are read before they are shown.
MAX_PAGES = 10
# Every so many looks the whole page is read: late events may have been put in far below the newest.
DEEP_LOOK = 12
_EXPIRED = (400, 404, 410, 422)


class Sweep(Struct, frozen=True):
    """What was read: `events` oldest first; whether they reach back to what is `met`; the cursor to `older` ones.

    In an oldest-first feed `tail` is the cursor of the last page, where the next sweep begins, and `more` whether it
    should at once.
    """

    events: list[Event]
    met: bool
    older: str | None = None
    oldest_first: bool = False
    tail: str | None = None
    more: bool = False


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

    Where a small page does not reach what is known, a full one is read in its place: a cursor may count pages.
    """
    page = await client.events(limit)
    if order_of(page.events) is Order.OLDEST_FIRST:
        return await read_tail(client, known, None)
    if limit < MAX_LIMIT and page.next_cursor is not None and not known.is_met_by(page.events):
        page = await client.events(MAX_LIMIT)
    met = known.is_met_by(page.events) or (page.next_cursor is None and known.is_touched_by(page.events))
    return Sweep(page.events[::-1], met, older=page.next_cursor)


async def read_tail(client: Client, known: Known, tail: str | None) -> Sweep:
    """Follow an oldest-first feed from the page at `tail`; one that is newest first after all is looked at anew."""
    page, tail = await _page_at(client, tail)
    if order_of(page.events) is Order.NEWEST_FIRST:
        return await read_head(client, known, MAX_LIMIT)
    pages = [page.events]
    seen = {tail}
    while page.next_cursor and page.next_cursor not in seen and len(pages) < MAX_PAGES:
        tail = page.next_cursor
        seen.add(tail)
        page = await client.events(MAX_LIMIT, tail, Rank.CATCH_UP)
        pages.append(page.events)
    more = bool(page.next_cursor) and page.next_cursor not in seen
    return Sweep(join_rising(pages), met=True, oldest_first=True, tail=tail, more=more)


async def _page_at(client: Client, tail: str | None) -> tuple[EventPage, str | None]:
    """The page at `tail`, or the first one where that cursor is no longer taken."""
    if tail is not None:
        try:
            return await client.events(MAX_LIMIT, tail), tail
        except ScaicoreError as error:
            if not has_expired(error):
                raise
    return await client.events(MAX_LIMIT), None
