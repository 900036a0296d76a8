"""The part of the main screen about time: runs and failures over a period, and the bar whose runs are listed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scaicore_tui.tui.messages import FiguresRead, RateClicked
from scaicore_tui.tui.run_list_model import View
from scaicore_tui.tui.screens.period import Period
from scaicore_tui.tui.screens.queried_runs import QueriedRunsScreen
from scaicore_tui.tui.state import AppState
from scaicore_tui.tui.widgets.line_view import ASCII_CLASS

if TYPE_CHECKING:
    # Loaded with the first figures: the first screen appears sooner.
    from scaicore_tui.analysis.query import Query
    from scaicore_tui.tui.rate_bar import RateBar


class TimedRunsScreen(QueriedRunsScreen):
    """Shows a period, and lists the runs of one bar of it."""

    def __init__(self, state: AppState) -> None:
        super().__init__(state)
        self._period = Period(self.post_message)
        self._bar: RateBar | None = None

    def show_figures(self, read: FiguresRead) -> None:
        """Show runs and failures over time."""
        self._period.take(read)
        self._show_rate()

    def on_rate_clicked(self, clicked: RateClicked) -> None:
        """List the runs of the bar that was clicked."""
        from scaicore_tui.tui.rate_bar import bar_at

        rate = self._period.rate
        bar = None if rate is None else bar_at(rate, clicked.line, clicked.cell, self.size.width)
        if bar is not None:
            self._list_bar(bar)

    def action_period(self) -> None:
        """Tell of another period."""
        self._period.use_next()
        self._period.request(self.state.now, self.size.width)
        self.show_message(f"period: {self._period.name}")

    def action_earlier_bar(self) -> None:
        self._go_to_bar("←", -1)

    def action_later_bar(self) -> None:
        self._go_to_bar("→", 1)

    def _go_to_bar(self, key: str, step: int) -> None:
        """List the runs of the next bar; of the newest one if none is chosen."""
        from scaicore_tui.tui.rate_bar import next_bar

        rate = self._period.rate
        if rate is None:
            self.show_message(f"{key}: runs over time are not shown on this screen")
        elif (bar := next_bar(rate, self._chosen_bar, step, self.size.width)) is None:
            self.show_message(f"{key}: no bar {'before' if step < 0 else 'after'} this one")
        else:
            self._list_bar(bar)

    @property
    def _chosen_bar(self) -> RateBar | None:
        """The bar whose runs are listed; None once another query is in force."""
        query = self._query
        return self._bar if self._bar is not None and query is not None and query.text == self._bar.query else None

    def _list_bar(self, bar: RateBar) -> None:
        self._bar = bar
        self._list_cause(bar.query)
        self._show_rate()
        self.show_message(f"{bar.text(self.state.now)} · esc lists all")

    def _set_filter(self, view: View, query: Query | None) -> None:
        super()._set_filter(view, query)
        if self._bar is not None:
            self._show_rate()

    def _show_rate(self) -> None:
        ascii_only, width = self.app.has_class(ASCII_CLASS), self.size.width
        is_known = bool(self.state.session.known_until)
        lines = self._period.lines(self.state.now, width, self._chosen_bar, is_known=is_known, ascii_only=ascii_only)
        self.panes.rate.show(lines)
