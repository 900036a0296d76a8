"""Backfill: read the open gaps below the newest events, and the history before the journal's first event.

Reads one page at a time, when the request budget allows; a failed request changes nothing. A head is stored at once. If
the head does not reach a known event, an open gap is stored with it, so that a crash loses no record of the gap.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

from scaicore_tui.api.budget import Priority
from scaicore_tui.api.client import Client
from scaicore_tui.api.page_size import MAX_PAGE_ROWS
from scaicore_tui.clock import Clock
from scaicore_tui.errors import ScaicoreError
from scaicore_tui.log import Log
from scaicore_tui.protocol import Event, EventPage
from scaicore_tui.runs import Delta
from scaicore_tui.store import Ingestor, Journal, OpenGap, SkippedEvent
from scaicore_tui.store.journal import MAX_POSITION
from scaicore_tui.sync.head import HeadRead, is_cursor_expired
from scaicore_tui.sync.page_edges import PageEdges
from scaicore_tui.sync.stitch import KnownTail, PageWalk, new_events
from scaicore_tui.units import Micros, Position

_log = Log(__name__)

T = TypeVar("T")
# Newest journal events among which distinct ones are searched to recognise the end of a gap.
ANCHOR_DEPTH_EVENTS = 200


class GapBackfill:
    """Reads one open gap from top to bottom; `remaining` estimates the events still missing."""

    def __init__(self, gap: OpenGap, walk: PageWalk, floor_at: Micros) -> None:
        self.gap = gap
        self.walk = walk
        self.remaining = 1
        self.reached_known = False
        self._floor_at = floor_at

    def estimate(self) -> None:
        """Update `remaining`, assuming that events are as dense as those already read."""
        self.remaining = max(1, self.walk.estimate_remaining(self._floor_at))


class Backfiller:
    """Fills the open gaps of one journal and reads history into it, one page at a time, through `ingest`.

    `on_changed` is called with the delta of each page.
    """

    def __init__(
        self, client: Client, journal: Journal, ingest: Ingestor, clock: Clock, on_changed: Callable[[Delta], None]
    ) -> None:
        unread = journal.unread_history()
        self.history = None if unread is None else PageWalk(unread.cursor, journal.reader.newest_at())
        self._client = client
        self._journal = journal
        self._ingest = ingest
        self._clock = clock
        self._on_changed = on_changed
        self.gap_backfills = [self._resume(gap) for gap in reversed(journal.open_gaps())]
        # Why reading stopped before the feed's end; empty if it did not.
        self.stop_reason = ""
        self.edges = PageEdges(client)
        # The bytes of the newest events that were added, newest first: no more than a page.
        self.newest: Sequence[bytes] = ()
        self._head_has_more = False
        self._deferred: list[Event] = []
        self._ready: list[Event] = []

    @property
    def has_deferred(self) -> bool:
        """True if there are events that the next head read should bring in their proper order."""
        return bool(self._deferred or self._ready)

    @property
    def ambiguity_note(self) -> str:
        """Note for people about page edges with indistinguishable equal events; empty if there are none."""
        count = self.edges.ambiguous_edges
        return f"identical events may be undercounted: {count} page edges were ambiguous" if count else ""

    @property
    def behind(self) -> int | None:
        """Estimated number of missing events; 0 if unknown, None if none are missing."""
        if self.gap_backfills:
            return sum(gap_backfill.remaining for gap_backfill in self.gap_backfills)
        return 0 if self._head_has_more else None

    def known_tail(self, upto: Position = MAX_POSITION) -> KnownTail:
        """Return the newest events of the journal, up to position `upto`. Reads it: call this in a thread."""
        reader = self._journal.reader
        return KnownTail(reader.newest_raw(ANCHOR_DEPTH_EVENTS, upto), lambda events: reader.contains_all(events, upto))

    async def apply_head(self, head: HeadRead, *, is_first: bool) -> tuple[int, Delta]:
        """Store the new events of a head read; return their number, and the delta to publish.

        Opens a gap if the head does not reach a known event. The caller holds `ingest.lock`.
        """
        new = new_events(head.events, await self._count_known(head.events))
        self._head_has_more = head.has_more
        self.edges.record_head([event.raw for event in reversed(head.events)], len(new))
        if is_first or head.reached_known:
            begun = Delta()
            begins = is_first and head.next_cursor is not None and not (self.stop_reason and not new)
            if begins:
                # Before the first event is stored, so that after a crash the journal does not look complete.
                begun = await self._ingest.begin_history(head.next_cursor, self._now())
            delta = begun.then(await self._ingest.append_new(new))
            if begins:
                await self._begin_history(head)
        elif head.next_cursor is None:
            delta = await self._ingest.append_new(new, gap_found_at=self._now())
        else:
            delta = await self._open_gap(head, new)
        self.newest = [*(event.raw for event in reversed(new)), *self.newest][:MAX_PAGE_ROWS]
        for neighbour in head.passed:
            after = await self._read(lambda journal: journal.next_position) - 1
            skipped = SkippedEvent(neighbour, self._now(), head.oldest_first, after)
            delta = delta.then(await self._ingest.mark_skipped(skipped))
        self._ready, self._deferred = self._ready + self._deferred, []
        late, moved = await self._apply_ready()
        _log.info(
            "poll",
            source="events",
            new=len(new) + late,
            duplicates=len(head.events) - len(new),
            skipped=len(head.passed),
            open_gaps=len(self.gap_backfills),
            lost=head.next_cursor is None and not (is_first or head.reached_known),
        )
        return len(new) + late, delta.then(moved)

    async def read_gap_page(self) -> None:
        """Read one page of the oldest open gap. Raises the error of the request or of the store."""
        gap_backfill = self.gap_backfills[0]
        found = await self._next_page(gap_backfill.walk, Priority.BACKFILL)
        async with self._ingest.lock:
            if found is not None and gap_backfill in self.gap_backfills:
                await self._apply_gap_page(gap_backfill, *found)

    async def read_history_page(self) -> int:
        """Read one history page; return the number of new events. Raises the error of the request or the store."""
        walk = self.history
        found = await self._next_page(walk, Priority.HISTORY) if walk is not None else None
        if walk is None or found is None:
            return 0
        page, read = found
        async with self._ingest.lock:
            if await self._read(Journal.unread_history) is None:
                self.history = None  # retention dropped the oldest events in the meantime
                return 0
            new = await self._new_on_page(walk, page, read)
            passed = await self._skipped(page, None)
            delta = await self._ingest.prepend_history(new, walk.cursor, passed, is_over=walk.is_over)
            if walk.is_over:
                self.history = None
            self._stop_if_endless(walk, "older events were not all read")
            _log.info("history page", events=len(page.events), new=len(new), is_last=walk.is_over)
            self._on_changed(delta)
        return len(new)

    async def _next_page(self, walk: PageWalk, priority: Priority) -> tuple[EventPage, Counter[bytes] | None] | None:
        """Return the next page, and how often each of its events was read on the pages above (None if uncertain).

        Return None if the cursor has expired; the walk then restarts from a cursor above.
        """
        try:
            page = await self._client.events(MAX_PAGE_ROWS, walk.cursor, priority)
            return await self.edges.follow(walk, page, priority)
        except ScaicoreError as error:
            if walk.cursor is None or not is_cursor_expired(error):
                raise
            walk.restart(self._cursor_above(walk))
            _log.warning("cursor expired: reading again from above", priority=priority.name.lower())
            return None

    def _cursor_above(self, walk: PageWalk) -> str | None:
        """Return the cursor of the nearest walk above, or None for the head of the feed."""
        walks = [gap_backfill.walk for gap_backfill in self.gap_backfills]
        above = walks[walks.index(walk) + 1 :] if walk in walks else walks
        return next((other.cursor for other in above if other.cursor != walk.cursor), None)

    async def _apply_gap_page(self, gap_backfill: GapBackfill, page: EventPage, read: Counter[bytes] | None) -> None:
        gap, walk = gap_backfill.gap, gap_backfill.walk
        floor = await self._ingest.run_in_thread(self.known_tail, gap.after)
        new = await self._new_on_page(walk, page, read)
        delta = await self._ingest.fill_gap(gap, new, walk.cursor, await self._skipped(page, gap))
        gap_backfill.reached_known = gap_backfill.reached_known or floor.overlaps(page.events)
        is_met = await self._ingest.run_in_thread(floor.is_reached_by, walk.tail)
        if is_met or walk.is_over:
            delta = delta.then(await self._ingest.close_gap(gap, is_filled=is_met or gap_backfill.reached_known))
            self.gap_backfills.remove(gap_backfill)
        elif self._stop_if_endless(walk, "a gap was not filled"):
            # The gap stays open in the journal: the next start tries again.
            self.gap_backfills.remove(gap_backfill)
        gap_backfill.estimate()
        is_open = gap_backfill in self.gap_backfills
        _log.info(
            "gap page",
            events=len(page.events),
            new=len(new),
            closed=not is_open,
            filled=None if is_open else is_met or gap_backfill.reached_known,
            remaining=gap_backfill.remaining if is_open else 0,
        )
        _, moved = await self._apply_ready()
        self._on_changed(delta.then(moved))

    async def _apply_ready(self) -> tuple[int, Delta]:
        """Store events that looked newer than the head but that no head read brought (clock skew, bus repeats)."""
        if self.gap_backfills or not self._ready:
            return 0, Delta()
        new = new_events(self._ready[::-1], await self._count_known(self._ready))
        self._ready = []
        return len(new), await self._ingest.append_new(new)

    async def _count_known(self, events: Sequence[Event]) -> Counter[bytes]:
        return await self._ingest.run_in_thread(self._journal.count_known, events)

    async def _new_on_page(self, walk: PageWalk, page: EventPage, read: Counter[bytes] | None) -> list[Event]:
        """Return the new events of a page, oldest first.

        `read` counts the events that were already read on pages above; None if uncertain.
        """
        known = await self._count_known(page.events)
        arrivals, events = walk.advance(page, known)
        self._deferred += new_events(arrivals, known | Counter(event.raw for event in (*self._deferred, *self._ready)))
        new = new_events(events, known - read if read else known)
        walk.record_new(len(new))
        return new[::-1]

    async def _begin_history(self, head: HeadRead) -> None:
        """Read history from below the head. An empty journal keeps its count of unproductive pages."""
        if self.history is None or await self._read(lambda journal: journal.newest_at() > 0):
            self.history = await self._walk_below(head)
        else:
            self.history.restart(head.next_cursor)

    async def _walk_below(self, head: HeadRead) -> PageWalk:
        """Return a page walk that starts below a head read."""
        walk = PageWalk(
            head.next_cursor, await self._read(lambda journal: journal.newest_at()), head.events[::-1], head.limit
        )
        walk.head_reads = walk.first_head_reads = self.edges.head_reads
        return walk

    def _stop_if_endless(self, walk: PageWalk, effect: str) -> bool:
        """Set `stop_reason` and return True if the pages of `walk` seem endless. A later request continues the walk."""
        if not walk.stop_reason:
            return False
        self.stop_reason = f"{effect}: {walk.stop_reason}"
        _log.warning("backfill stopped", reason=self.stop_reason)
        walk.resume()
        return True

    async def _skipped(self, page: EventPage, gap: OpenGap | None) -> SkippedEvent | None:
        """Return the record of an event that was skipped because it is too large, or None. No `gap` means history."""
        if not page.skipped:
            return None
        after = await self._read(lambda journal: journal.position_below(gap))
        return SkippedEvent(next(iter(page.events), None), self._now(), after=after)

    async def _open_gap(self, head: HeadRead, new: Sequence[Event]) -> Delta:
        """Store new head events above a new open gap."""
        known = await self._ingest.run_in_thread(self.known_tail)
        is_reached = known.overlaps(head.events)
        delta, gap = await self._ingest.append_above_gap(new, self._now(), head.next_cursor)
        floor_at = await self._read(lambda journal: journal.newest_at(gap.after))
        gap_backfill = GapBackfill(gap, await self._walk_below(head), floor_at)
        gap_backfill.reached_known = is_reached
        gap_backfill.estimate()
        self.gap_backfills.append(gap_backfill)
        _log.warning("gap opened", remaining=gap_backfill.remaining)
        return delta

    def _resume(self, gap: OpenGap) -> GapBackfill:
        """Return the backfill of a gap that an earlier process left open."""
        reader = self._journal.reader
        return GapBackfill(gap, PageWalk(gap.cursor, reader.newest_at(gap.until)), reader.newest_at(gap.after))

    async def _read(self, read: Callable[[Journal], T]) -> T:
        """Return what `read` returns for the journal, in its thread: a disk may be slow."""
        return await self._ingest.run_in_thread(read, self._journal)

    def _now(self) -> int:
        return int(self._clock.now() * 1_000_000)
