"""The part of the app about lists of runs, and replays of several: it passes requests to the bridge, and results on."""

from __future__ import annotations

from scaicore_tui.runs import Delta
from scaicore_tui.tui.bridge import Bridge
from scaicore_tui.tui.key_queue import KeyQueueApp
from scaicore_tui.tui.messages import FiguresNeeded, FiguresRead, RunsNeeded, SummaryNeeded
from scaicore_tui.tui.query_messages import (
    OrderNeeded,
    OrderRead,
    QueriesRead,
    RecheckRuns,
    RememberQuery,
    RunsFound,
    RunsRechecked,
    SearchRuns,
    ValuesCounted,
    ValuesNeeded,
)
from scaicore_tui.tui.replay_messages import ReplayAll, ReplaysChanged, ReplaysNeeded, ReplaysPrepared
from scaicore_tui.tui.run_messages import FactsNeeded, FactsRead, SlowRunsRead
from scaicore_tui.tui.screens.listeners import FiguresListener, SearchListener
from scaicore_tui.tui.screens.main import MainScreen
from scaicore_tui.tui.state import AppState


class RunListRequests(KeyQueueApp[int]):
    """Passes on requests about lists of runs and replays of marked ones, and their results."""

    # Of the session that is open; None without one.
    _bridge: Bridge | None = None
    _state: AppState | None = None

    def on_runs_needed(self, request: RunsNeeded) -> None:
        if self._bridge is not None:
            self._bridge.load_rows(request)

    def on_figures_needed(self, request: FiguresNeeded) -> None:
        if self._bridge is not None:
            self._bridge.read_figures(request)

    def on_figures_read(self, message: FiguresRead) -> None:
        """Give the figures of a period to the main screen."""
        for screen in self.screen_stack:
            if isinstance(screen, FiguresListener):
                screen.show_figures(message)

    def on_summary_needed(self, request: SummaryNeeded) -> None:
        if self._bridge is not None:
            self._bridge.load_summary(request)

    def on_search_runs(self, request: SearchRuns) -> None:
        if self._bridge is not None:
            self._bridge.search(request)

    def on_order_needed(self, request: OrderNeeded) -> None:
        if self._bridge is not None:
            self._bridge.read_order(request)

    def on_order_read(self, message: OrderRead) -> None:
        """Give the order of runs to the screen that lists them."""
        for screen in self._search_screens:
            screen.show_order(message)

    def on_facts_needed(self, request: FactsNeeded) -> None:
        if self._bridge is not None:
            self._bridge.read_facts(request)

    def on_facts_read(self, message: FactsRead) -> None:
        """Give what other runs say about a run to the screen that lists it."""
        for screen in self._search_screens:
            screen.show_facts(message)

    def on_slow_runs_needed(self) -> None:
        if self._bridge is not None:
            self._bridge.find_slow_runs()

    def on_slow_runs_read(self, message: SlowRunsRead) -> None:
        """Tell the screen that lists runs which of them are slow."""
        for screen in self._search_screens:
            screen.show_slow_runs(message)

    def on_recheck_runs(self, request: RecheckRuns) -> None:
        if self._bridge is not None:
            self._bridge.recheck(request)

    def on_values_needed(self, request: ValuesNeeded) -> None:
        if self._bridge is not None:
            self._bridge.count_values(request)

    def on_queries_needed(self) -> None:
        if self._bridge is not None:
            self._bridge.read_queries()

    def on_remember_query(self, request: RememberQuery) -> None:
        if self._bridge is not None:
            self._bridge.remember(request)

    def on_runs_rechecked(self, message: RunsRechecked) -> None:
        """Give the runs that match still or now to the screen that lists them."""
        for screen in self._search_screens:
            screen.show_rechecked(message)

    def on_values_counted(self, message: ValuesCounted) -> None:
        """Give the values of a field to the screen that completes a query."""
        for screen in self._search_screens:
            screen.show_values(message)

    def on_queries_read(self, message: QueriesRead) -> None:
        """Give the queries used before, and the saved views, to the screen that takes queries."""
        for screen in self._search_screens:
            screen.show_queries(message)

    def on_runs_found(self, message: RunsFound) -> None:
        """Give the result of a search to the screen that lists it."""
        for screen in self._search_screens:
            screen.show_matches(message)
        self.release_keys()

    def on_replays_needed(self, request: ReplaysNeeded) -> None:
        if self._bridge is not None:
            self._bridge.replays.prepare(request)

    def on_replays_prepared(self, message: ReplaysPrepared) -> None:
        """Open the dialog, unless the person went elsewhere meanwhile."""
        if self._state is not None and isinstance(self.screen, MainScreen):
            from scaicore_tui.tui.dialogs.replay_all import ReplayAllScreen

            self.push_screen(ReplayAllScreen(self._state, message.items))

    def on_replay_all(self, request: ReplayAll) -> None:
        if self._bridge is not None:
            self._bridge.replays.send(request)

    def on_replays_changed(self, message: ReplaysChanged) -> None:
        """Show how far the replays are: in their list, which opens with them, and at their end in a notice."""
        if self._state is None:
            return
        is_new = self._state.replays is not message.batch
        self._state.set_replays(message.batch)
        if is_new and isinstance(self.screen, MainScreen):
            self.screen.action_replays()
        self._apply_to_screens(Delta())

    def _apply_to_screens(self, delta: Delta) -> None:
        """Apply a change to every screen."""

    @property
    def _search_screens(self) -> list[SearchListener]:
        """The open screens that search runs."""
        return [screen for screen in self.screen_stack if isinstance(screen, SearchListener)]
