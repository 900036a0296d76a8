"""The part of the main screen about the order in which runs are listed."""

from __future__ import annotations

from scaicore_tui.config.views import Sort
from scaicore_tui.runs import Delta
from scaicore_tui.runs.sorted_order import SORT_WORDS, next_sort
from scaicore_tui.tui.query_messages import OrderNeeded, OrderRead
from scaicore_tui.tui.screens.selected_run import SelectedRunScreen
from scaicore_tui.tui.state import AppState


class SortedRunsScreen(SelectedRunScreen):
    """Lists runs in an order: that which a person chose, or that of the saved view that is shown.

    The order by last change is known; any other is read from the journal, off the event loop, and is then kept up to
    date here as runs change.
    """

    def __init__(self, state: AppState) -> None:
        super().__init__(state)
        self._sort: Sort | None = None
        # The order of the saved view that is shown, and its name.
        self._view_sort: Sort | None = None
        self._sorted_view: str | None = None
        # The order that is being read, and what changed meanwhile: it may have been read before that.
        self._reading: Sort | None = None
        self._missed: list[Delta] = []

    @property
    def sort(self) -> Sort | None:
        """The order that a person chose; None for the usual one, by last change. The order of a view is not counted."""
        return self._sort

    @property
    def shown_sort(self) -> Sort:
        """The order in which the runs are listed, or will be once it is read."""
        return self._view_sort or self._sort or Sort.CHANGED

    def set_sort(self, sort: Sort | None) -> None:
        """List the runs in another order; None is that by last change."""
        self._sort, self._view_sort = sort, None
        self._use_sort()

    def action_sort(self) -> None:
        """List the runs in the next order. The selected run stays selected."""
        sort = next_sort(self.shown_sort)
        self.set_sort(None if sort is Sort.CHANGED else sort)
        self.show_message(f"sorted: {SORT_WORDS[sort]}")

    def show_order(self, read: OrderRead) -> None:
        """List the runs in the order that was read, unless another one is wanted meanwhile."""
        if read.sort is not self._reading:
            return
        self._reading, missed, self._missed = None, self._missed, []
        if read.order is None:
            self.show_message(f"s: {read.problem}", "amber")
            self._sort = self._view_sort = None
        else:
            for delta in missed:
                read.order.apply(delta)
        self.run_list_model.set_order(read.order)
        self._show_sorted()

    def _set_view_sort(self, name: str | None, sort: Sort | None) -> None:
        """Use the order of a saved view, unless it is shown already; None if the view has none, or none is shown."""
        if name == self._sorted_view:
            return
        before, self._sorted_view, self._view_sort = self.shown_sort, name, sort
        if self.shown_sort is not before:
            self._use_sort()

    def _use_sort(self) -> None:
        self.panes.runs.keep_selection()
        self._missed = []
        if self.shown_sort is Sort.CHANGED:
            self._reading = None
            self.run_list_model.set_order(None)
        else:
            self._reading = self.shown_sort
            self.post_message(OrderNeeded(self.shown_sort))
        self._show_sorted()

    def _note_delta(self, delta: Delta) -> None:
        """Note what changed while an order is read; read it again once more runs are known."""
        if delta.loaded and self.shown_sort is not Sort.CHANGED:
            self._use_sort()
        elif self._reading is not None:
            self._missed.append(delta)

    def _show_sorted(self) -> None:
        words = "" if self.shown_sort is Sort.CHANGED else SORT_WORDS[self.shown_sort]
        self.panes.order_text = words if self._reading is None else f"sorting: {words}…"
        self.panes.runs.show(self.state.now)
        self.refresh_chrome()
