"""What is still to be read: holes between the newest events and those known, and history before them.

One page at a time, whenever the budget has room; a failed request changes nothing. Heads are journaled at once, with a
hole below where they don't reach what is known: nothing is lost while it is filled, and a crash leaves it noted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

from scaicore_tui.clock import Clock
from scaicore_tui.errors import ScaicoreError
from scaicore_tui.feed import Client, Descent, Known, Rank, Sweep, surplus
from scaicore_tui.feed.client import MAX_LIMIT
from scaicore_tui.feed.sweep import has_expired
from scaicore_tui.journal import Hole, Journal
from scaicore_tui.runs import RunBook
from scaicore_tui.wire import Event, EventPage

# How far back to look for events that differ, to know an end by.
ANCHOR_DEPTH = 200


class Filling:
    """One hole, on the way down to its bottom; `left` is about how many events are still missing."""

    def __init__(self, hole: Hole, descent: Descent, floor_at: int) -> None:
        self.hole = hole
        self.descent = descent
        self.left = 1
        self.is_touched = False
        self._floor_at = floor_at

    def estimate(self) -> None:
        """What is left, if events came as evenly as those that were read."""
        moments = [event.at for event in self.descent.tail if event.at is not None]
        missing = min(moments) - self._floor_at if moments and self._floor_at else 0
        self.left = max(1, round(missing * self.descent.density))


class CatchUp:
    """Fills the holes of one journal, reads history into it, and folds all that into the book. `changed` hears of the
    runs that holes and history changed."""

    def __init__(
        self, client: Client, journal: Journal, book: RunBook, clock: Clock, changed: Callable[[set[str]], None]
    ) -> None:
        self.history: Descent | None = None
        self._client = client
        self._journal = journal
        self._book = book
        self._clock = clock
        self._changed = changed
        self.fillings = [self._taken_up(hole) for hole in reversed(journal.holes())]
        self._more = False
        self._postponed: list[Event] = []
        self._due: list[Event] = []

    @property
    def is_unsure(self) -> bool:
        """Whether there are events that the next look at the head should bring, in their place."""
        return bool(self._postponed or self._due)

    @property
    def behind(self) -> int | None:
        """About how many events are missing; 0 where that can't be told, None where none are."""
        if self.fillings:
            return sum(filling.left for filling in self.fillings)
        return 0 if self._more else None

    def known(self) -> Known:
        """The newest of what is known."""
        return Known(self._journal.newest(ANCHOR_DEPTH), self._journal.holds)

    def take_head(self, sweep: Sweep, *, is_first: bool) -> tuple[list[Event], set[str]]:
        """Take what a sweep brought that is new; returns it, and the runs that it changed. What it did not reach is
        to be filled."""
        new = surplus(sweep.events, self._journal.known(sweep.events))
        self._more = sweep.more
        if is_first or sweep.met:
            self._journal.append(new)
            if is_first and sweep.older is not None:
                self.history = Descent(sweep.older, self._journal.newest_at(), sweep.events[::-1])
        elif sweep.older is None:
            self._journal.mark_gap(self._now())
            self._journal.append(new)
        else:
            self.fillings.append(self._begun(sweep, new))
        self._due, self._postponed = self._due + self._postponed, []
        new += self._not_brought()
        return new, self._book.apply(new)

    async def fill(self) -> None:
        """Read one page of the oldest hole. Raises what keeps it from that."""
        filling = self.fillings[0]
        page = await self._page(filling.descent, Rank.CATCH_UP)
        if page is not None and filling in self.fillings:
            self._take_page(filling, page)

    async def read_history(self) -> int:
        """Read one page of history; returns how many events it brought. Raises what keeps it from that."""
        descent = self.history
        page = await self._page(descent, Rank.HISTORY) if descent is not None else None
        if descent is None or page is None:
            return 0
        new = self._news(descent, page)
        self._journal.prepend(new)
        if descent.is_over:
            self.history = None
        self._changed(self._book.prepend(self._histories(new), len(new)))
        return len(new)

    async def _page(self, descent: Descent, rank: Rank) -> EventPage | None:
        """The next page; None where its cursor was no longer taken, and the way down begins again from above."""
        try:
            return await self._client.events(MAX_LIMIT, descent.cursor, rank)
        except ScaicoreError as error:
            if descent.cursor is None or not has_expired(error):
                raise
            descent.restart(self._cursor_above(descent))
            return None

    def _cursor_above(self, descent: Descent) -> str | None:
        """The nearest place above from which others are on their way down; else the feed's head."""
        ways = [filling.descent for filling in self.fillings]
        above = ways[ways.index(descent) + 1 :] if descent in ways else ways
        return next((way.cursor for way in above if way.cursor != descent.cursor), None)

    def _take_page(self, filling: Filling, page: EventPage) -> None:
        hole, descent = filling.hole, filling.descent
        floor = Known(
            self._journal.newest(ANCHOR_DEPTH, hole.after), lambda events: self._journal.holds(events, hole.after)
        )
        new = self._news(descent, page)
        self._journal.fill(hole, new, descent.cursor)
        filling.is_touched = filling.is_touched or floor.is_touched_by(page.events)
        is_met = floor.is_met_by(descent.tail)
        if is_met or descent.is_over:
            self._journal.close_hole(hole, is_filled=is_met or filling.is_touched)
            self.fillings.remove(filling)
        filling.estimate()
        changed = self._book.insert(self._histories(new), len(new))
        self._changed(changed | self._book.apply(self._not_brought()))

    def _not_brought(self) -> list[Event]:
        """Journal what seemed to be newer than the head, and was not: clocks differ, and the bus repeats."""
        if self.fillings or not self._due:
            return []
        new = surplus(self._due[::-1], self._journal.known(self._due))
        self._journal.append(new)
        self._due = []
        return new

    def _news(self, descent: Descent, page: EventPage) -> list[Event]:
        """What a page on a way down brings that is new, oldest first."""
        known = self._journal.known(page.events)
        arrivals, events = descent.step(page, known)
        self._postponed += surplus(arrivals, known | Counter(event.raw for event in (*self._postponed, *self._due)))
        new = surplus(events, known)
        descent.took(len(new))
        return new[::-1]

    def _begun(self, sweep: Sweep, new: Sequence[Event]) -> Filling:
        is_touched = self.known().is_touched_by(sweep.events)
        hole = self._journal.append_above_hole(new, self._now(), sweep.older)
        filling = self._filling(hole, Descent(sweep.older, self._journal.newest_at(), sweep.events[::-1]))
        filling.is_touched = is_touched
        filling.estimate()
        return filling

    def _histories(self, new: Sequence[Event]) -> dict[str, Sequence[Event]]:
        """All events of the runs that `new` ones touch: a fold can't be run backwards, they are folded anew."""
        histories: dict[str, list[Event]] = defaultdict(list)
        for event in new:
            if event.execution_id:
                histories[event.execution_id].append(event)
        known = self._book.runs.keys() & histories.keys()
        return {key: list(self._journal.events(key)) if key in known else found for key, found in histories.items()}

    def _taken_up(self, hole: Hole) -> Filling:
        """A hole that an earlier process left."""
        return self._filling(hole, Descent(hole.cursor, self._journal.newest_at(hole.until)))

    def _filling(self, hole: Hole, descent: Descent) -> Filling:
        return Filling(hole, descent, self._journal.newest_at(hole.after))

    def _now(self) -> int:
        return int(self._clock.now() * 1_000_000)
