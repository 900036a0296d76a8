"""Summaries in the order of the feed, oldest first. Finding one's row costs the same however many there are."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from operator import attrgetter

from scaicore_tui.runs.summary import Summary

_place = attrgetter("place")


class Ordered:
    """A list of summaries that stays sorted by their places. No two runs share a place."""

    def __init__(self, rows: Iterable[Summary] = ()) -> None:
        self._rows = sorted(rows, key=_place)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Summary:
        return self._rows[index]

    def __iter__(self) -> Iterator[Summary]:
        return iter(self._rows)

    def __reversed__(self) -> Iterator[Summary]:
        return reversed(self._rows)

    def index(self, place: int) -> int | None:
        """Where the summary of that place is; None where it is not in the list."""
        index = self._before(place)
        return index if index < len(self._rows) and self._rows[index].place == place else None

    def above(self, place: int) -> int:
        """How many stand above that place, whether one is there or not."""
        return len(self._rows) - self._before(place + 1)

    def put(self, summary: Summary) -> None:
        """Add a summary, or replace the one of the same place."""
        index = self._before(summary.place)
        self._rows[index : index + (self.index(summary.place) is not None)] = [summary]

    def drop(self, place: int) -> None:
        """Take the summary of that place out, if it is there."""
        index = self.index(place)
        if index is not None:
            del self._rows[index]

    def extend(self, rows: Iterable[Summary]) -> None:
        """Add many at once, of places that are not in the list. Those that all belong in one spot cost no sorting."""
        new = sorted(rows, key=_place)
        if not new:
            return
        begin, end = self._before(new[0].place), self._before(new[-1].place)
        self._rows[begin:begin] = new
        if begin != end:
            self._rows.sort(key=_place)

    def _before(self, place: int) -> int:
        """How many stand before that place. News comes at the end."""
        rows = self._rows
        return len(rows) if not rows or rows[-1].place < place else bisect_left(rows, place, key=_place)
