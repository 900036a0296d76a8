"""Translates the keys that the configuration changes to the default ones, which are bound, just before they act.

So bindings, keys that are refused, and keys that wait for data are the same with any configuration.
"""

from __future__ import annotations

from typing import Generic

from textual import events
from textual.app import ReturnType

from scaicore_tui.tui.configured import TEXT_CONTEXTS
from scaicore_tui.tui.key_contexts import KeyContext
from scaicore_tui.tui.key_names import shown_key
from scaicore_tui.tui.key_queue import KeyQueueApp
from scaicore_tui.tui.keymap import action_now_on, is_write_key, to_default_key
from scaicore_tui.tui.screens.listeners import MessageSink
from scaicore_tui.tui.terminal.app import arrived_in_burst


class BoundKeysApp(KeyQueueApp[ReturnType], Generic[ReturnType]):
    """An app whose keys can be changed by `keymap.use_keys`."""

    @property
    def key_context(self) -> KeyContext | None:
        """The context whose keys work now; None on a screen of Textual's, or while a filter is typed."""
        context, focused = getattr(self.screen, "key_context", None), self.focused
        if not isinstance(context, KeyContext):
            return None
        is_typing = focused is not None and focused.check_consume_key("a", "a")
        is_typing_elsewhere = is_typing and context not in TEXT_CONTEXTS
        return None if is_typing_elsewhere else context

    def bound_key(self, key: events.Key) -> events.Key | None:
        """Return the key with the default name of what it does here; None if it lost its action."""
        context = self.key_context
        name = key.key if context is None else to_default_key(context, key.key)
        if name is None or name == key.key:
            return None if name is None else key
        bound = events.Key(name, None)
        if arrived_in_burst(key):
            bound.arrived_in_burst = True  # type: ignore[attr-defined]
        return bound

    def explain_unbound(self, key: events.Key) -> None:
        """Say where the action went that the key had."""
        if self.key_context is not None and isinstance(self.screen, MessageSink):
            self.screen.show_message(action_now_on(self.key_context, key.key))

    def is_key_refused(self, key: events.Key) -> bool:
        """Refuse a write key that arrived together with an escape sequence, unless a text field takes it as text."""
        context, focused = getattr(self.screen, "key_context", None), self.focused
        is_typed = focused is not None and focused.check_consume_key(key.key, key.character)
        if is_typed or not arrived_in_burst(key):
            return False
        if not (is_write_key(context, key.key) if isinstance(context, KeyContext) else key.key == "enter"):
            return False
        if isinstance(self.screen, MessageSink):
            shown = shown_key(key.key)
            self.screen.show_message(f"{shown}: ignored, it arrived with an escape sequence · press it again")
        return True
