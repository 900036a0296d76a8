"""Read the head of the feed: the newest page, or in an oldest-first feed the pages after the last one. Never writes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Protocol, TypeVar

from msgspec import Struct

from scaicore_tui.api.budget import Priority
from scaicore_tui.api.client import Client
from scaicore_tui.api.page_size import MAX_PAGE_ROWS
from scaicore_tui.errors import ScaicoreError
from scaicore_tui.protocol import Event, EventPage
from scaicore_tui.sync.stitch import MIN_ORDER_STEPS, KnownTail, Order, detect_order, join_ascending

T = TypeVar("T")


class InThread(Protocol):
    """Runs a function in a thread and returns its result."""

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]: ...


MIN_HEAD_ROWS = 50
# Pages of an oldest-first feed that are read before they are stored and shown.
MAX_TAIL_PAGES = 10
# Consecutive pages without events after which reading stops.
MAX_EMPTY_PAGES = 3
# A full page is read on every 12th poll: late events may have been inserted far below the newest.
FULL_READ_EVERY_POLLS = 12
_EXPIRED_STATUSES = (400, 404, 410, 422)


class HeadRead(Struct, frozen=True):
    """Result of one head read: `events`, oldest first; `next_cursor` leads to older events.

    `reached_known` is true if the events reach back to known ones. In an oldest-first feed `last_cursor` is the last
    page, where the next read starts, and `has_more` asks for that read at once. `passed` holds, for each event that was
    too large to read, its neighbour: the next older event, or in an oldest-first feed the next newer one; None if there
    is none. `limit` is the requested number of events if one page was read, else 0.
    """

    events: list[Event]
    reached_known: bool
    next_cursor: str | None = None
    oldest_first: bool = False
    last_cursor: str | None = None
    has_more: bool = False
    passed: Sequence[Event | None] = ()
    limit: int = 0


def next_page_size(new_events: int, polls: int) -> int:
    """Return the number of events to request: twice as many as the last read found new."""
    if polls % FULL_READ_EVERY_POLLS == 0:
        return MAX_PAGE_ROWS
    return max(MIN_HEAD_ROWS, min(MAX_PAGE_ROWS, 2 * new_events))


def is_cursor_expired(error: ScaicoreError) -> bool:
    """Return True if the error of a request with a cursor may mean that the cursor has expired."""
    return error.status in _EXPIRED_STATUSES


async def read_head(client: Client, known: KnownTail, limit: int, in_thread: InThread = asyncio.to_thread) -> HeadRead:
    """Read the newest page; an oldest-first feed is recognised by its timestamps and followed from its start.

    If a small page does not reach known events, a full page replaces it, since a cursor may count pages. If events are
    too large for a full page, enough pages are read to detect the order of the feed. Known events are looked up
    `in_thread`.
    """
    page = await client.events(limit)
    pages = [page]
    while _is_too_short(pages, limit):
        pages.append(await client.events(MAX_PAGE_ROWS, pages[-1].next_cursor))
    events = page.events if len(pages) == 1 else join_ascending([page.events for page in pages])
    if detect_order(events) is Order.OLDEST_FIRST:
        return await read_tail(client, known, None, in_thread)
    is_short = page.limit < limit
    is_met = await in_thread(partial(known.is_reached_by, events, is_short=is_short))
    if limit < MAX_PAGE_ROWS and not is_short and page.next_cursor is not None and not is_met:
        return await read_head(client, known, MAX_PAGE_ROWS, in_thread)
    older = pages[-1].next_cursor
    is_met = is_met or (older is None and known.overlaps(events))
    limit = page.limit if len(pages) == 1 else 0
    return HeadRead(events[::-1], is_met, next_cursor=older, passed=_neighbours_of_skipped(pages), limit=limit)


async def read_tail(
    client: Client, known: KnownTail, cursor: str | None, in_thread: InThread = asyncio.to_thread
) -> HeadRead:
    """Follow an oldest-first feed from the page at `cursor`; if it proves to be newest first, read its head."""
    page, cursor = await _fetch_tail_page(client, cursor)
    if detect_order(page.events) is Order.NEWEST_FIRST:
        return await read_head(client, known, MAX_PAGE_ROWS, in_thread)
    pages = [page]
    seen = {cursor}
    while (
        page.next_cursor and page.next_cursor not in seen and len(pages) < MAX_TAIL_PAGES and not _end_is_empty(pages)
    ):
        cursor = page.next_cursor
        seen.add(cursor)
        page = await client.events(MAX_PAGE_ROWS, cursor, Priority.BACKFILL)
        pages.append(page)
    events = join_ascending([page.events for page in pages])
    # The page at `cursor` is read again each time: only events after it are progress.
    more = bool(page.next_cursor) and page.next_cursor not in seen and len(events) > len(pages[0].events)
    return HeadRead(
        events,
        reached_known=True,
        oldest_first=True,
        last_cursor=cursor,
        has_more=more,
        passed=_neighbours_of_skipped(pages),
    )


def _end_is_empty(pages: Sequence[EventPage]) -> bool:
    """Return True if the last MAX_EMPTY_PAGES pages have no events: any number of such pages may follow."""
    return len(pages) >= MAX_EMPTY_PAGES and not any(page.events or page.skipped for page in pages[-MAX_EMPTY_PAGES:])


def _is_too_short(pages: Sequence[EventPage], limit: int) -> bool:
    """Return True if the pages have too few events to detect the order, because events are large."""
    if (
        pages[-1].next_cursor is None
        or len(pages) >= MAX_TAIL_PAGES
        or pages[0].limit >= min(limit, 2 * MIN_ORDER_STEPS)
    ):
        return False
    return sum(len(page.events) for page in pages) < 2 * MIN_ORDER_STEPS


def _neighbours_of_skipped(pages: Sequence[EventPage]) -> Sequence[Event | None]:
    """Return the event after each skipped one, in page order; None if there is none."""
    return [next(iter(page.events), None) for page in pages if page.skipped]


async def _fetch_tail_page(client: Client, cursor: str | None) -> tuple[EventPage, str | None]:
    """Return the page at `cursor`, or the first page if the cursor has expired."""
    if cursor is not None:
        try:
            return await client.events(MAX_PAGE_ROWS, cursor), cursor
        except ScaicoreError as error:
            if not is_cursor_expired(error):
                raise
    return await client.events(MAX_PAGE_ROWS), None


# After this many reads in a row without new events, further pages are not read at once.
MAX_UNPRODUCTIVE_READS = 100


class Head:
    """Reads the head of one feed down to the `known` tail; remembers page size and order between reads."""

    def __init__(self, client: Client, known: Callable[[], KnownTail], in_thread: InThread) -> None:
        """`known` reads the journal: it is called `in_thread`."""
        self._in_thread = in_thread
        self._client = client
        self._known = known
        self._limit = MAX_PAGE_ROWS
        self._last_cursor: str | None = None
        self._oldest_first = False
        self._reads = 0
        # Why further pages are not read at once although the server offers them; empty otherwise.
        self.stop_reason = ""
        self._unproductive_reads = 0

    async def read(self) -> HeadRead:
        """Read the head once."""
        known = await self._in_thread(self._known)
        if self._oldest_first:
            return await read_tail(self._client, known, self._last_cursor, self._in_thread)
        return await read_head(self._client, known, self._limit, self._in_thread)

    def record(self, head_read: HeadRead, new_events: int) -> None:
        """Record the result of a read and its number of new events, which sets the next page size."""
        self._reads += 1
        self._last_cursor, self._oldest_first = head_read.last_cursor, head_read.oldest_first
        self._limit = next_page_size(new_events, self._reads)
        self._unproductive_reads = 0 if new_events or not head_read.has_more else self._unproductive_reads + 1
        is_stuck = self._unproductive_reads >= MAX_UNPRODUCTIVE_READS
        self.stop_reason = (
            f"newer events may be unread: {MAX_UNPRODUCTIVE_READS * MAX_TAIL_PAGES} pages brought nothing new"
            if is_stuck
            else ""
        )
