"""What follows the cursor at once, but not each step of a cursor that runs: then where it comes to rest."""

from __future__ import annotations

from collections.abc import Callable

from textual.message_pump import MessagePump
from textual.timer import Timer


class Resting:
    """Calls `act`: at once if it was asked for after a rest of so many seconds, or else once there was such a rest."""

    def __init__(self, owner: MessagePump, act: Callable[[], None], seconds: float) -> None:
        self._owner = owner
        self._act = act
        self._seconds = seconds
        self._asked_at = float("-inf")
        self._timer: Timer | None = None

    def ask(self, now: float) -> None:
        """It is wanted, at `now` in monotonic seconds."""
        quick, self._asked_at = now - self._asked_at < self._seconds, now
        if self._timer is not None:
            self._timer.reset()
        elif quick:
            self._timer = self._owner.set_timer(self._seconds, self.settle)
        else:
            self._act()

    def settle(self) -> None:
        """Do what is outstanding, if anything is."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
            self._act()
