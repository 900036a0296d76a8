"""One sweep of the feed: from its head back to what is known already, as one list, oldest first.

Only reads. What of it is new is for the stitch to say, when it is applied.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scaicore_tui.errors import UsageError
from scaicore_tui.feed.client import MAX_LIMIT, Client
from scaicore_tui.feed.stitch import is_oldest_first, join
from scaicore_tui.wire import Event, EventPage

MIN_LIMIT = 50
MAX_PAGES = 40

# Whether what is known begins within a page of events.
Meets = Callable[[Sequence[Event]], bool]


@dataclass(frozen=True)
class Sweep:
    """What was read: `events` oldest first; whether they reach back to what is `met`; the cursor to `older` ones.

    In an oldest-first feed `tail` is the cursor of the last page, where the next sweep begins.
    """

    events: list[Event]
    met: bool
    older: str | None = None
    tail: str | None = None


def next_limit(new_events: int) -> int:
    """How many events to ask for, when the last sweep brought `new_events`: room for twice as many."""
    return max(MIN_LIMIT, min(MAX_LIMIT, 2 * new_events))


async def read_head(client: Client, meets: Meets, limit: int) -> Sweep:
    """Sweep a newest-first feed; an oldest-first one is recognised by its timestamps, and followed from its start.

    A page size never changes within a sweep: a cursor may count pages.
    """
    page = await client.events(limit)
    if is_oldest_first(page.events):
        return await read_tail(client, None)
    if limit < MAX_LIMIT and page.next_cursor is not None and not meets(page.events):
        limit = MAX_LIMIT
        page = await client.events(limit)
    pages = [page.events]
    met = meets(page.events)
    seen: set[str] = set()
    while not met and page.next_cursor and page.next_cursor not in seen and len(pages) < MAX_PAGES:
        seen.add(page.next_cursor)
        page = await client.events(limit, page.next_cursor)
        pages.append(page.events)
        met = meets(page.events)
    older = page.next_cursor if page.next_cursor not in seen else None
    return Sweep(join(pages)[::-1], met, older=older)


async def read_tail(client: Client, tail: str | None) -> Sweep:
    """Follow an oldest-first feed from the page at `tail` to its end."""
    page, tail = await _page_at(client, tail)
    pages = [page.events]
    seen = {tail}
    while page.next_cursor and page.next_cursor not in seen:
        tail = page.next_cursor
        seen.add(tail)
        page = await client.events(MAX_LIMIT, tail)
        pages.append(page.events)
    return Sweep(join(pages), met=True, tail=tail)


async def _page_at(client: Client, tail: str | None) -> tuple[EventPage, str | None]:
    """The page at `tail`, or the first one where that cursor is no longer taken."""
    if tail is not None:
        try:
            return await client.events(MAX_LIMIT, tail), tail
        except UsageError:
            pass
    return await client.events(MAX_LIMIT), None
