"""The command palette: every action of the registry that makes sense here, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from textual.command import CommandList, CommandPalette, DiscoveryHit, Hit, Hits, Provider

from scaicore_tui.tui.actions import MOVES, Action, Place, actions_at

_NOT_BY_NAME = {*MOVES, "command_palette"}


class Palette(CommandPalette):
    """Textual's own, whose list breaks its words into lines of some width, and pages by them: without room for it there
    would be none."""

    DEFAULT_CSS = "Palette CommandList { min-width: 12; }"

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action != "command_list" or bool(self.query_one(CommandList).scrollable_content_region)


class ActionProvider(Provider):
    """Offers the actions of the place where the focus is."""

    async def discover(self) -> Hits:
        for action, command in self._commands():
            yield DiscoveryHit(action.words, command, help=action.key_names)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for action, command in self._commands():
            score = matcher.match(action.words)
            if score > 0:
                yield Hit(score, matcher.highlight(action.words), command, help=action.key_names)

    def _commands(self) -> Iterator[tuple[Action, Callable[[], Any]]]:
        place = getattr(self.screen, "place", None)
        if not isinstance(place, Place):
            return
        for action in actions_at(place, read_only=getattr(self.screen, "read_only", False)):
            if action.id not in _NOT_BY_NAME:
                yield action, partial(self.screen.run_action, action.id)
