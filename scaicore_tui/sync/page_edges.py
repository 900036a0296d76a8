"""Whether a page goes on right where the one before it ended, in a feed whose events may be equal byte for byte.

Under a key cursor it always does. Under an offset, arrivals push events from one page's end to the next one's begin:
where equal events stand on both, those that were pushed can't be told from others by their bytes. So equal events are
counted in full only where nothing arrived: the page before is read again and is the same, and so is the newest page.
Anywhere else the fewest are counted that it may be: nothing is ever counted more often than the feed has it. Which kind
of cursor it is, is learnt once: one cursor is asked twice, with arrivals in between.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from scaicore_tui.api.budget import Priority
from scaicore_tui.api.client import Client
from scaicore_tui.protocol import EventPage
from scaicore_tui.sync.stitch import PageWalk, ReadPage, overlap

# So many different events, one after the other, are not there twice by chance.
_MIN_DISTINCT_EVENTS = 3


def shift_between(before: Sequence[bytes], again: Sequence[bytes]) -> int | None:
    """By how many events a page may have moved down between two readings; None where the rows allow several answers.

    Zero is evidence that it stood still. Anything else is none of how far it moved: a few equal events, which the bus
    delivered again, look like the page's begin.
    """
    length = min(len(before), len(again))
    fits = [count for count in range(length) if again[count:length] == before[: length - count]]
    return fits[0] if len(fits) == 1 else None


def _was_pushed(previous: ReadPage, page: EventPage) -> bool:
    """Whether a page plainly begins with what the one above it ended with: with events that differ, in that order."""
    return len(set(page.rows[: overlap(previous.rows, page.rows)])) >= _MIN_DISTINCT_EVENTS


def _is_count_exact(walk: PageWalk, page: EventPage) -> bool:
    """Whether the fewest are all, if the page begins with events that were pushed there, or is one that was read
    before: each of these was read once, and no other one on the page was."""
    above, read = walk.previous_page, walk.read_counts
    if not _is_at_or_below(walk, page) and all(read[row] == 1 for row in page.rows):
        return True
    pushed = 0 if above is None else overlap(above.rows, page.rows)
    return all(read[row] == (place < pushed) for place, row in enumerate(page.rows))


def _time_below(walk: PageWalk, page: EventPage) -> int | None:
    """By how many microseconds the page begins before the last event that was read; None where one has no moment."""
    last, first = (walk.tail[-1].at if walk.tail else None), (page.events[0].at if page.events else None)
    return None if last is None or first is None else last - first


def _is_at_or_below(walk: PageWalk, page: EventPage) -> bool:
    """Whether the page begins no later than those before it ended: else the server repeats what it told."""
    step = _time_below(walk, page)
    return step is not None and step >= 0


def _is_strictly_below(walk: PageWalk, page: EventPage) -> bool:
    """Whether the page begins with an event that is older than the last one read. Else it need not be the page that
    follows: a server may repeat itself, and arrivals may have pushed one in at the cursor's place."""
    step = _time_below(walk, page)
    return not walk.leads_back(page) and step is not None and step > 0


