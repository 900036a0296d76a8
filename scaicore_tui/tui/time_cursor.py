"""The time cursor: a run as of one of its events. Pure; nothing is executed again."""

from __future__ import annotations

from enum import StrEnum

from scaicore_tui.analysis.run_history import RunHistory
from scaicore_tui.protocol import Event
from scaicore_tui.protocol.events import BLOCK_ENTERED, BLOCK_EXITED, BLOCK_FAILED, COMPLETED, FAILED, STARTED
from scaicore_tui.runs import Run
from scaicore_tui.units import Micros

STATE_CHANGES = frozenset({STARTED, COMPLETED, FAILED, BLOCK_ENTERED, BLOCK_EXITED, BLOCK_FAILED})


class TimeMove(StrEnum):
    """How the cursor moves, with its key."""

    EARLIER = "←"
    LATER = "→"
    EARLIER_CHANGE = "{"
    LATER_CHANGE = "}"
    FIRST = "0"
    LAST = "$"


class TimeCursor:
    """A cursor in the events of a run, at first on the last one. `number` counts from 1."""

    def __init__(self, history: RunHistory) -> None:
        self.history = history
        self.number = len(history)
        self.run: Run = history.at(self.number)

    @property
    def event(self) -> Event:
        """The event that the cursor is on: the last one that has happened."""
        return self.history.events[self.number - 1]

    def at(self, other: Micros) -> Micros:
        """Return the time of the event; `other` if it has none."""
        return other if self.event.at is None else self.event.at

    def move(self, move: TimeMove) -> bool:
        """Move the cursor; return False if there is no such event."""
        target = self._target(move)
        if target is None:
            return False
        self.number = target
        self.run = self.history.at(target)
        return True

    def _target(self, move: TimeMove) -> int | None:
        last = len(self.history)
        if move in (TimeMove.FIRST, TimeMove.LAST):
            return 1 if move is TimeMove.FIRST else last
        is_later = move in (TimeMove.LATER, TimeMove.LATER_CHANGE)
        numbers = range(self.number + 1, last + 1) if is_later else range(self.number - 1, 0, -1)
        if move in (TimeMove.EARLIER, TimeMove.LATER):
            return next(iter(numbers), None)
        return next((number for number in numbers if self.history.events[number - 1].type in STATE_CHANGES), None)
