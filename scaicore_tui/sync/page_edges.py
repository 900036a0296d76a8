"""Page edges: decide if a page continues where the previous one ended, although events may be byte-identical.

With a key cursor it always does. With an offset cursor, arrivals shift events from the end of one page to the start of
the next, and shifted events cannot be distinguished from identical ones. So identical events are counted in full only
if nothing arrived: the previous page and the newest page are read again and are unchanged. Otherwise the smallest
possible count is used, so that no event is stored more often than the feed has it. The kind of cursor is detected once,
by reading one cursor twice with arrivals in between.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from scaicore_tui.api.budget import Priority
from scaicore_tui.api.client import Client
from scaicore_tui.protocol import EventPage
from scaicore_tui.sync.stitch import PageWalk, ReadPage, overlap

# This many distinct events in a row do not repeat by chance.
_MIN_DISTINCT_EVENTS = 3


def shift_between(before: Sequence[bytes], again: Sequence[bytes]) -> int | None:
    """Return by how many rows a page may have shifted down between two reads; None if ambiguous.

    Zero proves that the page did not move. Another number is no proof of the distance: a few identical events that the
    bus delivered again look like the start of the page.
    """
    length = min(len(before), len(again))
    fits = [count for count in range(length) if again[count:length] == before[: length - count]]
    return fits[0] if len(fits) == 1 else None


def _was_shifted(previous: ReadPage, page: EventPage) -> bool:
    """Return True if the page starts with at least _MIN_DISTINCT_EVENTS from the end of the previous page."""
    return len(set(page.row_keys[: overlap(previous.rows, page.row_keys)])) >= _MIN_DISTINCT_EVENTS


def _is_count_exact(walk: PageWalk, page: EventPage) -> bool:
    """Return True if the smallest possible count is exact: the page starts with shifted events, or was read before,
    each of these was read once, and no other event of the page was read."""
    above, read = walk.previous_page, walk.read_counts
    if not _is_at_or_below(walk, page) and all(read[row] == 1 for row in page.row_keys):
        return True
    shifted = 0 if above is None else overlap(above.rows, page.row_keys)
    return all(read[row] == (index < shifted) for index, row in enumerate(page.row_keys))


def _time_below(walk: PageWalk, page: EventPage) -> int | None:
    """Return how many microseconds the page starts before the last event read; None without timestamps."""
    last, first = (walk.tail[-1].at if walk.tail else None), (page.events[0].at if page.events else None)
    return None if last is None or first is None else last - first


def _is_at_or_below(walk: PageWalk, page: EventPage) -> bool:
    """Return True if the page starts no later than the previous one ended; else the server repeats pages."""
    step = _time_below(walk, page)
    return step is not None and step >= 0


def _is_strictly_below(walk: PageWalk, page: EventPage) -> bool:
    """Return True if the page starts with an event older than the last one read.

    Otherwise it may not be the next page: a server may repeat pages, and arrivals may have shifted another one here.
    """
    step = _time_below(walk, page)
    return not walk.leads_back(page) and step is not None and step > 0


class PageEdges:
    """Knowledge about the cursors of one feed. `ambiguous_edges` counts edges where identical events could not be
    distinguished and the smallest possible count was used."""

    def __init__(self, client: Client) -> None:
        self.ambiguous_edges = 0
        # True if a cursor leads to the same events after arrivals; None if unknown.
        self.is_key_cursor: bool | None = None
        # True if each page starts with the last event of the previous one; None if unknown.
        self.pages_overlap: bool | None = None
        self._client = client
        # Number of head reads, and the rows of the last one.
        self.head_reads = 0
        self._head_rows: Sequence[bytes] = ()
        self._new_events_at = 0
        # The last head read that may have found a changed page.
        self._moved_at = 0
        self._probe: tuple[ReadPage, int] | None = None
        # Events seen outside the page that will be read again: above it, or at the head since then.
        self._seen: set[bytes] = set()

    def record_head(self, rows: Sequence[bytes], new_events: int) -> None:
        """Record a read of the newest page."""
        self.head_reads += 1
        self._moved_at = self._moved_at if shift_between(self._head_rows, rows) == 0 else self.head_reads
        self._head_rows = rows
        if self._probe is not None:
            self._seen.update(rows)
        self._new_events_at = self.head_reads if new_events else self._new_events_at

    async def follow(
        self, walk: PageWalk, page: EventPage, priority: Priority
    ) -> tuple[EventPage, Counter[bytes] | None]:
        """Return the next page of `walk`, and how often each of its events was read on the pages above (None if
        uncertain)."""
        above = walk.previous_page
        if self._probe is None and walk.cursor is not None:
            self._probe = ReadPage(walk.cursor, page.limit, page.row_keys), self.head_reads
            self._seen = {*walk.read_counts, *self._head_rows}
        heads, walk.head_reads = walk.head_reads, self.head_reads
        if walk.first_head_reads is None:
            walk.first_head_reads = self.head_reads
        if not walk.shares_events_with(page):
            self._note_edge(walk, page)
            walk.is_repeated_exact, walk.repeated = True, Counter()
            return page, Counter()
        # Equal events are taken as the same event until proven otherwise.
        walk.is_repeated_exact, walk.repeated = False, Counter(page.row_keys) & walk.read_counts
        if above is not None and page.row_keys[:1] == above.rows[-1:] and self.pages_overlap is None:
            self.pages_overlap = await self._learn_overlap(above, priority)
        read, is_all = await self._judge(walk, page, priority, heads)
        self.ambiguous_edges += not is_all
        return page, read

    async def _judge(
        self, walk: PageWalk, page: EventPage, priority: Priority, heads: int
    ) -> tuple[Counter[bytes] | None, bool]:
        """Return how often the events of a page with equal events were read above (None if uncertain), and True if
        that count is complete. `heads` is the number of head reads when the previous page was read."""
        above = walk.previous_page
        if walk.leads_back(page):
            # The page may be an earlier one read again instead of the next one.
            return None, above is not None and _was_shifted(above, page) and _is_count_exact(walk, page)
        if not _is_at_or_below(walk, page) or (above is not None and _was_shifted(above, page)):
            return None, _is_count_exact(walk, page)
        await self._learn_cursor_kind(priority)
        if self.is_key_cursor:
            return self._counts_above(walk, page)
        if above is not None and not await self._is_unchanged(above, priority):
            return None, _is_count_exact(walk, page)
        # If nothing arrived since the walk began, nothing that was read can be below the previous page.
        never_moved = walk.first_head_reads is not None and walk.first_head_reads >= self._moved_at
        is_in_order = heads >= self._moved_at and (walk.ends_with_above or never_moved)
        if is_in_order and await self._is_head_unchanged(priority):
            return self._counts_above(walk, page)
        return None, False

    def _note_edge(self, walk: PageWalk, page: EventPage) -> None:
        """Record that pages do not overlap, if the page certainly follows the previous one and shares no event."""
        if self.pages_overlap is None and walk.previous_page is not None and _is_strictly_below(walk, page):
            self.pages_overlap = False

    def _counts_above(self, walk: PageWalk, page: EventPage) -> tuple[Counter[bytes], bool]:
        """Return the counts above the page, less an event repeated by an overlapping cursor, and True if complete."""
        twice: Counter[bytes] = Counter()
        last = walk.tail[-1].raw
        may_overlap = self.pages_overlap is not False and page.row_keys[0] == last
        if may_overlap:
            twice[last] += 1
        walk.is_repeated_exact, walk.repeated = True, twice
        return walk.read_counts - twice, not may_overlap or self.pages_overlap is True

    async def _learn_overlap(self, previous: ReadPage, priority: Priority) -> bool | None:
        """Return True if each page starts with the last event of the previous one; None if unknown.

        Reads the previous page shortened, so that it ends between two distinct events.
        """
        rows = previous.rows
        size = next((count for count in range(len(rows) - 1, 0, -1) if rows[count] != rows[count - 1]), 0)
        if not size:
            return None
        shorter = await self._client.events(size, previous.cursor, priority)
        if shorter.row_keys != rows[:size] or shorter.next_cursor is None:
            return None
        first = (await self._client.events(size, shorter.next_cursor, priority)).row_keys[:1]
        if first == rows[size - 1 : size]:
            return True
        # If the event is also above, arrivals may have shifted it.
        return False if first == rows[size : size + 1] and first[0] not in rows[:size] else None

    async def _is_unchanged(self, previous: ReadPage, priority: Priority) -> bool:
        """Return True if reading the page again gives the same rows."""
        return (await self._client.events(previous.limit, previous.cursor, priority)).row_keys == previous.rows

    async def _is_head_unchanged(self, priority: Priority) -> bool:
        """Return True if nothing arrived since the last head read."""
        again = (await self._client.events(len(self._head_rows), None, priority)).row_keys if self._head_rows else []
        return shift_between(self._head_rows, again) == 0

    async def _learn_cursor_kind(self, priority: Priority) -> None:
        """Detect the kind of cursor by reading one page again after arrivals: after two head reads, the later of which
        brought new events."""
        if self.is_key_cursor is not None or self._probe is None or self._new_events_at < self._probe[1] + 2:
            return
        probe, self._probe = self._probe[0], None
        again = (await self._client.events(probe.limit, probe.cursor, priority)).row_keys
        shift = shift_between(probe.rows, again)
        if shift == 0 and not self._seen.issuperset(probe.rows):
            # One event of the page is nowhere else, so no identical one can have replaced it.
            self.is_key_cursor = True
        elif shift:
            self.is_key_cursor = False
