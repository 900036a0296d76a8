"""One look at the feed: its newest page, or in an oldest-first feed the pages behind the last one. Only reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from scaicore_tui.api.budget import Priority
from scaicore_tui.api.client import Client
from scaicore_tui.api.page_size import MAX_PAGE_ROWS
from scaicore_tui.errors import ScaicoreError
from scaicore_tui.protocol import Event, EventPage
from scaicore_tui.sync.stitch import MIN_ORDER_STEPS, KnownTail, Order, detect_order, join_ascending

MIN_HEAD_ROWS = 50
# So many pages of an oldest-first feed are read before they are shown.
MAX_TAIL_PAGES = 10
# Nor are more read than so many in a row that have no events.
MAX_EMPTY_PAGES = 3
# Every so many looks the whole page is read: late events may have been put in far below the newest.
FULL_READ_EVERY_POLLS = 12
_EXPIRED_STATUSES = (400, 404, 410, 422)


class HeadRead(Struct, frozen=True):
    """What was read: `events` oldest first; whether they reach back to what is `met`; the cursor to `older` ones.

    In an oldest-first feed `tail` is the cursor of the last page, where the next sweep begins, and `more` whether it
    should at once. `passed` is the event next to each that is too large to be read: the one below it, or in an
    oldest-first feed the one above; None where nothing was beyond it. Where it is one page, `limit`
    is how many events were asked for.
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
    """How many events to ask for, when the last sweep brought `new_events`: room for twice as many."""
    if polls % FULL_READ_EVERY_POLLS == 0:
        return MAX_PAGE_ROWS
    return max(MIN_HEAD_ROWS, min(MAX_PAGE_ROWS, 2 * new_events))


def is_cursor_expired(error: ScaicoreError) -> bool:
    """Whether the answer to a request with a cursor may mean that this is no longer taken."""
    return error.status in _EXPIRED_STATUSES


async def read_head(client: Client, known: KnownTail, limit: int) -> HeadRead:
    """The newest page; an oldest-first feed is recognised by its timestamps, and followed from its start.

    Where a small page does not reach what is known, a full one is read in its place: a cursor may count pages. Where no
    full one can be read, as events are large, so many are that they show which way the feed runs.
    """
    page = await client.events(limit)
    pages = [page]
    while _is_too_short(pages, limit):
        pages.append(await client.events(MAX_PAGE_ROWS, pages[-1].next_cursor))
    events = page.events if len(pages) == 1 else join_ascending([page.events for page in pages])
    if detect_order(events) is Order.OLDEST_FIRST:
        return await read_tail(client, known, None)
    is_short = page.limit < limit
    met = known.is_reached_by(events, is_short=is_short)
    if limit < MAX_PAGE_ROWS and not is_short and page.next_cursor is not None and not met:
        return await read_head(client, known, MAX_PAGE_ROWS)
    older = pages[-1].next_cursor
    met = met or (older is None and known.overlaps(events))
    limit = page.limit if len(pages) == 1 else 0
    return HeadRead(events[::-1], met, next_cursor=older, passed=_neighbours_of_skipped(pages), limit=limit)


async def read_tail(client: Client, known: KnownTail, cursor: str | None) -> HeadRead:
    """Follow an oldest-first feed from the page at `tail`; one that is newest first after all is looked at anew."""
    page, cursor = await _fetch_tail_page(client, cursor)
    if detect_order(page.events) is Order.NEWEST_FIRST:
        return await read_head(client, known, MAX_PAGE_ROWS)
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
    # The page at `tail` is read again each time: only what is behind it leads on.
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
    """Whether the last few have no events: then there may be any number of such."""
    return len(pages) >= MAX_EMPTY_PAGES and not any(page.events or page.passed for page in pages[-MAX_EMPTY_PAGES:])


def _is_too_short(pages: Sequence[EventPage], limit: int) -> bool:
    """Whether there are too few events to see which way the feed runs, as no more can be read at a time."""
    if (
        pages[-1].next_cursor is None
        or len(pages) >= MAX_TAIL_PAGES
        or pages[0].limit >= min(limit, 2 * MIN_ORDER_STEPS)
    ):
        return False
    return sum(len(page.events) for page in pages) < 2 * MIN_ORDER_STEPS


def _neighbours_of_skipped(pages: Sequence[EventPage]) -> Sequence[Event | None]:
    """The event behind each that was passed, in the order of the pages."""
    return [next(iter(page.events), None) for page in pages if page.passed]


async def _fetch_tail_page(client: Client, cursor: str | None) -> tuple[EventPage, str | None]:
    """The page at `tail`, or the first one where that cursor is no longer taken."""
    if cursor is not None:
        try:
            return await client.events(MAX_PAGE_ROWS, cursor), cursor
        except ScaicoreError as error:
            if not is_cursor_expired(error):
                raise
    return await client.events(MAX_PAGE_ROWS), None


# After so many looks in a row that find nothing new, and always more pages, no more is asked for at once.
MAX_UNPRODUCTIVE_READS = 100


class Head:
    """The head of one feed, read down to what is `known`."""

    def __init__(self, client: Client, known: Callable[[], KnownTail]) -> None:
        self._client = client
        self._known = known
        self._limit = MAX_PAGE_ROWS
        self._last_cursor: str | None = None
        self._oldest_first = False
        self._reads = 0
        # Why no more is asked for at once, although the server names more; empty where it does not.
        self.stop_reason = ""
        self._unproductive_reads = 0

    async def read(self) -> HeadRead:
        """Look at it once."""
        if self._oldest_first:
            return await read_tail(self._client, self._known(), self._last_cursor)
        return await read_head(self._client, self._known(), self._limit)

    def record(self, head_read: HeadRead, new_events: int) -> None:
        """That look brought so many new events: the next one asks for as many."""
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