class PageEdges:
    """What is learnt of the cursors of one feed. `unclear` counts the edges where equal events could not be told apart:
    of these the fewest that it may be are counted."""

    def __init__(self, client: Client) -> None:
        self.ambiguous_edges = 0
        # Whether a cursor leads to the same events whatever arrives; None where that is not known.
        self.is_key_cursor: bool | None = None
        # Whether each page begins with the last event of the one before it; None where that is not known.
        self.pages_overlap: bool | None = None
        self._client = client
        # How many looks at the newest page there were, and what the last one found there.
        self.head_reads = 0
        self._head_rows: Sequence[bytes] = ()
        self._new_events_at = 0
        # Which of these looks was the last one that may have found another page than the one before.
        self._moved_at = 0
        self._probe: tuple[ReadPage, int] | None = None
        # What was seen elsewhere than on the page that is to be asked for again: above it, or at the head since then.
        self._seen: set[bytes] = set()

    def record_head(self, rows: Sequence[bytes], new_events: int) -> None:
        """The feed's newest page was read once more."""
        self.head_reads += 1
        self._moved_at = self._moved_at if shift_between(self._head_rows, rows) == 0 else self.head_reads
        self._head_rows = rows
        if self._probe is not None:
            self._seen.update(rows)
        self._new_events_at = self.head_reads if new_events else self._new_events_at

    async def follow(
        self, walk: PageWalk, page: EventPage, priority: Priority
    ) -> tuple[EventPage, Counter[bytes] | None]:
        """The page behind those that `descent` read, and how often each of its events was read before it, for certain;
        None where that can't be told. It may be another reading of the same page."""
        above = walk.previous_page
        if self._probe is None and walk.cursor is not None:
            self._probe = ReadPage(walk.cursor, page.limit, page.rows), self.head_reads
            self._seen = {*walk.read_counts, *self._head_rows}
        heads, walk.head_reads = walk.head_reads, self.head_reads
        if not walk.shares_events_with(page):
            self._note_edge(walk, page)
            walk.is_repeated_exact, walk.repeated = True, Counter()
            return page, Counter()
        # What both have is the same, unless it is seen to be otherwise.
        walk.is_repeated_exact, walk.repeated = False, Counter(page.rows) & walk.read_counts
        if above is not None and page.rows[:1] == above.rows[-1:] and self.pages_overlap is None:
            self.pages_overlap = await self._learn_overlap(above, priority)
        read, is_all = await self._judge(walk, page, priority, heads)
        self.ambiguous_edges += not is_all
        return page, read

    async def _judge(
        self, walk: PageWalk, page: EventPage, priority: Priority, heads: int
    ) -> tuple[Counter[bytes] | None, bool]:
        """How often the events of a page were read above it, where that is certain, of one that has some which are
        equal to these; and whether all of them are counted so. There were so many looks at the head when the page
        above was read."""
        above = walk.previous_page
        if walk.leads_back(page):
            # It may be another reading of what was read before, and not what follows it.
            return None, above is not None and _was_pushed(above, page) and _is_count_exact(walk, page)
        if not _is_at_or_below(walk, page) or (above is not None and _was_pushed(above, page)):
            return None, _is_count_exact(walk, page)
        await self._learn_cursor_kind(priority)
        if self.is_key_cursor:
            return self._counts_above(walk, page)
        if above is not None and not await self._is_unchanged(above, priority):
            return None, _is_count_exact(walk, page)
        if walk.ends_with_above and heads >= self._moved_at and await self._is_head_unchanged(priority):
            return self._counts_above(walk, page)
        return None, False

    def _note_edge(self, walk: PageWalk, page: EventPage) -> None:
        """A page shares no event with the one above it: where it surely follows that, pages do not overlap."""
        if self.pages_overlap is None and walk.previous_page is not None and _is_strictly_below(walk, page):
            self.pages_overlap = False

    def _counts_above(self, walk: PageWalk, page: EventPage) -> tuple[Counter[bytes], bool]:
        """What was read above the page, without the event that a cursor which overlaps shows twice, and whether that
        is all."""
        twice: Counter[bytes] = Counter()
        last = walk.tail[-1].raw
        may_overlap = self.pages_overlap is not False and page.rows[0] == last
        if may_overlap:
            twice[last] += 1
        walk.is_repeated_exact, walk.repeated = True, twice
        return walk.read_counts - twice, not may_overlap or self.pages_overlap is True

    async def _learn_overlap(self, previous: ReadPage, priority: Priority) -> bool | None:
        """Whether each page begins with the event that the one before it ended with: the page `above` is asked for with
        so few events that it ends between two that differ. None where that does not show."""
        rows = previous.rows
        size = next((count for count in range(len(rows) - 1, 0, -1) if rows[count] != rows[count - 1]), 0)
        if not size:
            return None
        shorter = await self._client.events(size, previous.cursor, priority)
        if shorter.rows != rows[:size] or shorter.next_cursor is None:
            return None
        first = (await self._client.events(size, shorter.next_cursor, priority)).rows[:1]
        if first == rows[size - 1 : size]:
            return True
        # Where it is above as well, arrivals may have pushed that one there.
        return False if first == rows[size : size + 1] and first[0] not in rows[:size] else None

    async def _is_unchanged(self, previous: ReadPage, priority: Priority) -> bool:
        """Whether that page is still the same."""
        return (await self._client.events(previous.limit, previous.cursor, priority)).rows == previous.rows

    async def _is_head_unchanged(self, priority: Priority) -> bool:
        """Whether nothing has arrived since the last look at the newest page."""
        again = (await self._client.events(len(self._head_rows), None, priority)).rows if self._head_rows else []
        return shift_between(self._head_rows, again) == 0

    async def _learn_cursor_kind(self, priority: Priority) -> None:
        """Ask for one page again, once events have arrived since it was read: after two looks at the head, of which
        the later one brought some, they have."""
        if self.is_key_cursor is not None or self._probe is None or self._new_events_at < self._probe[1] + 2:
            return
        probe, self._probe = self._probe[0], None
        again = (await self._client.events(probe.limit, probe.cursor, priority)).rows
        moved = shift_between(probe.rows, again)
        if moved == 0 and not self._seen.issuperset(probe.rows):
            # One of its events is nowhere else: no others that are equal can have taken its place.
            self.is_key_cursor = True
        elif moved:
            self.is_key_cursor = False
