"""Sorted sets of positions: which runs there are, and which a list shows, in eight bytes a run."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator

from scaicore_tui.units import Position


class Positions:
    """A sorted set of positions. Looking one up takes O(log n); adding one moves the numbers above it in memory.

    An `array` and not a list: a list of a million numbers takes 40 MB, this takes 8.
    """

    __slots__ = ("_sorted",)

    def __init__(self, positions: Iterable[Position] = ()) -> None:
        self._sorted = array("q", sorted(positions))

    def __len__(self) -> int:
        return len(self._sorted)

    def __getitem__(self, index: int) -> Position:
        return self._sorted[index]

    def __iter__(self) -> Iterator[Position]:
        return iter(self._sorted)

    def __reversed__(self) -> Iterator[Position]:
        return reversed(self._sorted)

    def __contains__(self, position: object) -> bool:
        return isinstance(position, int) and self.index(position) is not None

    def copy(self) -> Positions:
        """Return a copy that changes on its own."""
        copied = Positions()
        copied._sorted = self._sorted[:]
        return copied

    def index(self, position: Position) -> int | None:
        """Return the index of `position`; None if it is not in the set."""
        index = self.count_below(position)
        return index if index < len(self._sorted) and self._sorted[index] == position else None

    def count_below(self, position: Position) -> int:
        """Return the number of positions below `position`. The end is tried first: most new runs belong there."""
        numbers = self._sorted
        return len(numbers) if not numbers or numbers[-1] < position else bisect_left(numbers, position)

    def count_above(self, position: Position) -> int:
        """Return the number of positions above `position`, which need not be in the set."""
        return len(self._sorted) - self.count_below(position + 1)

    def add(self, position: Position) -> bool:
        """Add `position`; return False if it was in the set."""
        index = self.count_below(position)
        if index < len(self._sorted) and self._sorted[index] == position:
            return False
        self._sorted.insert(index, position)
        return True

    def discard(self, position: Position) -> bool:
        """Remove `position`; return False if it was not in the set."""
        index = self.index(position)
        if index is None:
            return False
        del self._sorted[index]
        return True

    def update(self, positions: Iterable[Position]) -> None:
        """Add many positions at once. Sorts only if they are not all above, or all below, the others."""
        new = sorted(set(positions))
        if not new:
            return
        if not self._sorted or self._sorted[-1] < new[0]:
            self._sorted.extend(new)
        elif new[-1] < self._sorted[0]:
            self._sorted = array("q", new) + self._sorted
        else:
            self._sorted = array("q", sorted({*self._sorted, *new}))
