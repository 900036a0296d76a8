"""Reads the events of one run from a journal, by their numbers: a run may have more than fit into memory.

Numbers count from 1, in feed order, repeats included.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence

from scaicore_tui.analysis.event_pages import NumberedEvent
from scaicore_tui.protocol import decode_event
from scaicore_tui.store.journal import MAX_POSITION, Journal
from scaicore_tui.store.stored_ids import encode_id
from scaicore_tui.units import Position

# Events are read in both directions, each up to so many events and bytes.
MAX_EVENTS = 300
MAX_BYTES = 2 * 1024 * 1024
# Events per query while all are searched, so that others can read between.
BATCH_EVENTS = 2_000
_COUNT = "SELECT count(*) FROM events WHERE execution_id = ? AND pos <= ?"
_FORWARD = "SELECT raw FROM events WHERE execution_id = ? ORDER BY pos LIMIT ? OFFSET ?"
_BACKWARD = "SELECT raw FROM events WHERE execution_id = ? ORDER BY pos DESC LIMIT ? OFFSET ?"
_AFTER = "SELECT pos, raw FROM events WHERE execution_id = ? AND pos > ? ORDER BY pos LIMIT ?"
_AT = "SELECT pos, raw FROM events WHERE {}"


class RunEvents:
    """The events of the run `execution_id`. Each method reads `journal`; raises StorageError."""

    def __init__(self, journal: Journal, execution_id: str) -> None:
        self._journal = journal
        self._key = encode_id(execution_id)

    def count(self, upto: Position = MAX_POSITION) -> int:
        """Return the number of events up to a position."""
        return int(self._journal.query(_COUNT, self._key, upto)[0][0])

    def around(self, number: int, total: int) -> Sequence[NumberedEvent]:
        """Return the events around `number`, in feed order, of the first `total`."""
        before = max(0, min(number - 1, total - 1))
        stored = self.count()
        later = self._read(_FORWARD, min(MAX_EVENTS, total - before), before)
        earlier = self._read(_BACKWARD, min(MAX_EVENTS, before), stored - before)
        first = before + 1 - len(earlier)
        return [NumberedEvent(first + index, decode_event(raw)) for index, raw in enumerate([*earlier[::-1], *later])]

    def _read(self, query: str, limit: int, offset: int) -> list[bytes]:
        rows = (raw for (raw,) in self._journal.query(query, self._key, limit, offset))
        return list(_within_bytes(rows)) if limit > 0 else []

    def after(self, position: Position) -> Iterator[tuple[Position, bytes]]:
        """Yield positions and JSON of all events after a position, in feed order."""
        while found := self._journal.query(_AFTER, self._key, position, BATCH_EVENTS):
            yield from found
            position = found[-1][0]

    def at(self, positions: Sequence[Position]) -> dict[Position, bytes]:
        """Return the JSON of the events at `positions`, as far as there are any."""
        dialect = self._journal.dialect
        return dict(self._journal.query(_AT.format(dialect.is_among.format("pos")), dialect.pack_list(positions)))


def _within_bytes(rows: Iterable[bytes]) -> Iterator[bytes]:
    """Yield rows until they have MAX_BYTES together, and at least one."""
    left = MAX_BYTES
    for raw in rows:
        yield raw
        left -= len(raw)
        if left < 0:
            return


class MatchingEvents:
    """The events of a run that match a filter, found so far: a later search only reads those that came since."""

    def __init__(self, execution_id: str, needle: str, matches: Callable[[bytes], bool]) -> None:
        self.execution_id = execution_id
        self.needle = needle
        self._matches = matches
        self._numbers = array("q")
        self._positions = array("q")
        self._searched = 0
        self._last: Position = -MAX_POSITION

    def search(self, events: RunEvents) -> None:
        """Search the events that were added. If some were inserted between others, all are searched again."""
        if events.count(self._last) != self._searched:
            self._numbers, self._positions = array("q"), array("q")
            self._searched, self._last = 0, -MAX_POSITION
        for position, raw in events.after(self._last):
            self._searched, self._last = self._searched + 1, position
            if self._matches(raw):
                self._numbers.append(self._searched)
                self._positions.append(position)

    def count(self, total: int) -> int:
        """Return how many of the first `total` events of the run match."""
        return bisect_right(self._numbers, total)

    def around(self, events: RunEvents, number: int, total: int) -> tuple[int, Sequence[NumberedEvent]]:
        """Return the matching events around `number`, of the first `total`, and how many matching ones are before."""
        middle = bisect_left(self._numbers, number)
        first, end = max(0, middle - MAX_EVENTS), min(self.count(total), middle + MAX_EVENTS)
        found = events.at(self._positions[first:end].tolist())
        placed = zip(self._numbers[first:end], self._positions[first:end], strict=True)
        rows = ((number, found[position]) for number, position in placed if position in found)
        return first, [NumberedEvent(number, decode_event(raw)) for number, raw in rows]
