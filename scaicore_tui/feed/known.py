"""Whether a sweep has reached what is known already.

A single known event proves nothing: the bus may have delivered it again (API §2), with news behind it. What is known
is met where its newest events stand in the sweep as they stand in the journal, with nothing new below; or, where late
ones slipped in between, where the sweep goes on and on with nothing new.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from scaicore_tui.wire import Event

ANCHOR = 8
# In a page that could have no more events, as they are large.
SHORT_ANCHOR = 3
# Less than the smallest page: a quiet feed with one late event must not cost more requests than any other.
ENOUGH = 40


class Known:
    """The newest of what is known, as a sweep has to meet it."""

    def __init__(self, newest: Sequence[bytes], holds: Callable[[Sequence[Event]], bool]) -> None:
        """`newest` are the bytes of the newest known events, newest first; `holds` tells of some whether it has all."""
        self._newest = newest
        self._anchor = _anchor(newest, ANCHOR)
        self._holds = holds

    def is_met_by(self, sweep: Sequence[Event], *, is_short: bool = False) -> bool:
        """Whether `sweep`, newest first, has reached it; one that `is_short`, as no more could be read at a time, needs
        fewer events for it. If nothing is known, any sweep has."""
        if not self._newest:
            return True
        anchor = _anchor(self._newest, SHORT_ANCHOR) if is_short else self._anchor
        place = _place([event.raw for event in sweep], anchor) if anchor else None
        if place is not None and self._holds(sweep[place:]):
            return True
        return len(sweep) >= ENOUGH and self._holds(sweep[-ENOUGH:])

    def is_touched_by(self, sweep: Sequence[Event]) -> bool:
        """Whether a sweep down to the feed's end has at least the newest known event: else some were lost between."""
        return not self._newest or any(event.raw == self._newest[0] for event in sweep)


def _anchor(newest: Sequence[bytes], count: int) -> Sequence[bytes]:
    """The newest events down to the last of `count` that differ; none where there are not so many."""
    different: set[bytes] = set()
    for index, source in enumerate(newest):
        different.add(source)
        if len(different) == count:
            return newest[: index + 1]
    return ()


def _place(sweep: Sequence[bytes], anchor: Sequence[bytes]) -> int | None:
    """Where `anchor` stands in `sweep` in one piece, for the last time; None where it doesn't."""
    for start in range(len(sweep) - len(anchor), -1, -1):
        if sweep[start] == anchor[0] and list(sweep[start : start + len(anchor)]) == list(anchor):
            return start
    return None
