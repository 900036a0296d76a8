"""The time cursor: a place among the events of a run. Pure; nothing is executed again."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from enum import StrEnum

from scaicore_tui.analysis.run_history import RunHistory, parse_moment
from scaicore_tui.protocol import Event
from scaicore_tui.protocol.events import BLOCK_ENTERED, BLOCK_EXITED, BLOCK_FAILED, COMPLETED, FAILED, STARTED
from scaicore_tui.text import quote
from scaicore_tui.tui.key_contexts import KeyContext
from scaicore_tui.tui.keymap import key_name
from scaicore_tui.units import Micros

BACK = "back"
STATE_CHANGES = frozenset({STARTED, COMPLETED, FAILED, BLOCK_ENTERED, BLOCK_EXITED, BLOCK_FAILED})


class TimeMove(StrEnum):
    """How the cursor moves, with the action of its key."""

    EARLIER = "earlier"
    LATER = "later"
    EARLIER_CHANGE = "earlier_change"
    LATER_CHANGE = "later_change"
    EARLIER_VISIT = "earlier_visit"
    LATER_VISIT = "later_visit"
    FIRST = "first_event"
    LAST = "last_event"

    @property
    def is_later(self) -> bool:
        return self in (TimeMove.LATER, TimeMove.LATER_CHANGE, TimeMove.LATER_VISIT)


class TimeCursor:
    """A cursor in the events of a run, at first on the last one. `number` counts from 1.

    `now` is the time at which the past was entered: the time axis ends there.
    """

    def __init__(self, history: RunHistory, now: Micros) -> None:
        self.history = history
        self.now = now
        self.number = len(history)

    @property
    def event(self) -> Event:
        """The event that the cursor is on: the last one that has happened."""
        return self.history.event(self.number)

    def at(self, other: Micros) -> Micros:
        """Return the time of the event; `other` if it has none."""
        return other if self.event.at is None else self.event.at

    def move(self, move: TimeMove) -> str:
        """Move the cursor; return why it did not move, empty if it did."""
        target = self._target(move)
        if target is None:
            return f"{_key(move)}: this is the {self._name_of_end(move)}; {_key(BACK)} returns to now"
        self.number = target
        return ""

    def move_by_visit(self, move: TimeMove, visits: Sequence[int], name: str) -> str:
        """Move to the next, or the last, of the events `visits`, which begin visits of the node `name`, in order."""
        if move.is_later:
            found = visits[bisect_right(visits, self.number) :][:1]
        else:
            found = visits[: bisect_left(visits, self.number)][-1:]
        if not found or found[0] < self.history.first:
            when = "later" if move.is_later else "before"
            return f"{_key(move)}: {name} was not entered {when}; {_key(BACK)} returns to now"
        self.number = found[0]
        return ""

    def jump(self, text: str) -> str:
        """Move to the event that `text` means, as `show --at` takes it; return why that is none."""
        number = parse_moment(text.strip(), self.history)
        if number is None:
            last = len(self.history)
            first = self.history.first
            return f"@: {quote(text)} is no event and no time of this run: try {first:,} to {last:,}, 12:01:32 or +4.1s"
        self.number = number
        return ""

    def jump_to_time(self, at: Micros) -> str:
        """Move to the last event up to a time, or to the first one."""
        self.number = max(self.history.first, self.history.number_at(at))
        return ""

    def _name_of_end(self, move: TimeMove) -> str:
        if move.is_later:
            return "last event"
        kept = len(self.history) - self.history.first + 1
        return "first event" if self.history.first == 1 else f"oldest of the {kept:,} newest events, which are kept"

    def _target(self, move: TimeMove) -> int | None:
        first, last = self.history.first, len(self.history)
        if move in (TimeMove.FIRST, TimeMove.LAST):
            return first if move is TimeMove.FIRST else last
        numbers = range(self.number + 1, last + 1) if move.is_later else range(self.number - 1, first - 1, -1)
        if move in (TimeMove.EARLIER, TimeMove.LATER):
            return next(iter(numbers), None)
        return next((number for number in numbers if self.history.event(number).type in STATE_CHANGES), None)


def _key(action: str) -> str:
    return key_name(action, KeyContext.DETAIL)
