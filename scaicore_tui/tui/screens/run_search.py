"""Base of the run screen: the lists of values in it are searched, and values are copied."""

from __future__ import annotations

from abc import abstractmethod

from scaicore_tui.text import clipboard_text, editable_json, quote
from scaicore_tui.tui.messages import CopyText, FilterClosed, FilterTyped
from scaicore_tui.tui.render.value_rows import NO_VALUE
from scaicore_tui.tui.run_steps_model import RunView
from scaicore_tui.tui.screens.run_panes import RunPanes
from scaicore_tui.tui.screens.run_past import PastScreen
from scaicore_tui.tui.state import AppState
from scaicore_tui.tui.widgets.inputs import SearchBar
from scaicore_tui.tui.widgets.row_list import RowList
from scaicore_tui.tui.widgets.value_list import ValueList


class SearchScreen(PastScreen):
    """A screen of one run with views; beside the steps, the values of the selected one are searched."""

    def __init__(self, state: AppState, execution_id: str) -> None:
        super().__init__(state, execution_id)
        self._view = RunView.TIMELINE
        self._panes = RunPanes()
        self._search_bar = SearchBar()
        self._needle = ""

    @property
    def active_list(self) -> RowList:
        return self._panes.active

    @abstractmethod
    def focus_inspector(self, *, inspecting: bool) -> None:
        """Give the keys to the inspector, or to the steps."""

    @abstractmethod
    def show_values(self, *, is_other: bool) -> None:
        """Show the values of the view; `is_other` if they are not those shown before."""

    def action_filter(self) -> None:
        """Search in the values that are shown; beside steps, in those of the selected step."""
        if self._view.shows_steps:
            self.focus_inspector(inspecting=True)
        self._search_bar.open()

    def on_filter_typed(self, typed: FilterTyped) -> None:
        """Go to the first match, from the current value on; events are filtered."""
        self._needle = typed.needle
        if self._view is RunView.EVENTS:
            self.show_values(is_other=True)
        elif typed.needle:
            self._searched.search(typed.needle, 1, from_here=True)

    def on_filter_closed(self, closed: FilterClosed) -> None:
        """Give the keys back; escape drops what was typed."""
        self.set_focus(None)
        if not closed.kept:
            self._needle = ""
            if self._view is RunView.EVENTS:
                self.show_values(is_other=True)
        self.refresh_chrome()

    def action_next_match(self) -> None:
        self._go_to_match("n", 1)

    def action_previous_match(self) -> None:
        self._go_to_match("N", -1)

    def action_copy(self) -> None:
        """Copy the value at the cursor; in the list of steps the id of the run."""
        rows = self.active_list
        row = rows.selected if isinstance(rows, ValueList) else None
        if row is None:
            super().action_copy()
        elif row.value is NO_VALUE:
            self.show_message("y: there is no value in this row", "amber")
        else:
            text = clipboard_text(row.value) if isinstance(row.value, str) else editable_json(row.value)
            self.app.post_message(CopyText(row.label, text))

    @property
    def _searched(self) -> ValueList:
        """The list that is searched."""
        return self._panes.inspector if self._view.shows_steps else self._panes.values

    def _go_to_match(self, key: str, step: int) -> None:
        if not self._needle:
            self.show_message(f"{key}: nothing is searched; / searches")
        elif self._view is RunView.EVENTS:
            self.active_list.move(step)
        elif not self._searched.search(self._needle, step):
            self.show_message(f"{key}: {quote(self._needle)} is not in what is shown")
        self.refresh_chrome()
