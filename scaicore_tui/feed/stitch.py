"""Stitching pages that have no event ids into one feed: nothing lost, nothing doubled. Pure.

Two steps. Pages of one sweep are joined where they overlap: under an offset cursor, arrivals between two requests
push events from one page's tail to the next one's head. Then the sweep is compared with what is known as multisets
of bytes: an event is new as often as the sweep holds it beyond what is known. Bytes include the timestamp, so equal
bytes stand in the same span of time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from scaicore_tui.wire import Event


def join(pages: Iterable[Sequence[Event]]) -> list[Event]:
    """The events of consecutive pages, in page order, each overlap once."""
    joined: list[Event] = []
    for page in pages:
        joined += page[_overlap(joined, page) :]
    return joined


def _overlap(joined: Sequence[Event], page: Sequence[Event]) -> int:
    """How many of `page`'s first events `joined` ends with already; all of them if it holds the page whole.

    More arrivals than a page is long push a page entirely into what was read before.
    """
    head = [event.raw for event in page]
    tail = [event.raw for event in joined]
    if not head:
        return 0
    for start in (index for index, source in enumerate(tail) if source == head[0]):
        length = min(len(tail) - start, len(head))
        if tail[start : start + length] == head[:length]:
            return length
    return 0


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


def is_oldest_first(page: Sequence[Event]) -> bool:
    """Whether a page begins with its oldest event. Newest first is expected (API §7): only a clear case counts."""
    moments = [event.at for event in page if event.at is not None]
    if not moments or moments[0] >= moments[-1]:
        return False
    rising = sum(a < b for a, b in pairwise(moments))
    falling = sum(a > b for a, b in pairwise(moments))
    return rising > falling
