"""Stitch pages into one feed: walk from newest to oldest, recognise known events, detect new ones. Pure.

A page walk can be resumed, and tolerates that arrivals shift the pages while they are read.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Sequence
from contextlib import suppress
from enum import Enum
from itertools import pairwise

from msgspec import Struct

from scaicore_tui.protocol import Event, EventPage
from scaicore_tui.units import Micros

ANCHOR_EVENTS = 8
# Anchor length for pages that cannot hold more events because the events are large.
SHORT_ANCHOR_EVENTS = 3
# Smaller than the smallest page, so that one late event in a quiet feed costs no extra requests.
MIN_KNOWN_EVENTS = 40


class KnownTail:
    """The newest known events, which pages must reach to be complete."""

    def __init__(self, newest: Sequence[bytes], contains_all: Callable[[Sequence[Event]], bool]) -> None:
        """`newest` are the bytes of the newest known events, newest first. `contains_all` asks the journal."""
        self._newest = newest
        self._anchor = _anchor(newest, ANCHOR_EVENTS)
        self._contains_all = contains_all

    def is_reached_by(self, events: Sequence[Event], *, is_short: bool = False) -> bool:
        """Return True if `events`, newest first, reach the known tail; always if nothing is known.

        The known tail is reached if its newest distinct events (the anchor) appear contiguously and everything after
        them is known, or if the last MIN_KNOWN_EVENTS are known. `is_short` pages need a shorter anchor.
        """
        if not self._newest:
            return True
        anchor = _anchor(self._newest, SHORT_ANCHOR_EVENTS) if is_short else self._anchor
        index = _find_last([event.raw for event in events], anchor) if anchor else None
        if index is not None and self._contains_all(events[index:]):
            return True
        return len(events) >= MIN_KNOWN_EVENTS and self._contains_all(events[-MIN_KNOWN_EVENTS:])

    def overlaps(self, events: Sequence[Event]) -> bool:
        """Return True if events down to the feed's end include the newest known one; else events are lost."""
        return not self._newest or any(event.raw == self._newest[0] for event in events)


def _anchor(newest: Sequence[bytes], count: int) -> Sequence[bytes]:
    """Return the newest events up to the `count`-th distinct one; empty if there are fewer."""
    distinct: set[bytes] = set()
    for index, source in enumerate(newest):
        distinct.add(source)
        if len(distinct) == count:
            return newest[: index + 1]
    return ()


def _find_last(rows: Sequence[bytes], anchor: Sequence[bytes]) -> int | None:
    """Return the last index of the contiguous `anchor` in `rows`, or None."""
    for start in range(len(rows) - len(anchor), -1, -1):
        if rows[start] == anchor[0] and list(rows[start : start + len(anchor)]) == list(anchor):
            return start
    return None


# A walk stops after this many consecutive pages without events, or without events that are new or older than before:
# a server may return new cursors endlessly, and cursors may form a cycle.
MAX_EMPTY_PAGES = 15
MAX_UNPRODUCTIVE_PAGES = 100
# Number of last events that are kept to recognise the known tail.
TAIL_EVENTS = 200
# Number of last rows that are counted: equal events are close together.
REMEMBERED_EVENTS = 5_000


class ReadPage(Struct, frozen=True):
    """A page that was read: its cursor, the number of requested events, and the bytes of each event."""

    cursor: str | None
    limit: int
    rows: list[bytes]


