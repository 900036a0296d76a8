"""Processes one key at a time: a key is dispatched once all effects of the key before it have happened.

Textual sends a key to the widget that has the focus when the key is read, and handles it some turns of the event loop
later. Keys that arrive in one burst (typed ahead, pasted, or delayed by a slow connection) would all go to the same
widget: of `/cat`, the `c` would continue a breakpoint instead of being typed into the filter.
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
    """Calls `act` after the next paint on the first request, and after a quiet period on requests in a row.

    The paint comes first so that the cursor moves at once, however long `act` takes.
    """

    def __init__(self, owner: MessagePump, act: Callable[[], None], quiet_s: float) -> None:
        self._owner = owner
        self._act = act
        self._quiet_s = quiet_s
        self._requested_at = float("-inf")
        self._timer: Timer | None = None
        self._is_pending = False

    def request(self, now: float) -> None:
        """Request a call of `act`, at `now` in monotonic seconds; the quiet period is `quiet_s` seconds long."""
        is_in_a_row, self._requested_at = now - self._requested_at < self._quiet_s, now
        self._is_pending = True
        if self._timer is not None:
            self._timer.reset()
        elif is_in_a_row:
            self._timer = self._owner.set_timer(self._quiet_s, self.flush)
        else:
            self._owner.call_after_refresh(self.flush)

    def flush(self) -> None:
        """Call `act` now if a call is pending."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if self._is_pending:
            self._is_pending = False
            self._act()


# If no `KeyProcessed` arrives for a key within this time, the next key is dispatched all the same.
LOST_KEY_TIMEOUT_S = 2.0
# A held key is dispatched after this time, even if the data it waits for has not arrived.
MAX_HOLD_S = 2.0
# A key is painted within this time, on a machine that is not busy.
PAINT_S = 0.03
# The length of the longest chain of messages that one key causes.
FOLLOW_UP_ROUNDS = 4


class KeyProcessed(Message):
    """Follows a key through the same queues: once it arrives at the app, the key was handled.

    Messages that the key caused (a text was submitted, a bar was closed) are queued behind it, so it makes `rounds`
    more trips.
    """

    def __init__(self, rounds: int = FOLLOW_UP_ROUNDS) -> None:
        super().__init__()
        self.rounds = rounds


class KeyQueueApp(App[ReturnType], Generic[ReturnType]):
    """An app that processes keys and pastes one by one, in the order they arrive."""

    def __init__(self, *, ansi_color: bool | None = None) -> None:
        super().__init__(ansi_color=ansi_color)
        self._keys: deque[events.Key | events.Paste] = deque()
        self._sent_at: float | None = None
        self._after_paint: asyncio.TimerHandle | None = None
        self._hold_timer: Timer | None = None

    def on_key_activity(self, *, on_key: bool) -> None:
        """Called when a key is about to be processed (`on_key`), and when all keys are processed and painted."""

    def is_key_refused(self, key: events.Key) -> bool:
        """Return whether `key` must be ignored, because a person may not have pressed it."""
        return False

    def is_key_held(self, key: events.Key) -> bool:
        """Return whether `key` must wait for data: `release_keys` is called when data arrived."""
        return False

    def bound_key(self, key: events.Key) -> events.Key | None:
        """Return the key that is bound to what `key` does now; None if it does nothing any more."""
        return key

    def release_keys(self) -> None:
        """Dispatch a held key, unless it must still wait."""
        if self._hold_timer is not None and not self._must_hold():
            self._end_hold()

    async def on_event(self, event: events.Event) -> None:
        """Queue keys and pastes; handle every other event at once."""
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
            return
        self.on_key_activity(on_key=True)
        self._keys.append(event)
        is_idle = self._sent_at is None or self._now() - self._sent_at > LOST_KEY_TIMEOUT_S
        if is_idle and self._hold_timer is None:
            await self._dispatch_next_key()
        else:
            self._follow_on()
            # A message to a screen that is just being closed is lost; this key may be the last one for long.
            asyncio.get_running_loop().call_later(LOST_KEY_TIMEOUT_S, self._go_on_if_lost)

    def on_key_processed(self, message: KeyProcessed) -> None:
        """Dispatch the next key after the effects of this one (another focus, another screen), which are queued."""
        if not self.screen_stack:
            # The app is ending: its screens are closed before this message arrives.
            return
        if message.rounds:
            (self.focused or self.screen).post_message(KeyProcessed(message.rounds - 1))
        else:
            self.screen.call_later(self.call_later, self._dispatch_next_key)

    async def _dispatch_next_key(self) -> None:
        self._sent_at = None
        if self._hold_timer is None and self._must_hold():
            self._hold_timer = self.set_timer(MAX_HOLD_S, self._end_hold)
            return
        event = self._next_key()
        if event is None:
            self.call_after_refresh(self.on_key_activity, on_key=False)
            return
        await super().on_event(event)
        self._sent_at = self._now()
        # If no key waits, the paint comes first: following the key at once would delay it by a tenth.
        self._after_paint = asyncio.get_running_loop().call_later(0 if self._keys else PAINT_S, self._follow_on)

    def _follow_on(self) -> None:
        """Send a `KeyProcessed` behind the key that was dispatched last, unless that was done."""
        if self._after_paint is not None:
            self._after_paint.cancel()
            self._after_paint = None
            if self._running and not (self.focused or self.screen).post_message(KeyProcessed()):
                self.call_later(self._dispatch_next_key)

    def _go_on_if_lost(self) -> None:
        """Dispatch the next key if the one before it is not known to be processed after a long time."""
        if not self._running or not self._keys or self._sent_at is None or self._hold_timer is not None:
            return
        if self._now() - self._sent_at >= LOST_KEY_TIMEOUT_S:
            self.call_later(self._dispatch_next_key)
        else:
            asyncio.get_running_loop().call_later(LOST_KEY_TIMEOUT_S, self._go_on_if_lost)

    def _must_hold(self) -> bool:
        pressed = self._keys[0] if self._keys else None
        key = self.bound_key(pressed) if isinstance(pressed, events.Key) else None
        return key is not None and self.is_key_held(key)

    def _end_hold(self) -> None:
        """Dispatch the held key now."""
        if self._hold_timer is not None:
            self._hold_timer.stop()
            self.call_later(self._dispatch_held_key)

    async def _dispatch_held_key(self) -> None:
        await self._dispatch_next_key()
        self._hold_timer = None

    def _next_key(self) -> events.Key | events.Paste | None:
        """Return the next key that is not refused; None if the queue is empty."""
        while self._keys:
            event = self._keys.popleft()
            if isinstance(event, events.Paste):
                return event
            key = self.bound_key(event)
            if key is None:
                self.explain_unbound(event)
            elif not self.is_key_refused(key):
                return key
        return None

    def explain_unbound(self, key: events.Key) -> None:
        """Called when a key was pressed that does nothing any more."""

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
