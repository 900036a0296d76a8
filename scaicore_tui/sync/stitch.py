"""One way down the feed, page by page, newest to oldest: resumable, whatever moves the pages meanwhile. Pure."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Sequence
from contextlib import suppress
from enum import Enum
from itertools import pairwise

from msgspec import Struct

from scaicore_tui.protocol import Event, EventPage

ANCHOR_EVENTS = 8
# In a page that could have no more events, as they are large.
SHORT_ANCHOR_EVENTS = 3
# Less than the smallest page: a quiet feed with one late event must not cost more requests than any other.
MIN_KNOWN_EVENTS = 40


class KnownTail:
    """The newest of what is known, as a sweep has to meet it."""

    def __init__(self, newest: Sequence[bytes], contains_all: Callable[[Sequence[Event]], bool]) -> None:
        """`newest` are the bytes of the newest known events, newest first; `holds` tells of some whether it has all."""
        self._newest = newest
        self._anchor = _anchor(newest, ANCHOR_EVENTS)
        self._contains_all = contains_all

    def is_reached_by(self, events: Sequence[Event], *, is_short: bool = False) -> bool:
        """Whether `sweep`, newest first, has reached it; one that `is_short`, as no more could be read at a time, needs
        fewer events for it. If nothing is known, any sweep has."""
        if not self._newest:
            return True
        anchor = _anchor(self._newest, SHORT_ANCHOR_EVENTS) if is_short else self._anchor
        place = _find_last([event.raw for event in events], anchor) if anchor else None
        if place is not None and self._contains_all(events[place:]):
            return True
        return len(events) >= MIN_KNOWN_EVENTS and self._contains_all(events[-MIN_KNOWN_EVENTS:])

    def overlaps(self, events: Sequence[Event]) -> bool:
        """Whether a sweep down to the feed's end has at least the newest known event: else some were lost between."""
        return not self._newest or any(event.raw == self._newest[0] for event in events)


def _anchor(newest: Sequence[bytes], count: int) -> Sequence[bytes]:
    """The newest events down to the last of `count` that differ; none where there are not so many."""
    different: set[bytes] = set()
    for index, source in enumerate(newest):
        different.add(source)
        if len(different) == count:
            return newest[: index + 1]
    return ()


def _find_last(rows: Sequence[bytes], anchor: Sequence[bytes]) -> int | None:
    """Where `anchor` stands in `sweep` in one piece, for the last time; None where it doesn't."""
    for start in range(len(rows) - len(anchor), -1, -1):
        if rows[start] == anchor[0] and list(rows[start : start + len(anchor)]) == list(anchor):
            return start
    return None


# A way down stops after so many pages in a row with no event at all, or with none that is new or older than those
# before: a server may tell new cursors for ever, and these may lead in a circle.
MAX_EMPTY_PAGES = 15
MAX_UNPRODUCTIVE_PAGES = 100
# How many of the events read last are kept, to see in them what is known.
TAIL_EVENTS = 200
# Of so many it is remembered how often they were read: equal ones stand close together.
REMEMBERED_EVENTS = 5_000


class ReadPage(Struct, frozen=True):
    """A page that was read: where it stands, how many events were asked for, and the bytes of each."""

    cursor: str | None
    limit: int
    rows: list[bytes]