class PageWalk:
    """State of reading a feed page by page from newest to oldest.

    `cursor` leads to the next page. `newest_at` is the time of the newest event that may belong there (microseconds).
    """

    def __init__(self, cursor: str | None, newest_at: Micros, read: Iterable[Event] = (), limit: int = 0) -> None:
        """`read` are the events of the page before `cursor`, newest first. `limit` is that page's size if it was the
        first of the feed, else 0."""
        self.cursor = cursor
        self.newest_at = newest_at
        self.tail: list[Event] = list(read)
        rows = [event.raw for event in self.tail]
        # The page before `cursor`; None if unknown.
        self.previous_page = ReadPage(None, limit, rows) if limit else None
        # Number of head reads when the previous page was read, and the first of `read_counts`; None if unknown.
        self.head_reads = 0
        self.first_head_reads: int | None = None
        # Events of the next page that are also on pages above: shifted by arrivals, or repeated by the cursor.
        self.repeated: Counter[bytes] = Counter()
        # True if `repeated` is certain; and true if nothing that was read lies below the end of the previous page.
        self.is_repeated_exact = False
        self.ends_with_above = True
        self._read = deque(rows, REMEMBERED_EVENTS)
        self.is_over = False
        # Why the walk stopped before the feed's end; empty if it did not.
        self.stop_reason = ""
        self._cursors: set[str | None] = {cursor}
        self._oldest: int | None = None
        self._unproductive_pages = self._empty_pages = 0

    @property
    def read_counts(self) -> Counter[bytes]:
        """How often each of the last REMEMBERED_EVENTS events was read on this walk."""
        return Counter(self._read)

    def shares_events_with(self, page: EventPage) -> bool:
        """Return True if the page has events that were read on this walk, or equal ones."""
        return not set(page.row_keys).isdisjoint(self._read)

    def leads_back(self, page: EventPage) -> bool:
        """Return True if the next cursor of `page` was already used on this walk, so that the walk would loop."""
        return page.next_cursor is not None and page.next_cursor in self._cursors

    def advance(self, page: EventPage, known: Container[bytes]) -> tuple[Sequence[Event], Sequence[Event]]:
        """Advance by one page. Return (new arrivals shifted onto the page, events that belong at this point)."""
        start = self._count_arrivals(page.events, known)
        arrivals, events = page.events[:start], page.events[start:]
        self.ends_with_above = self._ends_below_all_read(page, known)
        self.tail = [*self.tail[-TAIL_EVENTS:], *events]
        self.previous_page = ReadPage(self.cursor, page.limit, page.row_keys)
        # An event that is on two pages counts once.
        self._read.extend(event.raw for event in new_events(events, self.repeated))
        self.is_over = page.next_cursor is None or self.leads_back(page)
        self._cursors.add(page.next_cursor)
        self.cursor = page.next_cursor
        oldest = min((event.at for event in events if event.at is not None), default=None)
        self._empty_pages = 0 if page.events or page.skipped else self._empty_pages + 1
        self._unproductive_pages += 1
        if oldest is not None and (self._oldest is None or oldest < self._oldest):
            self._oldest, self._unproductive_pages = oldest, 0
        return arrivals, events

    def record_new(self, new_count: int) -> None:
        """Record the number of new events on the last page; set `stop_reason` if the pages seem endless."""
        self._unproductive_pages = 0 if new_count else self._unproductive_pages
        if not self.is_over and self._empty_pages >= MAX_EMPTY_PAGES:
            self.stop_reason = f"{MAX_EMPTY_PAGES} consecutive pages were empty, and each had a next page"
        elif not self.is_over and self._unproductive_pages >= MAX_UNPRODUCTIVE_PAGES:
            self.stop_reason = f"{MAX_UNPRODUCTIVE_PAGES} consecutive pages had nothing new, and each had a next page"

    def resume(self) -> None:
        """Clear `stop_reason` and count pages from zero."""
        self.stop_reason, self._unproductive_pages, self._empty_pages = "", 0, 0

    def restart(self, cursor: str | None) -> None:
        """Restart at `cursor`, or at the head of the feed (None), because the own cursor has expired."""
        self.cursor = cursor
        self._cursors = {cursor}
        # Pages will be read a second time, which must not count twice.
        self.previous_page, self.is_repeated_exact, self.ends_with_above = None, False, True
        self.first_head_reads = None
        self._read.clear()

    def estimate_remaining(self, floor_at: Micros) -> int:
        """Estimate the number of events down to time `floor_at`, at the density of those read; 0 if unknown."""
        moments = [event.at for event in self.tail if event.at is not None]
        newest, oldest = max(moments, default=0), min(moments, default=0)
        return round((oldest - floor_at) * len(moments) / (newest - oldest)) if floor_at and newest > oldest else 0

    def _ends_below_all_read(self, page: EventPage, known: Container[bytes]) -> bool:
        """Return True if nothing that was read on this walk lies below the end of `page`.

        After many arrivals whole pages are read twice, or pages of nothing but arrivals, which end above what was read.
        """
        if self.is_repeated_exact and self.shares_events_with(page):
            return True
        if not page.events or page.row_keys[-1] in self._read:
            return False
        # An event that is nowhere else did not arrive since then: the head would have brought it.
        is_new = page.row_keys[-1] not in known
        last, above = page.events[-1].at, self.tail[-1].at if self.tail else None
        return is_new or (last is not None and above is not None and last < above)

    def _count_arrivals(self, events: Sequence[Event], known: Container[bytes]) -> int:
        """Return the number of events at the top of the page that arrived since the walk began and shifted its pages:
        they are newer, and some of them, or the one after them, is known."""
        start = next((i for i, event in enumerate(events) if (event.at or 0) <= self.newest_at), len(events))
        is_pushed = start == len(events) or any(event.raw in known for event in events[: start + 1])
        return start if is_pushed else 0


# Neighbouring events with distinct times that are needed to detect the order.
MIN_ORDER_STEPS = 12


def join_ascending(pages: Iterable[Sequence[Event]]) -> list[Event]:
    """Join consecutive pages of an oldest-first feed, whose pages arrivals do not shift."""
    joined: list[Event] = []
    for page in pages:
        joined += page[overlap([event.raw for event in joined], [event.raw for event in page]) :]
    return joined


def overlap(read: Sequence[Hashable], page: Sequence[Hashable]) -> int:
    """Return how many of the first items of `page` are at the end of `read`; all if `read` contains the whole page."""
    if not page:
        return 0
    for start in _indexes(read, page[0]):
        length = min(len(read) - start, len(page))
        if list(read[start : start + length]) == list(page[:length]):
            return length
    return 0


def _indexes(read: Sequence[Hashable], item: Hashable) -> Iterator[int]:
    index = -1
    with suppress(ValueError):
        while True:
            index = read.index(item, index + 1)
            yield index


def new_events(events: Iterable[Event], known: Counter[bytes]) -> list[Event]:
    """Return the events that exceed their count in `known`, in order."""
    left = known.copy()
    new = []
    for event in events:
        if left[event.raw] > 0:
            left[event.raw] -= 1
        else:
            new.append(event)
    return new


class Order(Enum):
    """Order of a feed, as far as one page shows it."""

    NEWEST_FIRST = "newest first"
    OLDEST_FIRST = "oldest first"
    UNCLEAR = "unclear"


def detect_order(page: Sequence[Event]) -> Order:
    """Return the order of a page by its timestamps. A few events prove nothing: the bus repeats, and clocks differ."""
    moments = [event.at for event in page if event.at is not None]
    rising = sum(a < b for a, b in pairwise(moments))
    falling = sum(a > b for a, b in pairwise(moments))
    if rising + falling < MIN_ORDER_STEPS:
        return Order.UNCLEAR
    if moments[0] < moments[-1] and rising > 2 * falling:
        return Order.OLDEST_FIRST
    return Order.NEWEST_FIRST if moments[0] > moments[-1] and falling > 2 * rising else Order.UNCLEAR
