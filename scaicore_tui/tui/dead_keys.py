"""Says in one line why a key does nothing: it has no meaning on this screen, or its action cannot run now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, Protocol, runtime_checkable

from textual import events
from textual.app import ReturnType

from scaicore_tui.text import one_line
from scaicore_tui.tui.bound_keys import BoundKeysApp
from scaicore_tui.tui.key_contexts import READING, KeyAction, KeyContext, first_clause
from scaicore_tui.tui.key_names import shown_key
from scaicore_tui.tui.keymap import actions_in, default_actions_in, key_name

MAX_KEY_CELLS = 16
# Keys that Textual gives to every screen: they move the focus, also where there is nothing to focus.
FOCUS_KEYS = frozenset({"tab", "shift+tab"})


@runtime_checkable
class KeyScreen(Protocol):
    """A screen with keys of its own that can say why one of them does nothing."""

    @property
    def key_context(self) -> KeyContext:
        """The key context of the focused part."""

    def show_message(self, text: str, colour: str = "amber") -> None:
        """Show `text`."""


@runtime_checkable
class ReasonScreen(Protocol):
    """A screen that knows more about a key that does nothing."""

    def why_key_is_dead(self, key: str) -> str | None:
        """Return why `key` does nothing now; None to leave that to the registry of keys."""


class DeadKeyApp(BoundKeysApp[ReturnType], Generic[ReturnType]):
    """An app that says so if a key does nothing. Text fields take what they can use, and ignore the rest."""

    async def on_key(self, event: events.Key) -> None:
        """Run what is bound to a key that no widget took, in place of Textual's handler; else say why it is dead."""
        event.prevent_default()
        screen, focused = self.screen, self.focused
        is_typing = focused is not None and focused.check_consume_key("a", "a")
        context = screen.key_context if isinstance(screen, KeyScreen) and not is_typing else None
        is_bound = context is None or event.key not in FOCUS_KEYS or bool(_actions_of(event.key, context))
        if is_bound and await self._check_bindings(event.key):
            return
        if context is not None and isinstance(screen, KeyScreen):
            own_reason = screen.why_key_is_dead(event.key) if isinstance(screen, ReasonScreen) else None
            here = _actions_of(event.key, context)
            name = key_name(here[0].id, context) if here else displayed_key(event)
            reason = own_reason or why_dead(event.key, context, read_only=getattr(screen, "read_only", False))
            screen.show_message(f"{name}: {reason}", "amber")

    def action_help_quit(self) -> None:
        """Say how to quit, in place of Textual's message: ctrl+c is bound to this where nothing is to be copied."""
        if isinstance(screen := self.screen, KeyScreen):
            screen.show_message("ctrl+c: q quits, y copies", "amber")


def displayed_key(event: events.Key) -> str:
    """Return the name of a key for people, such as `F5`, `ctrl+x` or `é`."""
    if event.is_printable and event.character is not None and event.character.strip():
        return one_line(event.character, MAX_KEY_CELLS)
    name = shown_key(event.key)
    return one_line(name.upper() if name[:1] == "f" and name[1:].isdecimal() else name, MAX_KEY_CELLS)


def why_dead(key: str, context: KeyContext, *, read_only: bool) -> str:
    """Return why `key`, which did nothing, does nothing in a context."""
    here = _actions_of(key, context)
    if read_only and any(action.writes for action in here):
        return "this session is read-only"
    if here:
        return f"nothing to do here now ({first_clause(here[0].description)})"
    if elsewhere := next(_locations_of(key), None) if context in READING else None:
        location, action = elsewhere
        return f"not here; {location}: {first_clause(action.description)}"
    lists_keys = " · ? lists the keys" if any(action.id == "help" for action in actions_in(context)) else ""
    return f"no such key here{lists_keys}"


def _actions_of(key: str, context: KeyContext) -> list[KeyAction]:
    """Return the actions of a context that are bound to a key: bindings have the default keys."""
    return [action for action in default_actions_in(context) if key in action.keys]


def _locations_of(key: str) -> Iterator[tuple[str, KeyAction]]:
    """Yield where else `key` works, and what it does there."""
    for context in KeyContext:
        if context in READING:
            yield from (
                (LOCATIONS.get(context, f"in the {context}"), action)
                for action in actions_in(context)
                if key in action.keys
            )


LOCATIONS = {
    KeyContext.RUNS: "in the list of runs",
    KeyContext.NODES: "in the steps",
    KeyContext.CHECKPOINTS: "in the list of checkpoints",
    KeyContext.REPLAYS: "in the list of replays",
    KeyContext.CAUSES: "in failures by cause",
    KeyContext.DETAIL: "in a run",
    KeyContext.COMPARE: "in a comparison",
    KeyContext.INBOX: "in the inbox",
    KeyContext.FORM: "in the form",
}
