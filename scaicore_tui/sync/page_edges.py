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
_PLAIN = 3


def moved_by(before: Sequence[bytes], again: Sequence[bytes]) -> int | None:
    """By how many events a page may have moved down between two readings; None where the rows allow several answers.

    Zero is evidence that it stood still. Anything else is none of how far it moved: a few equal events, which the bus
    delivered again, look like the page's begin.
    """
    length = min(len(before), len(again))
    fits = [count for count in range(length) if again[count:length] == before[: length - count]]
    return fits[0] if len(fits) == 1 else None


def _was_pushed(above: ReadPage, page: EventPage) -> bool:
    """Whether a page plainly begins with what the one above it ended with: with events that differ, in that order."""
    return len(set(page.row_keys[: overlap(above.rows, page.row_keys)])) >= _PLAIN


def _is_all_counted(descent: PageWalk, page: EventPage) -> bool:
    """Whether the fewest are all, if the page begins with events that were pushed there, or is one that was read
    before: each of these was read once, and no other one on the page was."""
    above, read = descent.above, descent.read
    if not _goes_on(descent, page) and all(read[row] == 1 for row in page.row_keys):
        return True
    pushed = 0 if above is None else overlap(above.rows, page.row_keys)
    return all(read[row] == (place < pushed) for place, row in enumerate(page.row_keys))


def _step_down(descent: PageWalk, page: EventPage) -> int | None:
    """By how many microseconds the page begins before the last event that was read; None where one has no moment."""
    last, first = (descent.tail[-1].at if descent.tail else None), (page.events[0].at if page.events else None)
    return None if last is None or first is None else last - first


def _goes_on(descent: PageWalk, page: EventPage) -> bool:
    """Whether the page begins no later than those before it ended: else the server repeats what it told."""
    step = _step_down(descent, page)
    return step is not None and step >= 0


def _is_strictly_below(descent: PageWalk, page: EventPage) -> bool:
    """Whether the page begins with an event that is older than the last one read. Else it need not be the page that
    follows: a server may repeat itself, and arrivals may have pushed one in at the cursor's place."""
    step = _step_down(descent, page)
    return not descent.leads_back(page) and step is not None and step > 0


