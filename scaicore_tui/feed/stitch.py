"""Stitching pages that have no event ids into one feed: nothing lost, nothing doubled. Pure.

Two steps. Pages of one sweep are joined where they overlap: under an offset cursor, arrivals between two requests
push events from one page's tail to the next one's head. Then the sweep is compared with what is known as multisets
of bytes: an event is new as often as the sweep holds it beyond what is known. Bytes include the timestamp, so equal
bytes stand in the same span of time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import Enum
from itertools import pairwise

from scaicore_tui.wire import Event

# Events with times that differ, one after the other, before a page shows its order.
ENOUGH_STEPS = 12


def join(pages: Iterable[Sequence[Event]]) -> list[Event]:
    """The events of consecutive pages, newest first as the pages are, each overlap once."""
    joined: list[Event] = []
    for page in pages:
        length = _overlap(joined, page)
        if length or not joined:
            joined += page[length:]
        else:
            _insert(joined, surplus(page, Counter(event.raw for event in joined)))
    return joined


def join_rising(pages: Iterable[Sequence[Event]]) -> list[Event]:
    """The events of consecutive pages of an oldest-first feed, where arrivals shift nothing."""
    joined: list[Event] = []
    for page in pages:
        joined += page[_overlap(joined, page) :]
    return joined


def _overlap(joined: Sequence[Event], page: Sequence[Event]) -> int:
    """How many of `page`'s first events `joined` ends with already; all of them if it holds the page whole."""
    if not page:
        return 0
    for start in (index for index, event in enumerate(joined) if event.raw == page[0].raw):
        length = min(len(joined) - start, len(page))
        if all(joined[start + offset].raw == page[offset].raw for offset in range(length)):
            return length
    return 0


def _insert(joined: list[Event], page: Sequence[Event]) -> None:
    """Put in a page that overlaps nowhere: at the end, or where its time says.

    More arrivals than were read push events that are newer than all that was read into a page asked for later.
    """
    place = len(joined)
    if page and page[0].at is not None and (joined[-1].at or 0) < page[0].at:
        place = next(index for index, event in enumerate(joined) if (event.at or 0) < page[0].at)
    joined[place:place] = page


def without_arrivals(page: Sequence[Event], newest_at: int) -> Sequence[Event]:
    """A page of history, newest first, without the arrivals that an offset cursor has pushed into its head.

    They are newer than all that is known; the next sweep brings them in their place.
    """
    start = next((index for index, event in enumerate(page) if (event.at or 0) <= newest_at), len(page))
    return page[start:]


def surplus(sweep: Iterable[Event], known: Counter[bytes]) -> list[Event]:
    """The events of `sweep` beyond those in `known`, in order."""
    left = known.copy()
    new = []
    for event in sweep:
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


def order_of(page: Sequence[Event]) -> Order:
    """The order of a page by its timestamps. A few events prove nothing: the bus repeats, and clocks differ."""
    moments = [event.at for event in page if event.at is not None]
    rising = sum(a < b for a, b in pairwise(moments))
    falling = sum(a > b for a, b in pairwise(moments))
    if rising + falling < ENOUGH_STEPS:
        return Order.UNCLEAR
    if moments[0] < moments[-1] and rising > 2 * falling:
        return Order.OLDEST_FIRST
    return Order.NEWEST_FIRST if moments[0] > moments[-1] and falling > 2 * rising else Order.UNCLEAR
