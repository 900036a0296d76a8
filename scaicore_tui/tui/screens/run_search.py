"""Base of the run screen: the lists of values in it are searched, events are paged through, and values are copied."""

from __future__ import annotations

from abc import abstractmethod

from scaicore_tui.analysis.steps import Step
from scaicore_tui.text import clipboard_text, editable_json, quote
from scaicore_tui.tui.messages import CopyText, FilterClosed, FilterTyped
from scaicore_tui.tui.render.step_detail import input_sections, output_sections, step_value
from scaicore_tui.tui.render.value_rows import NO_VALUE
from scaicore_tui.tui.run_steps_model import RunView
from scaicore_tui.tui.screens.run_events import ShownEvents
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
        self._events = ShownEvents(self._panes.values, self.post_message)
        self._search_bar = SearchBar()
        self._needle = ""

    @property
    def active_list(self) -> RowList:
        return self._panes.active

    @property
    @abstractmethod
    def selected_step(self) -> Step | None:
        """The selected step as of the moment that is shown; None without one, or if it was later."""

    @abstractmethod
    def focus_inspector(self, *, inspecting: bool) -> None:
        """Give the keys to the inspector, or to the steps."""

    def show_values(self, *, is_other: bool) -> None:
        """Show the values of the view; `is_other` if they are not those shown before.

        Events begin at the time cursor, or at the selected step.
        """
        run = self.shown_run
        if self._view is not RunView.EVENTS:
            show = input_sections if self._view is RunView.INPUT else output_sections
            self._panes.values.show([] if run is None else show(run), is_other=is_other)
        elif is_other:
            step = self.selected_step
            near = self._moment_number or (0 if step is None else step.first_event) or 1
            self._events.ask(self._execution_id, self._last_number, self._moment_number, near)
        else:
            self._events.refresh(self._execution_id, self._last_number, self._moment_number)

    @property
    def _moment_number(self) -> int | None:
        """The number of the event at the time cursor, repeats included; None if the run is shown as it is now."""
        cursor = self._time_cursor
        return None if cursor is None else cursor.history.feed_number(cursor.number)

    @property
    def _last_number(self) -> int | None:
        """The number of the newest event that the past knows, repeats included; None if the run is shown as now."""
        cursor = self._time_cursor
        return None if cursor is None else cursor.history.feed_number(len(cursor.history))

    def on_value_selected(self) -> None:
        """Read other events as the cursor comes near to the end of those that are shown."""
        if self._view is RunView.EVENTS:
            self._events.moved()

    def action_first(self) -> None:
        if self._view is RunView.EVENTS:
            self._events.go_to(1)
        super().action_first()

    def action_last(self) -> None:
        if self._view is RunView.EVENTS and self.shown_run is not None:
            self._events.go_to(self._last_number or self.shown_run.event_count + self.shown_run.duplicates)
        super().action_last()

    def action_filter(self) -> None:
        """Search in the values that are shown; beside steps, in those of the selected step."""
        if self._view.shows_steps:
            self.focus_inspector(inspecting=True)
        self._search_bar.open()

    def on_filter_typed(self, typed: FilterTyped) -> None:
        """Go to the first match, from the current value on; events are filtered."""
        self._needle = typed.needle
        if self._view is RunView.EVENTS:
            self._events.filter(typed.needle)
        elif typed.needle:
            self._searched.search(typed.needle, 1, from_here=True)

    def on_filter_closed(self, closed: FilterClosed) -> None:
        """Give the keys back; escape drops what was typed."""
        self.set_focus(None)
        if not closed.kept:
            self._needle = ""
            if self._view is RunView.EVENTS:
                self._events.filter("")
        self.refresh_chrome()

    def action_next_match(self) -> None:
        self._go_to_match("next_match", 1)

    def action_previous_match(self) -> None:
        self._go_to_match("previous_match", -1)

    def action_copy(self) -> None:
        """Copy the value at the cursor; in the list of steps the result of the step, or its error."""
        rows = self.active_list
        row = rows.selected if isinstance(rows, ValueList) else None
        if row is not None:
            label, value = row.label, row.value
        else:
            label, value = step_value(self.selected_step)
        if value is NO_VALUE:
            self.show_reason("copy", f"no value in this row; {self.key_of('copy_id')} copies the id of the run")
        else:
            text = clipboard_text(value) if isinstance(value, str) else editable_json(value)
            self.app.post_message(CopyText(label, text))

    def action_copy_id(self) -> None:
        """Copy the id of the run."""
        super().action_copy()

    @property
    def _searched(self) -> ValueList:
        """The list that is searched."""
        return self._panes.inspector if self._view.shows_steps else self._panes.values

    def _go_to_match(self, action: str, step: int) -> None:
        if not self._needle:
            self.show_message(f"{self.key_of(action)}: nothing is searched; {self.key_of('filter')} searches")
        elif self._view is RunView.EVENTS:
            self.active_list.move(step)
        elif not self._searched.search(self._needle, step):
            self.show_message(f"{self.key_of(action)}: {quote(self._needle)} is not in what is shown")
        self.refresh_chrome()
