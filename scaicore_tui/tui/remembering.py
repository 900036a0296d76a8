"""Remembers what is chosen on the screen, and uses the theme that was chosen. Files are written in threads."""

from __future__ import annotations

import asyncio
from typing import Generic

from textual.app import App, ReturnType
from textual.timer import Timer

from scaicore_tui.config.ui import Times
from scaicore_tui.session.remembered_screen import RememberedScreen
from scaicore_tui.tui.remembered import MineChanged, ViewChanged
from scaicore_tui.tui.theme import DARK, SHORT_NAMES, TERMINAL, THEMES
from scaicore_tui.tui.theme_colours import state_colours

# Choices are saved after so long without another one: a filter changes with each letter.
SAVE_DELAY_S = 0.5
_OURS = frozenset(theme.name for theme in THEMES)


class RememberingApp(App[ReturnType], Generic[ReturnType]):
    """An app that keeps the choices of each profile. With `terminal_only`, the theme stays that of the terminal."""

    _are_themes_off = False
    _late_theme: str | None = None
    _screen_memory: RememberedScreen | None = None
    _save_timer: Timer | None = None

    @property
    def are_themes_off(self) -> bool:
        """True if the terminal's own colours are used whatever is chosen."""
        return self._are_themes_off

    def begin_with_theme(self, name: str | None, *, terminal_only: bool) -> None:
        """Use the theme `name`, before there is a screen; with `terminal_only` that of the terminal."""
        for theme in THEMES:
            self.register_theme(theme)
        self._are_themes_off = terminal_only
        chosen = self.get_theme(self._known_theme(name))
        # Colours of the terminal need a filter to be off, which is on until the theme is changed.
        self._late_theme = chosen.name if chosen is not None and chosen.ansi else None
        first = DARK if chosen is None or chosen.ansi else chosen.name
        # Set without the watcher, which would restyle screens that do not exist yet.
        self.set_reactive(RememberingApp.theme, TERMINAL if terminal_only else first)
        self.stylesheet.set_variables(self.get_css_variables())

    def remember_in(self, memory: RememberedScreen) -> None:
        """Keep choices in `memory` from now on, and use the theme that was chosen there."""
        self._save()
        self._screen_memory = memory
        if self._late_theme is None:
            self.theme = self._known_theme(memory.choices.theme)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return the colours that this app names, for a theme that has none of its own."""
        theme = self.current_theme
        return {} if theme.name in _OURS else state_colours(theme)

    def validate_theme(self, name: str) -> str:
        """Keep the terminal's colours where no others can be used."""
        return TERMINAL if self._are_themes_off else name

    def watch_theme(self, name: str) -> None:
        """Remember the theme."""
        memory, is_chosen = self._screen_memory, self._late_theme is None and not self._are_themes_off
        if memory is not None and is_chosen and name != self._known_theme(memory.choices.theme):
            memory.change(theme=name)
            self._save_soon()

    def on_view_changed(self, message: ViewChanged) -> None:
        """Remember what the main screen shows."""
        if self._screen_memory is not None:
            times = Times.AGE if message.ages else Times.CLOCK
            self._screen_memory.change(view=message.view, query=message.query, sort=message.sort, times=times)
            self._save_soon()

    def on_mine_changed(self, message: MineChanged) -> None:
        """Remember whose checkpoints the inbox shows."""
        if self._screen_memory is not None:
            self._screen_memory.change(mine=message.mine)
            self._save_soon()

    def on_mount(self) -> None:
        """Use the theme that could not be used before."""
        late, self._late_theme = self._late_theme, None
        if late is not None:
            self.theme = late

    async def on_unmount(self) -> None:
        """Save what is not saved yet."""
        memory = self._screen_memory
        if memory is not None and memory.has_unsaved:
            await asyncio.to_thread(memory.save)

    def _known_theme(self, name: str | None) -> str:
        """Return the theme of that name, which may be a short one; the usual theme if there is none."""
        known = SHORT_NAMES.get(name or "", name)
        return known if known in self.available_themes and known is not None else DARK

    def _save_soon(self) -> None:
        if self._save_timer is not None:
            self._save_timer.stop()
        self._save_timer = self.set_timer(SAVE_DELAY_S, self._save)

    def _save(self) -> None:
        memory = self._screen_memory
        if memory is not None and memory.has_unsaved:
            self.run_worker(memory.save, group="choices", thread=True)
