"""Whether a page goes on right where the one before it ended, in a feed whose events may be equal byte for byte.

Under a key cursor it always does. Under an offset, arrivals push events from one page's end to the next one's begin:
where equal events stand on both, those that were pushed can't be told from others by their bytes. So the page before is
read again: where it did not move, nothing was pushed. Which kind of cursor it is, is learnt once: one cursor is asked
twice, with arrivals in between.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from scaicore_tui.feed.budget import Rank
from scaicore_tui.feed.client import Client
from scaicore_tui.feed.descent import Descent, ReadPage
from scaicore_tui.feed.stitch import overlap
from scaicore_tui.wire import EventPage

# How often a page and the one before it are read again, until the latter stands still.
_TRIES = 3
# So many different events, one after the other, are not there twice by chance.
_PLAIN = 3


def moved_by(before: Sequence[bytes], again: Sequence[bytes]) -> int | None:
    """By how many events a page moved down between two readings; None where that can't be told."""
    length = min(len(before), len(again))
    fits = [count for count in range(length) if again[count:length] == before[: length - count]]
    return fits[0] if len(fits) == 1 else None


def _was_pushed(above: ReadPage, page: EventPage) -> bool:
    """Whether a page plainly begins with what the one above it ended with: with events that differ, in that order."""
    return len(set(page.rows[: overlap(above.rows, page.rows)])) >= _PLAIN


def _goes_on(descent: Descent, page: EventPage, moved: int = 0) -> bool:
    """Whether the page begins no later than those before it ended: else the server repeats what it told."""
    before = descent.tail[: len(descent.tail) - moved]
    last, first = (before[-1].at if before else None), (page.events[0].at if page.events else None)
    return last is not None and first is not None and first <= last


def _is_strictly_below(descent: Descent, page: EventPage) -> bool:
    """Whether the page begins with an event that is older than the last one read. Else it need not be the page that
    follows: a server may repeat itself, and arrivals may have pushed one in at the cursor's place."""
    last, first = (descent.tail[-1].at if descent.tail else None), (page.events[0].at if page.events else None)
    return not descent.leads_back(page) and last is not None and first is not None and first < last


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
        self._probe: tuple[ReadPage, int] | None = None

    def head_read(self, rows: Sequence[bytes], new_events: int) -> None:
        """The feed's newest page was read once more."""
        self.heads += 1
        self._head_rows = rows
        self._news_at = self.heads if new_events else self._news_at

    async def follow(self, descent: Descent, page: EventPage, rank: Rank) -> tuple[EventPage, Counter[bytes] | None]:
        """The page behind those that `descent` read, and how often each of its events was read before it, for certain;
        None where that can't be told. It may be another reading of the same page."""
        above = descent.above
        if self._probe is None and descent.cursor is not None:
            self._probe = ReadPage(descent.cursor, page.limit, page.rows), self.heads
        heads, descent.heads = descent.heads, self.heads
        if not descent.repeats(page):
            self._note_edge(descent, page)
            descent.twice = Counter()
            return page, Counter()
        # What both have is the same, unless it is seen to be otherwise.
        descent.twice = Counter(page.rows) & descent.read
        if above is not None and page.rows[:1] == above.rows[-1:] and self.overlaps is None:
            self.overlaps = await self._learn_overlap(above, rank)
        if above is not None and _was_pushed(above, page):
            return page, None
        if descent.leads_back(page):
            # It may be another reading of what was read before, and not what follows it.
            self.unclear += 1
            return page, None
        await self._learn(rank)
        if self.is_key:
            return page, self._read_above(descent, page)
        found = None if above is None else await self._settle(descent, above, page, rank)
        if found is not None:
            return found
        if heads == self.heads and await self._is_quiet(rank):
            return page, self._read_above(descent, page)
        self.unclear += 1
        return page, None

    def _note_edge(self, descent: Descent, page: EventPage) -> None:
        """A page shares no event with the one above it: where it surely follows that, pages do not overlap."""
        if self.overlaps is None and descent.above is not None and _is_strictly_below(descent, page):
            self.overlaps = False

    async def _settle(
        self, descent: Descent, above: ReadPage, page: EventPage, rank: Rank
    ) -> tuple[EventPage, Counter[bytes] | None] | None:
        """The page, read again until the one `above` it stands still, and what was read above it; None where that does
        not come to be, or does not show."""
        moved, at = 0, above.rows
        for _ in range(_TRIES):
            again = (await self._client.events(above.limit, above.cursor, rank)).rows
            if again == at and (moved or moved_by(above.rows, again) == 0):
                return page, self._read_above(descent, page, moved)
            moved, at = moved_by(above.rows, again) or 0, again
            if not moved:
                break
            page = await self._client.events(above.limit, descent.cursor, rank)
        return None

    def _read_above(self, descent: Descent, page: EventPage, moved: int = 0) -> Counter[bytes] | None:
        """What was read above the page, without what stands on it as well: the `moved` events that were pushed there,
        and the one that a cursor which overlaps shows twice. None where the page does not go on from there."""
        if not _goes_on(descent, page, moved) or not descent.ends_with_above(moved):
            return None
        rows = [event.raw for event in descent.tail]
        twice = Counter(rows[len(rows) - moved :])
        last = rows[len(rows) - moved - 1]
        if self.overlaps is not False and page.rows[0] == last:
            twice[last] += 1
            self.unclear += self.overlaps is None
        descent.twice = twice
        return descent.read - twice

    async def _learn_overlap(self, above: ReadPage, rank: Rank) -> bool | None:
        """Whether each page begins with the event that the one before it ended with: the page `above` is asked for with
        so few events that it ends between two that differ. None where that does not show."""
        rows = above.rows
        size = next((count for count in range(len(rows) - 1, 0, -1) if rows[count] != rows[count - 1]), 0)
        if not size:
            return None
        shorter = await self._client.events(size, above.cursor, rank)
        if shorter.rows != rows[:size] or shorter.next_cursor is None:
            return None
        first = (await self._client.events(size, shorter.next_cursor, rank)).rows[:1]
        return True if first == rows[size - 1 : size] else False if first == rows[size : size + 1] else None

    async def _is_quiet(self, rank: Rank) -> bool:
        """Whether nothing has arrived since the last look at the newest page."""
        again = (await self._client.events(len(self._head_rows), None, rank)).rows if self._head_rows else []
        return moved_by(self._head_rows, again) == 0

    async def _learn(self, rank: Rank) -> None:
        """Ask for one page again, once events have arrived since it was read: after two looks at the head, of which
        the later one brought some, they have."""
        if self.is_key is not None or self._probe is None or self._news_at < self._probe[1] + 2:
            return
        probe, self._probe = self._probe[0], None
        again = (await self._client.events(probe.limit, probe.cursor, rank)).rows
        moved = moved_by(probe.rows, again)
        self.is_key = None if moved is None else moved == 0
