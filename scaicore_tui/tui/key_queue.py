"""One key at a time: a key is looked at once the key before it has done all that it does.

Textual sends each key to whatever has the focus when it is read, and acts on it some turns of the loop later. Keys that
come in one burst (typed ahead, pasted, or held back by a slow link) would all go where the first one went: of `/cat`,
the `c` would not be typed into the filter but continue a breakpoint.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic

from textual import events
from textual.app import App, ReturnType
from textual.message import Message
from textual.message_pump import MessagePump
from textual.timer import Timer


class Debouncer:
    """Calls `act`: at once if it was asked for after a rest of so many seconds, or else once there was such a rest."""

    def __init__(self, owner: MessagePump, act: Callable[[], None], seconds: float) -> None:
        self._owner = owner
        self._act = act
        self._seconds = seconds
        self._asked_at = float("-inf")
        self._timer: Timer | None = None

    def request(self, now: float) -> None:
        """It is wanted, at `now` in monotonic seconds."""
        quick, self._asked_at = now - self._asked_at < self._seconds, now
        if self._timer is not None:
            self._timer.reset()
        elif quick:
            self._timer = self._owner.set_timer(self._seconds, self.flush)
        else:
            self._act()

    def flush(self) -> None:
        """Do what is outstanding, if anything is."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
            self._act()


# After so many seconds a key that was never heard of again no longer holds up the others.
LOST_KEY_TIMEOUT_S = 2.0
# As many as the longest chain of messages that one key sets off.
FOLLOW_UP_ROUNDS = 4


class KeyProcessed(Message):
    """Goes the way of a key, right behind it: when it arrives at the app, the key was acted on.

    What the key made others say (a text was submitted, a bar was closed) is behind it then: it goes some `rounds` more.
    """

    def __init__(self, rounds: int = FOLLOW_UP_ROUNDS) -> None:
        super().__init__()
        self.rounds = rounds


class KeyQueueApp(App[ReturnType], Generic[ReturnType]):
    """An app that acts on keys and pastes in the order they came."""

    def __init__(self, *, ansi_color: bool | None = None) -> None:
        super().__init__(ansi_color=ansi_color)
        self._keys: deque[events.Key | events.Paste] = deque()
        self._sent_at: float | None = None

    def on_key_activity(self, *, on_key: bool) -> None:
        """Keys are acted on from now on; or what they all did is on the screen."""

    def is_key_refused(self, key: events.Key) -> bool:
        """Whether a key does nothing, as maybe nobody pressed it."""
        return False

    async def on_event(self, event: events.Event) -> None:
        """Take a new key, now or in its turn; everything else at once."""
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
            return
        self.on_key_activity(on_key=True)
        self._keys.append(event)
        if self._sent_at is None or self._now() - self._sent_at > LOST_KEY_TIMEOUT_S:
            await self._take_key()

    def on_key_processed(self, done: KeyProcessed) -> None:
        """What the key asked for (another focus, another screen) is in the queues by now: let that happen first."""
        if done.rounds:
            self._follow_key(KeyProcessed(done.rounds - 1))
        else:
            self.screen.call_later(self.call_later, self._take_key)

    def _follow_key(self, done: KeyProcessed) -> bool:
        return (self.focused or self.screen).post_message(done)

    async def _take_key(self) -> None:
        self._sent_at = None
        event = self._next_key()
        if event is None:
            self.call_after_refresh(self.on_key_activity, on_key=False)
            return
        target = self.focused or self.screen
        await super().on_event(event)
        if target.post_message(KeyProcessed()):
            self._sent_at = self._now()

    def _next_key(self) -> events.Key | events.Paste | None:
        """The next one that is not refused."""
        while self._keys:
            event = self._keys.popleft()
            if isinstance(event, events.Paste) or not self.is_key_refused(event):
                return event
        return None

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
