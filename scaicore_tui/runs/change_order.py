"""Runs ordered by their last change, in 32 bytes a run."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import compress

from scaicore_tui.units import Micros, Position

# Times beyond 64 bits are kept as the nearest one that fits.
_MAX_TIME = 2**63 - 1


class ChangeOrder:
    """Positions of runs with the time of each run's last event, the oldest change first.

    Runs of one time are ordered by position, and a run without a time comes first. Finding a run takes O(log n); moving
    one moves the numbers above it in memory, which are few: runs that change have changed lately.
    """

    __slots__ = ("_known", "_order", "_order_times", "_times")

    def __init__(self, changes: Iterable[tuple[Position, Micros | None]] = ()) -> None:
        known = sorted({position: _as_key(at) for position, at in changes}.items())
        self._known = array("q", (position for position, _ in known))
        self._times = array("q", (at for _, at in known))
        known.sort(key=lambda pair: pair[1])
        self._order = array("q", (position for position, _ in known))
        self._order_times = array("q", (at for _, at in known))

    @classmethod
    def of_sorted(
        cls, by_position: tuple[array[int], array[int]], by_time: tuple[array[int], array[int]]
    ) -> ChangeOrder:
        """Return the order of runs whose positions and times are sorted: once by position, once by time and position.

        The times fit in 64 bits. It takes no other memory, and keeps the arrays.
        """
        made = cls()
        made._known, made._times = by_position
        made._order, made._order_times = by_time
        return made

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, index: int) -> Position:
        return self._order[index]

    def __iter__(self) -> Iterator[Position]:
        return iter(self._order)

    def __contains__(self, position: object) -> bool:
        return isinstance(position, int) and self._known_index(position) is not None

    def copy(self) -> ChangeOrder:
        """Return a copy that changes on its own."""
        copied = ChangeOrder()
        copied._known, copied._times = self._known[:], self._times[:]
        copied._order, copied._order_times = self._order[:], self._order_times[:]
        return copied

    def only(self, chosen: Iterable[Position]) -> ChangeOrder:
        """Return the order of the runs at `chosen`, as far as they are known."""
        wanted, part = set(chosen), ChangeOrder()
        part._known, part._times = _filtered(self._known, self._times, wanted)
        part._order, part._order_times = _filtered(self._order, self._order_times, wanted)
        return part

    def time_of(self, position: Position) -> Micros:
        """Return the time of a run's last event; 0 if it has none. Raises KeyError for an unknown position."""
        index = self._known_index(position)
        if index is None:
            raise KeyError(position)
        return self._times[index]

    def index(self, position: Position) -> int | None:
        """Return the index of a run; None if it is not known."""
        index = self._known_index(position)
        return None if index is None else self._order_index(position, self._times[index])

    def count_after(self, at: Micros) -> int:
        """Return the number of runs whose last change is after `at`."""
        return len(self._order) - bisect_right(self._order_times, _as_key(at))

    def put(self, position: Position, at: Micros | None) -> None:
        """Add a run, or move it to the place of its last event's time."""
        key, index = _as_key(at), bisect_left(self._known, position)
        if index < len(self._known) and self._known[index] == position:
            if self._times[index] == key:
                return
            self._take_out(position, self._times[index])
            self._times[index] = key
        else:
            self._known.insert(index, position)
            self._times.insert(index, key)
        at_index = self._order_index(position, key)
        self._order.insert(at_index, position)
        self._order_times.insert(at_index, key)

    def discard(self, position: Position) -> bool:
        """Remove a run; return False if it is not known."""
        index = self._known_index(position)
        if index is None:
            return False
        self._take_out(position, self._times[index])
        del self._known[index], self._times[index]
        return True

    def update(self, other: ChangeOrder) -> None:
        """Put the runs of `other`."""
        for position, at in zip(other._known, other._times, strict=True):
            self.put(position, at)

    def _known_index(self, position: Position) -> int | None:
        index = bisect_left(self._known, position)
        return index if index < len(self._known) and self._known[index] == position else None

    def _order_index(self, position: Position, key: Micros) -> int:
        """Return the index at which a run with this time is, or has to be inserted."""
        first = bisect_left(self._order_times, key)
        last = bisect_right(self._order_times, key, lo=first)
        return bisect_left(self._order, position, lo=first, hi=last)

    def _take_out(self, position: Position, key: Micros) -> None:
        index = self._order_index(position, key)
        del self._order[index], self._order_times[index]


def _filtered(positions: array[int], times: array[int], wanted: set[Position]) -> tuple[array[int], array[int]]:
    chosen = [position in wanted for position in positions]
    return array("q", compress(positions, chosen)), array("q", compress(times, chosen))


def _as_key(at: Micros | None) -> Micros:
    return 0 if at is None else max(-_MAX_TIME, min(_MAX_TIME, at))
