"""The part of the app that opens the command palette and carries out what is chosen in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic

from textual.app import ReturnType

from scaicore_tui.tui.dead_keys import DeadKeyApp
from scaicore_tui.tui.palette_messages import (
    EntryChosen,
    OfferListener,
    OffersRead,
    RunsOffered,
    RunsWanted,
)
from scaicore_tui.tui.query_messages import SaveView, ViewListener, ViewSaved
from scaicore_tui.tui.screens.main import MainScreen

if TYPE_CHECKING:
    from scaicore_tui.tui.bridge import Bridge
    from scaicore_tui.tui.palette_entries import Entry
    from scaicore_tui.tui.state import AppState


class PaletteApp(DeadKeyApp[ReturnType], Generic[ReturnType]):
    """An app with a command palette over the session of its bridge."""

    _bridge: Bridge | None
    _state: AppState | None

    def action_command_palette(self) -> None:
        """Open the command palette."""
        from scaicore_tui.tui.palette import Palette

        if not isinstance(self.screen, Palette):
            self.push_screen(Palette(self.screen, self._state))

    def on_offers_needed(self) -> None:
        if self._bridge is not None:
            self._bridge.read_offers()

    def on_runs_wanted(self, request: RunsWanted) -> None:
        if self._bridge is not None:
            self._bridge.offer_runs(request)

    def on_offers_read(self, message: OffersRead) -> None:
        """Give Cores and saved views to the palette."""
        if self._state is not None:
            self._state.views = message.views
        if isinstance(self.screen, OfferListener):
            self.screen.show_offers(message)

    def on_runs_offered(self, message: RunsOffered) -> None:
        """Give the runs that were found to the palette."""
        if isinstance(self.screen, OfferListener):
            self.screen.show_runs(message)

    def on_save_view(self, request: SaveView) -> None:
        if self._bridge is not None:
            self._bridge.save_view(request)

    def on_view_saved(self, message: ViewSaved) -> None:
        """Offer the view, and tell the dialog that asked for its name."""
        if self._state is not None and not message.problem:
            self._state.views = message.views
        if isinstance(self.screen, ViewListener):
            self.screen.show_saved(message)

    async def on_entry_chosen(self, message: EntryChosen) -> None:
        """Run the action, or show what was chosen."""
        from scaicore_tui.tui.palette_entries import EntryKind

        entry, action = message.entry, message.entry.action
        if action is not None:
            await self.screen.run_action(action.id)
        elif entry.kind is EntryKind.THEME:
            self.theme = entry.target
        elif entry.kind is EntryKind.RUN:
            self._open_run(entry.target)
        elif isinstance(main := self.screen_stack[0], MainScreen):
            await self._show_on_main(main, entry)

    def _open_run(self, execution_id: str) -> None:
        from scaicore_tui.tui.screens.run import RunScreen

        if self._state is not None:
            self.push_screen(RunScreen(self._state, execution_id))

    async def _show_on_main(self, main: MainScreen, entry: Entry) -> None:
        """Go back to the main screen, and list the runs of a view or a Core there."""
        from scaicore_tui.tui.palette_entries import EntryKind

        while len(self.screen_stack) > 1:
            await self.pop_screen()
        if entry.kind is EntryKind.CORE:
            main.show_core(entry.target)
        else:
            main.show_view(entry.target, is_saved=entry.kind is EntryKind.SAVED_VIEW)
