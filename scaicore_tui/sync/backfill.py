"""What is still to be read: holes between the newest events and those known, and history before them.

One page at a time, whenever the budget has room; a failed request changes nothing. Heads are journaled at once, with a
hole below where they don't reach what is known: nothing is lost while it is filled, and a crash leaves it noted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from scaicore_tui.api.budget import Priority
from scaicore_tui.api.client import Client
from scaicore_tui.api.page_size import MAX_LIMIT
from scaicore_tui.clock import Clock
from scaicore_tui.errors import ScaicoreError
from scaicore_tui.protocol import Event, EventPage
from scaicore_tui.store import Ingestor, Journal, OpenGap, SkippedEvent
from scaicore_tui.sync.head import HeadRead, has_expired
from scaicore_tui.sync.page_edges import PageEdges
from scaicore_tui.sync.stitch import KnownTail, PageWalk, new_events

# How far back to look for events that differ, to know an end by.
ANCHOR_DEPTH = 200


class GapBackfill:
    """One hole, on the way down to its bottom; `left` is about how many events are still missing."""

    def __init__(self, hole: OpenGap, descent: PageWalk, floor_at: int) -> None:
        self.hole = hole
        self.descent = descent
        self.left = 1
        self.reached_known = False
        self._floor_at = floor_at

    def estimate(self) -> None:
        """What is left, if events came as evenly as those that were read."""
        self.left = max(1, self.descent.estimate_remaining(self._floor_at))


class Backfiller:
    """Fills the holes of one journal, and reads history into it. `changed` hears of the runs that holes and history
    changed. What is read is taken in by `ingest`, one page after the other."""

    def __init__(
        self, client: Client, journal: Journal, ingest: Ingestor, clock: Clock, changed: Callable[[set[str]], None]
    ) -> None:
        unread = journal.unread_history()
        self.history = None if unread is None else PageWalk(unread.cursor, journal.reader.newest_at())
        self._client = client
        self._journal = journal
        self._ingest = ingest
        self._clock = clock
        self._changed = changed
        self.fillings = [self._resume(hole) for hole in reversed(journal.open_gaps())]
        # Why reading was stopped before the feed's end; empty where it was not.
        self.stuck = ""
        self.edges = PageEdges(client)
        self._more = False
        self._deferred: list[Event] = []
        self._ready: list[Event] = []

    @property
    def has_deferred(self) -> bool:
        """Whether there are events that the next look at the head should bring, in their place."""
        return bool(self._deferred or self._ready)

    @property
    def unclear(self) -> str:
        """What to say of equal events that could not be told apart; empty where there were none."""
        count = self.edges.unclear
        return f"equal events may be more than counted: {count} page edges could not be told apart" if count else ""

    @property
    def behind(self) -> int | None:
        """About how many events are missing; 0 where that can't be told, None where none are."""
        if self.fillings:
            return sum(filling.left for filling in self.fillings)
        return 0 if self._more else None

    def known(self) -> KnownTail:
        """The newest of what is known."""
        reader = self._journal.reader
        return KnownTail(reader.newest_raw(ANCHOR_DEPTH), reader.contains_all)

    async def apply_head(self, sweep: HeadRead, *, is_first: bool) -> tuple[int, set[str]]:
        """Take what a sweep brought that is new; returns how much, and the runs that it changed. What it did not reach
        is to be filled. Inside a turn of the ingest."""
        new = new_events(sweep.events, await self._known_of(sweep.events))
        self._more = sweep.more
        self.edges.head_read([event.raw for event in reversed(sweep.events)], len(new))
        if is_first or sweep.reached_known:
            begins = is_first and sweep.next_cursor is not None and not (self.stuck and not new)
            if begins:
                # Before its first event is stored: then a crash leaves nothing that looks complete.
                await self._ingest.begin_history(sweep.next_cursor, self._now())
            changed = await self._ingest.append_new(new)
            if begins:
                self._begin_history(sweep)
        elif sweep.next_cursor is None:
            changed = await self._ingest.append_new(new, gap_found_at=self._now())
        else:
            changed = await self._begin(sweep, new)
        for neighbour in sweep.passed:
            after = self._journal.next_position - 1
            await self._ingest.mark_skipped(SkippedEvent(neighbour, self._now(), sweep.oldest_first, after))
        self._ready, self._deferred = self._ready + self._deferred, []
        late, moved = await self._take_due()
        return len(new) + late, changed | moved

    async def fill(self) -> None:
        """Read one page of the oldest hole. Raises what keeps it from that."""
        filling = self.fillings[0]
        found = await self._page(filling.descent, Priority.CATCH_UP)
        async with self._ingest.lock:
            if found is not None and filling in self.fillings:
                await self._take_page(filling, *found)

    async def read_history(self) -> int:
        """Read one page of history; returns how many events it brought. Raises what keeps it from that."""
        descent = self.history
        found = await self._page(descent, Priority.HISTORY) if descent is not None else None
        if descent is None or found is None:
            return 0
        page, read = found
        async with self._ingest.lock:
            if self._journal.unread_history() is None:
                self.history = None  # what is older than all was forgotten meanwhile
                return 0
            new = await self._news(descent, page, read)
            passed = self._passed(page, None)
            changed = await self._ingest.prepend_history(new, descent.cursor, passed, is_over=descent.is_over)
            if descent.is_over:
                self.history = None
            self._stop_if_stuck(descent, "older events were not all read")
            self._changed(changed)
        return len(new)

    async def _page(self, descent: PageWalk, rank: Priority) -> tuple[EventPage, Counter[bytes] | None] | None:
        """The next page, and how often its events were read above it, where that is known for certain; None where its
        cursor was no longer taken, and the way down begins again from above."""
        try:
            page = await self._client.events(MAX_LIMIT, descent.cursor, rank)
            return await self.edges.follow(descent, page, rank)
        except ScaicoreError as error:
            if descent.cursor is None or not has_expired(error):
                raise
            descent.restart(self._cursor_above(descent))
            return None

    def _cursor_above(self, descent: PageWalk) -> str | None:
        """The nearest place above from which others are on their way down; else the feed's head."""
        ways = [filling.descent for filling in self.fillings]
        above = ways[ways.index(descent) + 1 :] if descent in ways else ways
        return next((way.cursor for way in above if way.cursor != descent.cursor), None)

    async def _take_page(self, filling: GapBackfill, page: EventPage, read: Counter[bytes] | None) -> None:
        hole, descent, reader = filling.hole, filling.descent, self._journal.reader
        floor = KnownTail(
            reader.newest_raw(ANCHOR_DEPTH, hole.after), lambda events: reader.contains_all(events, hole.after)
        )
        new = await self._news(descent, page, read)
        changed = await self._ingest.fill_gap(hole, new, descent.cursor, self._passed(page, hole))
        filling.reached_known = filling.reached_known or floor.overlaps(page.events)
        is_met = floor.is_reached_by(descent.tail)
        if is_met or descent.is_over:
            await self._ingest.close_gap(hole, is_filled=is_met or filling.reached_known)
            self.fillings.remove(filling)
        elif self._stop_if_stuck(descent, "a gap was not filled"):
            # It stays open in the journal: the next start tries again.
            self.fillings.remove(filling)
        filling.estimate()
        _, moved = await self._take_due()
        self._changed(changed | moved)

    async def _take_due(self) -> tuple[int, set[str]]:
        """Take what seemed to be newer than the head, and was not: clocks differ, and the bus repeats."""
        if self.fillings or not self._ready:
            return 0, set()
        new = new_events(self._ready[::-1], await self._known_of(self._ready))
        self._ready = []
        return len(new), await self._ingest.append_new(new)

    async def _known_of(self, events: Sequence[Event]) -> Counter[bytes]:
        return await self._ingest.run_in_thread(self._journal.count_known, events)

    async def _news(self, descent: PageWalk, page: EventPage, read: Counter[bytes] | None) -> list[Event]:
        """What a page on a way down brings that is new, oldest first; some of its events were `read` above it as well,
        as often as that is known."""
        known = await self._known_of(page.events)
        arrivals, events = descent.advance(page, known)
        self._deferred += new_events(arrivals, known | Counter(event.raw for event in (*self._deferred, *self._ready)))
        new = new_events(events, known - read if read else known)
        descent.record_new(len(new))
        return new[::-1]

    def _begin_history(self, sweep: HeadRead) -> None:
        """Read history from below the sweep on. While nothing was found there, pages without end are counted on."""
        if self.history is None or self._journal.reader.newest_at():
            self.history = self._descent(sweep)
        else:
            self.history.restart(sweep.next_cursor)

    def _descent(self, sweep: HeadRead) -> PageWalk:
        """The way down from below a sweep."""
        descent = PageWalk(sweep.next_cursor, self._journal.reader.newest_at(), sweep.events[::-1], sweep.limit)
        descent.heads = self.edges.heads
        return descent

    def _stop_if_stuck(self, descent: PageWalk, what: str) -> bool:
        """Stop, and say so, where the pages of a way down seem to have no end. Whoever asks for more tries on."""
        if not descent.stuck:
            return False
        self.stuck = f"{what}: {descent.stuck}"
        descent.go_on()
        return True

    def _passed(self, page: EventPage, hole: OpenGap | None) -> SkippedEvent | None:
        """What a page in a hole, or in history, says of an event that is too large to be read."""
        if not page.skipped:
            return None
        return SkippedEvent(next(iter(page.events), None), self._now(), after=self._journal.position_below(hole))

    async def _begin(self, sweep: HeadRead, new: Sequence[Event]) -> set[str]:
        """Take in news with a hole below; returns the runs that it changed."""
        is_touched = self.known().overlaps(sweep.events)
        changed, hole = await self._ingest.append_above_gap(new, self._now(), sweep.next_cursor)
        filling = self._filling(hole, self._descent(sweep))
        filling.reached_known = is_touched
        filling.estimate()
        self.fillings.append(filling)
        return changed

    def _resume(self, hole: OpenGap) -> GapBackfill:
        """A hole that an earlier process left."""
        return self._filling(hole, PageWalk(hole.cursor, self._journal.reader.newest_at(hole.until)))

    def _filling(self, hole: OpenGap, descent: PageWalk) -> GapBackfill:
        return GapBackfill(hole, descent, self._journal.reader.newest_at(hole.after))

    def _now(self) -> int:
        return int(self._clock.now() * 1_000_000)