class PageWalk:
    """`cursor` is where the next page is; `newest_at` the time of the newest event that may belong there."""

    def __init__(self, cursor: str | None, newest_at: int, read: Iterable[Event] = (), limit: int = 0) -> None:
        """`read` is what the page before `cursor` held, newest first: the feed's first one, of that `limit`, or 0 where
        it was another."""
        self.cursor = cursor
        self.newest_at = newest_at
        self.tail: list[Event] = list(read)
        rows = [event.raw for event in self.tail]
        # The page before `cursor`; None where it is not known. And what was read last, on all of them.
        self.previous_page = ReadPage(None, limit, rows) if limit else None
        # How many looks at the newest page there were when that was read.
        self.head_reads = 0
        # What the page to come has of the pages above it: events that were pushed onto it, or are shown twice.
        self.repeated: Counter[bytes] = Counter()
        # Whether `twice` is certain; and whether nothing that was read is below the end of the page above.
        self.is_repeated_exact = False
        self.ends_with_above = True
        self._read = deque(rows, REMEMBERED_EVENTS)
        self.is_over = False
        # Why it stops before the feed's end; empty where it does not.
        self.stop_reason = ""
        self._cursors: set[str | None] = {cursor}
        self._oldest: int | None = None
        self._unproductive_pages = self._empty_pages = 0

    @property
    def read_counts(self) -> Counter[bytes]:
        """How often each event was read on this way, as far as that is remembered."""
        return Counter(self._read)

    def shares_events_with(self, page: EventPage) -> bool:
        """Whether the page has events that are equal to some that were read on this way, or may have been."""
        return not set(page.rows).isdisjoint(self._read)

    def leads_back(self, page: EventPage) -> bool:
        """Whether the page names a cursor that was used on this way: it ends, or the server repeats itself."""
        return page.next_cursor is not None and page.next_cursor in self._cursors

    def advance(self, page: EventPage, known: Container[bytes]) -> tuple[Sequence[Event], Sequence[Event]]:
        """Go on by one page, of which some bytes are `known`: its arrivals, and what belongs where they were read."""
        start = self._count_arrivals(page.events, known)
        arrivals, events = page.events[:start], page.events[start:]
        # So much may have arrived that whole pages are read twice: the page may end above what was read before. It
        # does not where it goes on from there for certain, or ends with an event that was not read before.
        self.ends_with_above = self.is_repeated_exact or (page.rows[-1:] != [] and page.rows[-1] not in self._read)
        self.tail = [*self.tail[-TAIL_EVENTS:], *events]
        self.previous_page = ReadPage(self.cursor, page.limit, page.rows)
        # An event that stands on two pages was read once.
        self._read.extend(event.raw for event in new_events(events, self.repeated))
        self.is_over = page.next_cursor is None or self.leads_back(page)
        self._cursors.add(page.next_cursor)
        self.cursor = page.next_cursor
        oldest = min((event.at for event in events if event.at is not None), default=None)
        self._empty_pages = 0 if page.events or page.passed else self._empty_pages + 1
        self._unproductive_pages += 1
        if oldest is not None and (self._oldest is None or oldest < self._oldest):
            self._oldest, self._unproductive_pages = oldest, 0
        return arrivals, events

    def record_new(self, news: int) -> None:
        """So many events of the last page were new."""
        self._unproductive_pages = 0 if news else self._unproductive_pages
        if not self.is_over and self._empty_pages >= MAX_EMPTY_PAGES:
            self.stop_reason = f"{MAX_EMPTY_PAGES} pages in a row are empty, and each names another one"
        elif not self.is_over and self._unproductive_pages >= MAX_UNPRODUCTIVE_PAGES:
            self.stop_reason = f"{MAX_UNPRODUCTIVE_PAGES} pages in a row bring nothing new, and each names another one"

    def resume(self) -> None:
        """Try so many pages again."""
        self.stop_reason, self._unproductive_pages, self._empty_pages = "", 0, 0

    def restart(self, cursor: str | None) -> None:
        """Begin again at `cursor`, or at the feed's head: its own is no longer taken."""
        self.cursor = cursor
        self._cursors = {cursor}
        # What was read is read again: once is how often it is there.
        self.previous_page, self.is_repeated_exact, self.ends_with_above = None, False, True
        self._read.clear()

    def estimate_remaining(self, floor_at: int) -> int:
        """About how many events are left down to that time, if they came as evenly as those read; 0 where that can't
        be told."""
        moments = [event.at for event in self.tail if event.at is not None]
        newest, oldest = max(moments, default=0), min(moments, default=0)
        return round((oldest - floor_at) * len(moments) / (newest - oldest)) if floor_at and newest > oldest else 0

    def _count_arrivals(self, events: Sequence[Event], known: Container[bytes]) -> int:
        """How many events at the page's top seem to have come in since the way down began, and to have pushed it on:
        they are newer, and some of them, or what follows, is known."""
        start = next((i for i, event in enumerate(events) if (event.at or 0) <= self.newest_at), len(events))
        is_pushed = start == len(events) or any(event.raw in known for event in events[: start + 1])
        return start if is_pushed else 0


# Events with times that differ, one after the other, before a page shows its order.
MIN_ORDER_STEPS = 12


def join_ascending(pages: Iterable[Sequence[Event]]) -> list[Event]:
    """The events of consecutive pages of an oldest-first feed, where arrivals shift nothing."""
    joined: list[Event] = []
    for page in pages:
        joined += page[overlap([event.raw for event in joined], [event.raw for event in page]) :]
    return joined


def overlap(read: Sequence[Hashable], page: Sequence[Hashable]) -> int:
    """How many of `page`'s first items `read` ends with already; all of them if it holds the page whole."""
    if not page:
        return 0
    for start in _indexes(read, page[0]):
        length = min(len(read) - start, len(page))
        if list(read[start : start + length]) == list(page[:length]):
            return length
    return 0


def _indexes(read: Sequence[Hashable], item: Hashable) -> Iterator[int]:
    place = -1
    with suppress(ValueError):
        while True:
            place = read.index(item, place + 1)
            yield place


def new_events(events: Iterable[Event], known: Counter[bytes]) -> list[Event]:
    """The events of `sweep` beyond those in `known`, in order."""
    left = known.copy()
    new = []
    for event in events:
        if left[event.raw] > 0:
            left[event.raw] -= 1
        else:
            new.append(event)
    return new


class Order(Enum):
    """Which way a feed runs, as far as a page shows it."""

    NEWEST_FIRST = "newest first"
    OLDEST_FIRST = "oldest first"
    UNCLEAR = "unclear"


def detect_order(page: Sequence[Event]) -> Order:
    """The order of a page by its timestamps. A few events prove nothing: the bus repeats, and clocks differ."""
    moments = [event.at for event in page if event.at is not None]
    rising = sum(a < b for a, b in pairwise(moments))
    falling = sum(a > b for a, b in pairwise(moments))
    if rising + falling < MIN_ORDER_STEPS:
        return Order.UNCLEAR
    if moments[0] < moments[-1] and rising > 2 * falling:
        return Order.OLDEST_FIRST
    return Order.NEWEST_FIRST if moments[0] > moments[-1] and falling > 2 * rising else Order.UNCLEAR
