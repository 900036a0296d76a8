"""The command palette: finds an action, a view, a Core, a run or a theme by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Input

from scaicore_tui.runs import Summary
from scaicore_tui.tui.dialogs.status_dialog import StatusDialog
from scaicore_tui.tui.key_contexts import KeyContext
from scaicore_tui.tui.palette_entries import (
    MAX_RUNS,
    MAX_RUNS_UNASKED,
    Entry,
    action_entries,
    core_entries,
    matching,
    run_entries,
    theme_entries,
    view_entries,
)
from scaicore_tui.tui.palette_messages import EntryChosen, OffersNeeded, OffersRead, RunsOffered, RunsWanted
from scaicore_tui.tui.render.line import Line, justify
from scaicore_tui.tui.screens.base import SessionScreen
from scaicore_tui.tui.state import AppState
from scaicore_tui.tui.widgets.bars import Heading
from scaicore_tui.tui.widgets.inputs import SafeInput
from scaicore_tui.tui.widgets.row_list import CURSOR_CELLS, RowList

# Words that stand before what runs are found by.
_RUN_NOUNS = frozenset({"run", "run:"})
HINT = "enter runs it  esc closes"


class EntryList(RowList):
    """The entries that match, one line each, the key or a note at the right."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: Sequence[Entry] = ()
        self.has_keys = True

    @property
    def row_count(self) -> int:
        return len(self.entries)

    @property
    def empty_text(self) -> str:
        return "nothing matches"

    @property
    def selected(self) -> Entry | None:
        """The entry under the cursor."""
        return self.entries[self.cursor] if self.cursor < self.row_count else None

    def draw_row(self, row: int) -> Line:
        entry = self.entries[row]
        noun, colon, rest = entry.name.partition(": ")
        width = self.size.width - CURSOR_CELLS
        return justify([(noun + colon, "grey"), (rest, "text")], [(entry.note, "accent"), (" ", "text")], width)

    def show(self, entries: Sequence[Entry], *, is_new: bool) -> None:
        """Show entries; the cursor stays on its entry, unless they match another text (`is_new`)."""
        before = self.selected
        self.entries = entries
        row = 0 if is_new else next((row for row, entry in enumerate(entries) if entry == before), self.cursor)
        self.set_cursor(row, by_user=False)
        self.leave_no_gap()
        self.repaint()

    def on_click(self, event: events.Click) -> None:
        """Do what the clicked entry says. Textual also calls the handler of the base class, which selects the row."""
        row = self.row_at(self.top + event.y)
        if row is not None:
            self.set_cursor(row)
            self.row_opened()

    def row_opened(self) -> None:
        if isinstance(palette := self.screen, Palette):
            palette.action_choose()


class Palette(StatusDialog):
    """Lists what can be done from the screen below, and does one of it. Nothing is searched on the event loop."""

    AUTO_FOCUS = "SafeInput"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "close", show=False),
        Binding("down", "move(1)", "down", show=False),
        Binding("up", "move(-1)", "up", show=False),
        Binding("pagedown", "page(1)", "page down", show=False),
        Binding("pageup", "page(-1)", "page up", show=False),
    ]
    DEFAULT_CSS = """
    Palette #panel { max-width: 100; }
    Palette EntryList { height: 1fr; margin: 1 0 0 0; }
    """

    def __init__(self, below: Screen[object], state: AppState | None) -> None:
        super().__init__(state)
        self._below = below
        self._heading = Heading()
        self._field = SafeInput(placeholder="an action, a view, a Core, a run or a theme")
        self._list = EntryList()
        context = getattr(below, "key_context", None)
        read_only = state is not None and state.read_only
        self._actions = action_entries(context, read_only=read_only) if isinstance(context, KeyContext) else []
        self._views: list[Entry] = []
        self._cores: list[Entry] = []
        self._runs: list[Entry] = []
        self._themes: list[Entry] = []

    def compose_panel(self) -> ComposeResult:
        yield self._heading
        yield self._field
        yield self._list

    def on_mount(self) -> None:
        """Show what is known at once, and ask for the rest."""
        super().on_mount()
        if not getattr(self.app, "are_themes_off", False):
            self._themes = theme_entries(self.app.available_themes, self.app.theme)
        if self._leads_elsewhere and self._state is not None:
            self._views = view_entries(self._state.views)
            self._runs = run_entries(self._newest_loaded())
            self.app.post_message(OffersNeeded())
        self._show(is_new=True)

    def show_offers(self, read: OffersRead) -> None:
        """Offer Cores and saved views."""
        self._views, self._cores = view_entries(read.views), core_entries(read.cores)
        self._show(is_new=False)

    def show_runs(self, offered: RunsOffered) -> None:
        """Offer the runs that were found, if they are still wanted."""
        if offered.words == self._words:
            self._runs = run_entries(offered.summaries)
            self._show(is_new=False)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show what matches, and ask for the runs that do."""
        event.stop()
        if self._leads_elsewhere and self._state is not None:
            self._runs = run_entries(self._newest_loaded())
            self.app.post_message(RunsWanted(self._words))
        self._show(is_new=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Do what the entry under the cursor says."""
        event.stop()
        self.action_choose()

    def on_click(self, event: events.Click) -> None:
        """Close on a click beside the list."""
        if event.widget is self:
            self.dismiss()

    def action_choose(self) -> None:
        """Do what the entry under the cursor says, once."""
        entry = self._list.selected
        if entry is not None and self.is_in_front:
            self.dismiss()
            self.app.post_message(EntryChosen(entry))

    def action_back(self) -> None:
        self.dismiss()

    def action_move(self, by: int) -> None:
        self._list.move(by)

    def action_page(self, by: int) -> None:
        self._list.page(by)

    @property
    def _words(self) -> tuple[str, ...]:
        """The typed words that runs are found by."""
        return tuple(word for word in self._field.value.casefold().split() if word not in _RUN_NOUNS)

    @property
    def _leads_elsewhere(self) -> bool:
        """True over a screen; a dialog is decided first."""
        return isinstance(self._below, SessionScreen)

    def _newest_loaded(self) -> list[Summary]:
        """Return the newest runs, as far as they are in memory."""
        if self._state is None:
            return []
        index = self._state.session.index
        newest = (index.at(index.order[-number]) for number in range(1, min(MAX_RUNS, len(index.order)) + 1))
        return [summary for summary in newest if summary is not None]

    def _show(self, *, is_new: bool) -> None:
        runs = self._runs if self._words else self._runs[:MAX_RUNS_UNASKED]
        entries = [*self._actions, *self._views, *self._cores, *runs, *self._themes]
        found = matching(entries, self._field.value)
        self._list.show(found, is_new=is_new)
        self._heading.show([("Commands", "text strong"), (f"  {len(found)}", "grey")], [(HINT, "grey")], active=True)