class PageEdges:
    """What is learnt of the cursors of one feed. `unclear` counts the edges where equal events could not be told apart:
    of these the fewest that it may be are counted."""

    def __init__(self, client: Client) -> None:
        self.unclear = 0
        # Whether a cursor leads to the same events whatever arrives; None where that is not known.
        self.is_key: bool | None = None
        # Whether each page begins with the last event of the one before it; None where that is not known.
        self.overlaps: bool | None = None
        self._client = client
        # How many looks at the newest page there were, and what the last one found there.
        self.heads = 0
        self._head_rows: Sequence[bytes] = ()
        self._news_at = 0
        # Which of these looks was the last one that may have found another page than the one before.
        self._moved_at = 0
        self._probe: tuple[ReadPage, int] | None = None
        # What was seen elsewhere than on the page that is to be asked for again: above it, or at the head since then.
        self._seen: set[bytes] = set()

    def head_read(self, rows: Sequence[bytes], new_events: int) -> None:
        """The feed's newest page was read once more."""
        self.heads += 1
        self._moved_at = self._moved_at if moved_by(self._head_rows, rows) == 0 else self.heads
        self._head_rows = rows
        if self._probe is not None:
            self._seen.update(rows)
        self._news_at = self.heads if new_events else self._news_at

    async def follow(
        self, descent: PageWalk, page: EventPage, rank: Priority
    ) -> tuple[EventPage, Counter[bytes] | None]:
        """The page behind those that `descent` read, and how often each of its events was read before it, for certain;
        None where that can't be told. It may be another reading of the same page."""
        above = descent.above
        if self._probe is None and descent.cursor is not None:
            self._probe = ReadPage(descent.cursor, page.limit, page.row_keys), self.heads
            self._seen = {*descent.read, *self._head_rows}
        heads, descent.heads = descent.heads, self.heads
        if not descent.repeats(page):
            self._note_edge(descent, page)
            descent.is_exact, descent.twice = True, Counter()
            return page, Counter()
        # What both have is the same, unless it is seen to be otherwise.
        descent.is_exact, descent.twice = False, Counter(page.row_keys) & descent.read
        if above is not None and page.row_keys[:1] == above.rows[-1:] and self.overlaps is None:
            self.overlaps = await self._learn_overlap(above, rank)
        read, is_all = await self._judge(descent, page, rank, heads)
        self.unclear += not is_all
        return page, read

    async def _judge(
        self, descent: PageWalk, page: EventPage, rank: Priority, heads: int
    ) -> tuple[Counter[bytes] | None, bool]:
        """How often the events of a page were read above it, where that is certain, of one that has some which are
        equal to these; and whether all of them are counted so. There were so many looks at the head when the page
        above was read."""
        above = descent.above
        if descent.leads_back(page):
            # It may be another reading of what was read before, and not what follows it.
            return None, above is not None and _was_pushed(above, page) and _is_all_counted(descent, page)
        if not _goes_on(descent, page) or (above is not None and _was_pushed(above, page)):
            return None, _is_all_counted(descent, page)
        await self._learn(rank)
        if self.is_key:
            return self._read_above(descent, page)
        if above is not None and not await self._is_still(above, rank):
            return None, _is_all_counted(descent, page)
        if descent.ends_with_above and heads >= self._moved_at and await self._is_quiet(rank):
            return self._read_above(descent, page)
        return None, False

    def _note_edge(self, descent: PageWalk, page: EventPage) -> None:
        """A page shares no event with the one above it: where it surely follows that, pages do not overlap."""
        if self.overlaps is None and descent.above is not None and _is_strictly_below(descent, page):
            self.overlaps = False

    def _read_above(self, descent: PageWalk, page: EventPage) -> tuple[Counter[bytes], bool]:
        """What was read above the page, without the event that a cursor which overlaps shows twice, and whether that
        is all."""
        twice: Counter[bytes] = Counter()
        last = descent.tail[-1].raw
        may_overlap = self.overlaps is not False and page.row_keys[0] == last
        if may_overlap:
            twice[last] += 1
        descent.is_exact, descent.twice = True, twice
        return descent.read - twice, not may_overlap or self.overlaps is True

    async def _learn_overlap(self, above: ReadPage, rank: Priority) -> bool | None:
        """Whether each page begins with the event that the one before it ended with: the page `above` is asked for with
        so few events that it ends between two that differ. None where that does not show."""
        rows = above.rows
        size = next((count for count in range(len(rows) - 1, 0, -1) if rows[count] != rows[count - 1]), 0)
        if not size:
            return None
        shorter = await self._client.events(size, above.cursor, rank)
        if shorter.row_keys != rows[:size] or shorter.next_cursor is None:
            return None
        first = (await self._client.events(size, shorter.next_cursor, rank)).row_keys[:1]
        if first == rows[size - 1 : size]:
            return True
        # Where it is above as well, arrivals may have pushed that one there.
        return False if first == rows[size : size + 1] and first[0] not in rows[:size] else None

    async def _is_still(self, above: ReadPage, rank: Priority) -> bool:
        """Whether that page is still the same."""
        return (await self._client.events(above.limit, above.cursor, rank)).row_keys == above.rows

    async def _is_quiet(self, rank: Priority) -> bool:
        """Whether nothing has arrived since the last look at the newest page."""
        again = (await self._client.events(len(self._head_rows), None, rank)).row_keys if self._head_rows else []
        return moved_by(self._head_rows, again) == 0

    async def _learn(self, rank: Priority) -> None:
        """Ask for one page again, once events have arrived since it was read: after two looks at the head, of which
        the later one brought some, they have."""
        if self.is_key is not None or self._probe is None or self._news_at < self._probe[1] + 2:
            return
        probe, self._probe = self._probe[0], None
        again = (await self._client.events(probe.limit, probe.cursor, rank)).row_keys
        moved = moved_by(probe.rows, again)
        if moved == 0 and not self._seen.issuperset(probe.rows):
            # One of its events is nowhere else: no others that are equal can have taken its place.
            self.is_key = True
        elif moved:
            self.is_key = False
