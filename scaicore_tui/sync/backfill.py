"""What is still to be read: holes between the newest events and those known, and history before them.

One page at a time, whenever the budget has room; a failed request changes nothing. Heads are journaled at once, with a
hole below where they don't reach what is known: nothing is lost while it is filled, and a crash leaves it noted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from scaicore_tui.api.budget import Priority
from scaicore_tui.api.client import Client
from scaicore_tui.api.page_size import MAX_PAGE_ROWS
from scaicore_tui.clock import Clock
from scaicore_tui.errors import ScaicoreError
from scaicore_tui.protocol import Event, EventPage
from scaicore_tui.store import Ingestor, Journal, OpenGap, Passed
from scaicore_tui.sync.head import HeadRead, is_cursor_expired
from scaicore_tui.sync.page_edges import PageEdges
from scaicore_tui.sync.stitch import KnownTail, PageWalk, new_events

# How far back to look for events that differ, to know an end by.
ANCHOR_DEPTH_EVENTS = 200


class GapBackfill:
    """One hole, on the way down to its bottom; `left` is about how many events are still missing."""

    def __init__(self, hole: OpenGap, descent: PageWalk, floor_at: int) -> None:
        self.gap = hole
        self.walk = descent
        self.remaining = 1
        self.reached_known = False
        self._floor_at = floor_at

    def estimate(self) -> None:
        """What is left, if events came as evenly as those that were read."""
        self.remaining = max(1, self.walk.estimate_remaining(self._floor_at))


class Backfiller:
    """Fills the holes of one journal, and reads history into it. `changed` hears of the runs that holes and history
    changed. What is read is taken in by `ingest`, one page after the other."""

    def __init__(
        self, client: Client, journal: Journal, ingest: Ingestor, clock: Clock, on_changed: Callable[[set[str]], None]
    ) -> None:
        unread = journal.unread_history()
        self.history = None if unread is None else PageWalk(unread.cursor, journal.reader.newest_at())
        self._client = client
        self._journal = journal
        self._ingest = ingest
        self._clock = clock
        self._on_changed = on_changed
        self.gap_backfills = [self._resume(hole) for hole in reversed(journal.holes())]
        # Why reading was stopped before the feed's end; empty where it was not.
        self.stop_reason = ""
        self.edges = PageEdges(client)
        self._head_has_more = False
        self._deferred: list[Event] = []
        self._ready: list[Event] = []

    @property
    def has_deferred(self) -> bool:
        """Whether there are events that the next look at the head should bring, in their place."""
        return bool(self._deferred or self._ready)

    @property
    def ambiguity_note(self) -> str:
        """What to say of equal events that could not be told apart; empty where there were none."""
        count = self.edges.ambiguous_edges
        return f"equal events may be more than counted: {count} page edges could not be told apart" if count else ""

    @property
    def behind(self) -> int | None:
        """About how many events are missing; 0 where that can't be told, None where none are."""
        if self.gap_backfills:
            return sum(filling.remaining for filling in self.gap_backfills)
        return 0 if self._head_has_more else None

    def known_tail(self) -> KnownTail:
        """The newest of what is known."""
        reader = self._journal.reader
        return KnownTail(reader.newest(ANCHOR_DEPTH_EVENTS), reader.holds)

    async def apply_head(self, sweep: HeadRead, *, is_first: bool) -> tuple[int, set[str]]:
        """Take what a sweep brought that is new; returns how much, and the runs that it changed. What it did not reach
        is to be filled. Inside a turn of the ingest."""
        new = new_events(sweep.events, await self._count_known(sweep.events))
        self._head_has_more = sweep.has_more
        self.edges.record_head([event.raw for event in reversed(sweep.events)], len(new))
        if is_first or sweep.reached_known:
            begins = is_first and sweep.next_cursor is not None and not (self.stop_reason and not new)
            if begins:
                # Before its first event is stored: then a crash leaves nothing that looks complete.
                await self._ingest.begin_history(sweep.next_cursor, self._now())
            changed = await self._ingest.append_new(new)
            if begins:
                self._begin_history(sweep)
        elif sweep.next_cursor is None:
            changed = await self._ingest.append_new(new, gap_found_at=self._now())
        else:
            changed = await self._open_gap(sweep, new)
        for neighbour in sweep.passed:
            after = self._journal.next_position - 1
            await self._ingest.mark_passed(Passed(neighbour, self._now(), sweep.oldest_first, after))
        self._ready, self._deferred = self._ready + self._deferred, []
        late, moved = await self._apply_ready()
        return len(new) + late, changed | moved

    async def read_gap_page(self) -> None:
        """Read one page of the oldest hole. Raises what keeps it from that."""
        filling = self.gap_backfills[0]
        found = await self._next_page(filling.walk, Priority.BACKFILL)
        async with self._ingest.lock:
            if found is not None and filling in self.gap_backfills:
                await self._apply_gap_page(filling, *found)

    async def read_history_page(self) -> int:
        """Read one page of history; returns how many events it brought. Raises what keeps it from that."""
        descent = self.history
        found = await self._next_page(descent, Priority.HISTORY) if descent is not None else None
        if descent is None or found is None:
            return 0
        page, read = found
        async with self._ingest.lock:
            if self._journal.unread_history() is None:
                self.history = None  # what is older than all was forgotten meanwhile
                return 0
            new = await self._new_on_page(descent, page, read)
            passed = self._skipped(page, None)
            changed = await self._ingest.history(new, descent.cursor, passed, is_over=descent.is_over)
            if descent.is_over:
                self.history = None
            self._stop_if_endless(descent, "older events were not all read")
            self._on_changed(changed)
        return len(new)

    async def _next_page(self, descent: PageWalk, rank: Priority) -> tuple[EventPage, Counter[bytes] | None] | None:
        """The next page, and how often its events were read above it, where that is known for certain; None where its
        cursor was no longer taken, and the way down begins again from above."""
        try:
            page = await self._client.events(MAX_PAGE_ROWS, descent.cursor, rank)
            return await self.edges.follow(descent, page, rank)
        except ScaicoreError as error:
            if descent.cursor is None or not is_cursor_expired(error):
                raise
            descent.restart(self._cursor_above(descent))
            return None

    def _cursor_above(self, descent: PageWalk) -> str | None:
        """The nearest place above from which others are on their way down; else the feed's head."""
        ways = [filling.walk for filling in self.gap_backfills]
        above = ways[ways.index(descent) + 1 :] if descent in ways else ways
        return next((way.cursor for way in above if way.cursor != descent.cursor), None)

    async def _apply_gap_page(self, filling: GapBackfill, page: EventPage, read: Counter[bytes] | None) -> None:
        hole, descent, reader = filling.gap, filling.walk, self._journal.reader
        floor = KnownTail(
            reader.newest(ANCHOR_DEPTH_EVENTS, hole.after), lambda events: reader.holds(events, hole.after)
        )
        new = await self._new_on_page(descent, page, read)
        changed = await self._ingest.fill(hole, new, descent.cursor, self._skipped(page, hole))
        filling.reached_known = filling.reached_known or floor.overlaps(page.events)
        is_met = floor.is_reached_by(descent.tail)
        if is_met or descent.is_over:
            await self._ingest.close_gap(hole, is_filled=is_met or filling.reached_known)
            self.gap_backfills.remove(filling)
        elif self._stop_if_endless(descent, "a gap was not filled"):
            # It stays open in the journal: the next start tries again.
            self.gap_backfills.remove(filling)
        filling.estimate()
        _, moved = await self._apply_ready()
        self._on_changed(changed | moved)

    async def _apply_ready(self) -> tuple[int, set[str]]:
        """Take what seemed to be newer than the head, and was not: clocks differ, and the bus repeats."""
        if self.gap_backfills or not self._ready:
            return 0, set()
        new = new_events(self._ready[::-1], await self._count_known(self._ready))
        self._ready = []
        return len(new), await self._ingest.append_new(new)

    async def _count_known(self, events: Sequence[Event]) -> Counter[bytes]:
        return await self._ingest.run_in_thread(self._journal.count_known, events)

    async def _new_on_page(self, descent: PageWalk, page: EventPage, read: Counter[bytes] | None) -> list[Event]:
        """What a page on a way down brings that is new, oldest first; some of its events were `read` above it as well,
        as often as that is known."""
        known = await self._count_known(page.events)
        arrivals, events = descent.advance(page, known)
        self._deferred += new_events(arrivals, known | Counter(event.raw for event in (*self._deferred, *self._ready)))
        new = new_events(events, known - read if read else known)
        descent.record_new(len(new))
        return new[::-1]

    def _begin_history(self, sweep: HeadRead) -> None:
        """Read history from below the sweep on. While nothing was found there, pages without end are counted on."""
        if self.history is None or self._journal.reader.newest_at():
            self.history = self._walk_below(sweep)
        else:
            self.history.restart(sweep.next_cursor)

    def _walk_below(self, sweep: HeadRead) -> PageWalk:
        """The way down from below a sweep."""
        descent = PageWalk(sweep.next_cursor, self._journal.reader.newest_at(), sweep.events[::-1], sweep.limit)
        descent.head_reads = self.edges.head_reads
        return descent

    def _stop_if_endless(self, descent: PageWalk, what: str) -> bool:
        """Stop, and say so, where the pages of a way down seem to have no end. Whoever asks for more tries on."""
        if not descent.stop_reason:
            return False
        self.stop_reason = f"{what}: {descent.stop_reason}"
        descent.resume()
        return True

    def _skipped(self, page: EventPage, hole: OpenGap | None) -> Passed | None:
        """What a page in a hole, or in history, says of an event that is too large to be read."""
        if not page.passed:
            return None
        return Passed(next(iter(page.events), None), self._now(), after=self._journal.below(hole))

    async def _open_gap(self, sweep: HeadRead, new: Sequence[Event]) -> set[str]:
        """Take in news with a hole below; returns the runs that it changed."""
        is_touched = self.known_tail().overlaps(sweep.events)
        changed, hole = await self._ingest.append_above_gap(new, self._now(), sweep.next_cursor)
        filling = self._gap_backfill(hole, self._walk_below(sweep))
        filling.reached_known = is_touched
        filling.estimate()
        self.gap_backfills.append(filling)
        return changed

    def _resume(self, hole: OpenGap) -> GapBackfill:
        """A hole that an earlier process left."""
        return self._gap_backfill(hole, PageWalk(hole.cursor, self._journal.reader.newest_at(hole.until)))

    def _gap_backfill(self, hole: OpenGap, descent: PageWalk) -> GapBackfill:
        return GapBackfill(hole, descent, self._journal.reader.newest_at(hole.after))

    def _now(self) -> int:
        return int(self._clock.now() * 1_000_000)
