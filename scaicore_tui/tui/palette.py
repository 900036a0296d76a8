"""The command palette: finds an action of the current key context by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from textual.app import ComposeResult
from textual.command import CommandInput, CommandList, CommandPalette, DiscoveryHit, Hit, Hits, Provider, SearchIcon
from textual.containers import Horizontal, Vertical
from textual.events import Click
from textual.widgets import Input, LoadingIndicator

from scaicore_tui.tui.keymap import MOVE_ACTIONS, KeyAction, KeyContext, actions_in
from scaicore_tui.tui.screens.base import ClosingOnce

_NOT_BY_NAME = {*MOVE_ACTIONS, "command_palette"}


class Commands(CommandList):
    """The list of commands. Ignores a click on an option that is gone: each typed character refills the list."""

    def on_click(self, event: Click) -> None:
        if event.style.meta.get("option", 0) >= self.option_count:
            event.prevent_default()


class Palette(ClosingOnce, CommandPalette):
    """Textual's palette, limited to one command: Textual runs one for each click that arrives while it closes.

    The list needs a minimum width, since Textual wraps its options to that width and fails with none.
    """

    DEFAULT_CSS = "Palette CommandList { min-width: 12; }"

    def compose(self) -> ComposeResult:
        with Vertical(id="--container"):
            with Horizontal(id="--input"):
                yield SearchIcon()
                yield CommandInput(placeholder=self._placeholder, select_on_focus=False)
            with Vertical(id="--results"):
                yield Commands()
                yield LoadingIndicator()

    def on_option_list_option_selected(self, event: CommandList.OptionSelected) -> None:
        """Run one command only."""
        if not self.is_in_front:
            event.prevent_default()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Run the chosen command only once."""
        if not self.is_in_front:
            event.prevent_default()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action != "command_list" or bool(self.query_one(CommandList).scrollable_content_region)


class ActionProvider(Provider):
    """Provides the actions of the active screen's key context."""

    async def discover(self) -> Hits:
        for action, command in self._commands():
            yield DiscoveryHit(action.description, command, help=action.key_names)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for action, command in self._commands():
            score = matcher.match(action.description)
            if score > 0:
                yield Hit(score, matcher.highlight(action.description), command, help=action.key_names)

    def _commands(self) -> Iterator[tuple[KeyAction, Callable[[], Any]]]:
        context = getattr(self.screen, "key_context", None)
        if not isinstance(context, KeyContext):
            return
        for action in actions_in(context, read_only=getattr(self.screen, "read_only", False)):
            if action.id not in _NOT_BY_NAME and not action.takes_key:
                yield action, partial(self.screen.run_action, action.id)
