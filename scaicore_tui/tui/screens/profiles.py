"""The profiles to choose from: which is open, where each of the others leads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from scaicore_tui.config.choices import Choice
from scaicore_tui.tui.actions import Place, actions_at, bindings
from scaicore_tui.tui.messages import RunAction, SwitchProfile
from scaicore_tui.tui.screens.closing import ClosingOnce
from scaicore_tui.tui.widgets.footer import Footer
from scaicore_tui.tui.widgets.heading import Heading
from scaicore_tui.tui.widgets.profile_list import ProfileList


class ProfilesScreen(ClosingOnce, ModalScreen[None]):
    """Chooses one; whoever hears of it opens it."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings({Place.PROFILES})]
    DEFAULT_CSS = """
    ProfilesScreen { align: center middle; background: $background; }
    ProfilesScreen #panel { width: 96%; max-width: 100; height: auto; background: $background; }
    ProfilesScreen ProfileList { padding: 1; height: auto; max-height: 80vh; }
    """

    def __init__(self, choices: Sequence[Choice], current: str | None) -> None:
        super().__init__()
        self._list = ProfileList(choices, current)
        self._heading, self._footer = Heading(), Footer()

    @property
    def place(self) -> Place:
        """Where the focus is."""
        return Place.PROFILES

    def compose(self) -> ComposeResult:
        with Vertical(id="panel"):
            yield self._heading
            yield self._list
            yield self._footer

    def on_mount(self) -> None:
        """Say what it is about."""
        self._heading.show([("Profiles", "text strong")], active=True)
        self._footer.show(actions_at(Place.PROFILES))

    async def on_run_action(self, request: RunAction) -> None:
        """A key of the footer was clicked, or a profile."""
        await self.run_action(request.action_id)

    def action_switch(self) -> None:
        selected = self._list.selected
        if selected is not None:
            self.app.post_message(SwitchProfile(selected.name))
        self.dismiss()

    def action_back(self) -> None:
        self.dismiss()

    def action_cursor_down(self) -> None:
        self._list.move(1)

    def action_cursor_up(self) -> None:
        self._list.move(-1)

    def action_page_down(self) -> None:
        self._list.page(1)

    def action_page_up(self) -> None:
        self._list.page(-1)

    def action_first(self) -> None:
        self._list.go(to_end=False)

    def action_last(self) -> None:
        self._list.go(to_end=True)
