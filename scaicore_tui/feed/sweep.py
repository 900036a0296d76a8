"""One sweep of the feed: from its head back to what is known already, as one list, oldest first.

Only reads. What of it is new is for the stitch to say, when it is applied.
"""

from __future__ import annotations

from dataclasses import dataclass

from scaicore_tui.errors import UsageError
from scaicore_tui.feed.client import MAX_LIMIT, Client
from scaicore_tui.feed.known import Known
from scaicore_tui.feed.stitch import Order, join, join_rising, order_of
from scaicore_tui.wire import Event, EventPage

MIN_LIMIT = 50
MAX_PAGES = 40


@dataclass(frozen=True)
class Sweep:
    """What was read: `events` oldest first; whether they reach back to what is `met`; the cursor to `older` ones.

    In an oldest-first feed `tail` is the cursor of the last page, where the next sweep begins.
    """

    events: list[Event]
    met: bool
    older: str | None = None
    oldest_first: bool = False
    tail: str | None = None


def next_limit(new_events: int) -> int:
    """How many events to ask for, when the last sweep brought `new_events`: room for twice as many."""
    return max(MIN_LIMIT, min(MAX_LIMIT, 2 * new_events))


async def read_head(client: Client, known: Known, limit: int) -> Sweep:
    """Sweep a newest-first feed; an oldest-first one is recognised by its timestamps, and followed from its start.

    A page size never changes within a sweep: a cursor may count pages.
    """
    page = await client.events(limit)
    if order_of(page.events) is Order.OLDEST_FIRST:
        return await read_tail(client, known, None)
    if limit < MAX_LIMIT and page.next_cursor is not None and not known.is_met_by(page.events):
        limit = MAX_LIMIT
        page = await client.events(limit)
    return await _read_on(client, known, limit, page)


async def _read_on(client: Client, known: Known, limit: int, page: EventPage) -> Sweep:
    """Page on until what is known is met, or the feed ends: with a cursor that is null, or that loops (API §7)."""
    events = join([page.events])
    met = known.is_met_by(events)
    seen: set[str] = set()
    cursor = page.next_cursor
    while not met and cursor is not None and len(seen) < MAX_PAGES:
        seen.add(cursor)
        page = await client.events(limit, cursor)
        events = join([events, page.events])
        met = known.is_met_by(events)
        cursor = page.next_cursor if page.next_cursor not in seen else None
    if cursor is None:
        met = known.ends_within(events)
    return Sweep(events[::-1], met, older=cursor)


async def read_tail(client: Client, known: Known, tail: str | None) -> Sweep:
    """Follow an oldest-first feed from the page at `tail` to its end; one that is newest first after all is swept."""
    page, tail = await _page_at(client, tail)
    if order_of(page.events) is Order.NEWEST_FIRST:
        return await read_head(client, known, MAX_LIMIT)
    pages = [page.events]
    seen = {tail}
    while page.next_cursor and page.next_cursor not in seen:
        tail = page.next_cursor
        seen.add(tail)
        page = await client.events(MAX_LIMIT, tail)
        pages.append(page.events)
    return Sweep(join_rising(pages), met=True, oldest_first=True, tail=tail)


async def _page_at(client: Client, tail: str | None) -> tuple[EventPage, str | None]:
    """The page at `tail`, or the first one where that cursor is no longer taken."""
    if tail is not None:
        try:
            return await client.events(MAX_LIMIT, tail), tail
        except UsageError:
            pass
    return await client.events(MAX_LIMIT), None
