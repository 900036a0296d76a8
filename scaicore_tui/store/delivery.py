"""Deliver the events of a local journal to the journal on the server, each once, in order.

The rule: of each event, as many copies are added as the local journal has more than the other one. So events that
another recorder stored meanwhile are not added again, and an interrupted delivery can be repeated. Events that both
recorders have are the same bytes; the API gives equal events the same time, so equal ones are never far apart.

Where an event is added: behind the event before it in the local journal. That is the end of the journal, or a gap that
another recorder left because the API no longer had the events; then they fill that gap, from below, and it is closed
once they reach the event above it. Gaps of the local journal are added too, where the other journal has no events
either. Without a gap there, the events were inserted late, and are added at the end, as when they are polled.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice

from scaicore_tui.protocol import Event
from scaicore_tui.runs import Gap
from scaicore_tui.store.gaps import GapTable, OpenGap
from scaicore_tui.store.journal import MAX_POSITION, Journal
from scaicore_tui.store.writer import JournalWriter
from scaicore_tui.units import Position

BATCH_EVENTS = 500
_POSITION = "SELECT max(pos) FROM events WHERE pos > ? AND at = ? AND raw = ?"
_TOP = "SELECT pos FROM events ORDER BY pos DESC LIMIT 1"
_ABOVE = "SELECT pos, at, raw FROM events WHERE pos > ? ORDER BY pos LIMIT 1"
_GAP = """SELECT min(after_pos) FROM (SELECT after_pos FROM gaps UNION ALL SELECT after_pos FROM holes) AS every
WHERE after_pos >= ? AND after_pos < ?"""


def is_delivered(local: Journal, journal: Journal) -> bool:
    """Return True if `journal` has every event of `local`. Reads both."""
    for rows in _batches(local, -MAX_POSITION, MAX_POSITION):
        events = [event for _, event in rows]
        if local.count_known(events) - journal.count_known(events):
            return False
    return True


def deliver(local: Journal, journal: Journal) -> int:
    """Add the events of `local` to `journal`, which this process writes; return their number. Raises StorageError."""
    return _Delivery(local, journal).run()


def _batches(local: Journal, after: Position, upto: Position) -> Iterator[Sequence[tuple[Position, Event]]]:
    rows = local.read_between(after, upto)
    while batch := list(islice(rows, BATCH_EVENTS)):
        yield batch


class _Delivery:
    def __init__(self, local: Journal, journal: Journal) -> None:
        self._local = local
        self._journal = journal
        self._writer = JournalWriter(journal)
        self._writer.prepare()
        self._open_gaps = {gap.after: gap for gap in local.open_gaps()}
        self._count = 0
        # The position in `journal` of an event of `local`, and the latest event after it that `journal` had.
        self._last: Position | None = None
        self._known: Event | None = None
        # True right after events were added, and the gap of `local` before its next event.
        self._has_added = False
        self._gap: Gap | None = None

    def run(self) -> int:
        """Deliver everything; return the number of added events."""
        gaps = [gap for gap in self._local.gaps() if not gap.is_history]
        begin = -MAX_POSITION
        for gap in (*gaps, None):
            end = MAX_POSITION if gap is None else gap.after
            for rows in _batches(self._local, begin, end):
                self._deliver([event for _, event in rows], rows[0][0] - 1)
            self._gap, begin = gap or self._gap, end
        return self._count

    def _deliver(self, events: Sequence[Event], below: Position) -> None:
        """Deliver events above position `below` of the local journal, between two of its gaps."""
        known = self._journal.count_known(events) - self._local.count_known(events, below)
        run: list[Event] = []
        for event in events:
            if known[event.raw] > 0:
                known[event.raw] -= 1
                self._add(run)
                self._reach(event)
                run = []
            else:
                run.append(event)
        self._add(run)

    def _reach(self, event: Event) -> None:
        """Close the gap above events that were just added if `event`, which is known, is right above it."""
        if self._has_added and self._gap is None and self._last is not None:
            above = next(iter(self._journal.query(_ABOVE, self._last)), None)
            gap = None if above is None or above[2] != event.raw else self._find_gap(self._last, above[0])
            if gap is not None:
                self._move_gap(gap, None)
        self._known, self._has_added, self._gap = event, False, None

    def _add(self, run: Sequence[Event]) -> None:
        """Add events that follow each other, and the event last reached."""
        if not run:
            return
        last = self._locate()
        above = None if last is None else next(iter(self._journal.query(_ABOVE, last)), None)
        if last is None or above is None or not self._fill(run, last, above[0], above[1]):
            self._append(run)
        self._count += len(run)
        self._known, self._has_added, self._gap = None, True, None

    def _locate(self) -> Position | None:
        """Return the position in the journal of the event before the next one; None if there is none."""
        if self._known is not None:
            low = -MAX_POSITION if self._last is None else self._last
            found = self._journal.query(_POSITION, low, self._known.at or 0, self._known.raw)[0][0]
            self._last = self._last if found is None else int(found)
        return self._last

    def _fill(self, run: Sequence[Event], last: Position, above: Position, above_at: int) -> bool:
        """Add events between two positions, if there is a gap and they are not newer than the event above it."""
        after = self._find_gap(last, above)
        begin = last + 1 if self._gap is None else last + (above - last) // 2
        is_newer = bool(above_at and run[0].at and run[0].at > above_at)
        if after is None or is_newer or begin + len(run) > above:
            return False
        top = begin + len(run) - 1
        self._writer.insert(run, partial(self._insert, run, begin, after, top))
        self._last = top
        return True

    def _insert(self, run: Sequence[Event], begin: Position, after: Position, top: Position) -> None:
        self._journal.insert_at(run, range(begin, top + 1))
        self._move_gap(after, top)
        if self._gap is not None:
            self._add_gap(self._gap, after)

    def _find_gap(self, low: Position, high: Position) -> Position | None:
        """Return where the lowest gap begins that is above position `low` and below `high`."""
        found = self._journal.query(_GAP, low, high)[0][0]
        return None if found is None else int(found)

    def _move_gap(self, after: Position, to: Position | None) -> None:
        with self._journal.transaction() as database:
            GapTable(database).move(after, to)

    def _add_gap(self, gap: Gap, after: Position) -> None:
        """Add a gap of the local journal above position `after`."""
        with self._journal.transaction() as database:
            is_open = self._open_gaps.get(gap.after)
            if is_open is None:
                GapTable(database).mark_lost(after, gap.found_at, gap.reason)
            else:
                GapTable(database).add(OpenGap(after, is_open.until, gap.found_at, is_open.cursor))

    def _append(self, run: Sequence[Event]) -> None:
        """Add events at the end, with the gap below them."""
        gap, history = self._gap, self._local.unread_history()
        found_at, open_gap = (None, None) if gap is None else (gap.found_at, self._open_gaps.get(gap.after))
        if self._last is None and len(self._journal):
            # The local journal does not begin with an event of the other one.
            found_at, open_gap = (run[-1].at or 0, None) if history is None else (history.found_at, history)
        elif self._last is None and history is not None:
            self._writer.begin_history(history.cursor, history.found_at)
        if open_gap is not None:
            self._writer.append_above_gap(run, open_gap.found_at, open_gap.cursor)
        else:
            self._writer.append_new(run, found_at)
        self._last = int(self._journal.query(_TOP)[0][0])
