"""Stitching pages that have no event ids into one feed: nothing lost, nothing doubled. Pure.

Pages overlap where one begins with what those before it ended with: under an offset cursor, arrivals between two
requests push events from one page's tail to the next one's head. The rest is compared with what is known as multisets
of bytes: an event is new as often as it stands there beyond what is known. Bytes include the timestamp, so equal bytes
stand in the same span of time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import suppress
from enum import Enum
from itertools import pairwise

from scaicore_tui.wire import Event

# Events with times that differ, one after the other, before a page shows its order.
ENOUGH_STEPS = 12


def join_rising(pages: Iterable[Sequence[Event]]) -> list[Event]:
    """The events of consecutive pages of an oldest-first feed, where arrivals shift nothing."""
    joined: list[Event] = []
    for page in pages:
        joined += page[overlap([event.raw for event in joined], [event.raw for event in page]) :]
    return joined


def overlap(read: Sequence[Hashable], page: Sequence[Hashable]) -> int:
    """How many of `page`'s first items `read` ends with already; all of them if it holds the page whole."""
    if not page:
        return 0
    for start in _places(read, page[0]):
        length = min(len(read) - start, len(page))
        if list(read[start : start + length]) == list(page[:length]):
            return length
    return 0


def _places(read: Sequence[Hashable], item: Hashable) -> Iterator[int]:
    place = -1
    with suppress(ValueError):
        while True:
            place = read.index(item, place + 1)
            yield place


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
