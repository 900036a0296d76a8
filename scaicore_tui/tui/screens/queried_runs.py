"""The part of the main screen about which runs are listed: views, and the query that is typed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from scaicore_tui.config.ui import Times
from scaicore_tui.config.views import Grouping, SavedView, Sort
from scaicore_tui.session.remembered_screen import ScreenChoices
from scaicore_tui.text import one_line
from scaicore_tui.tui.key_contexts import KeyContext
from scaicore_tui.tui.messages import FilterClosed
from scaicore_tui.tui.query_messages import (
    QueriesNeeded,
    QueriesRead,
    QueryTyped,
    RecheckRuns,
    RunsFound,
    RunsRechecked,
    SearchRuns,
    ValuesCounted,
    ViewWanted,
)
from scaicore_tui.tui.remembered import ViewChanged
from scaicore_tui.tui.run_list_model import View
from scaicore_tui.tui.run_messages import SlowRunsRead
from scaicore_tui.tui.screens.sorted_runs import SortedRunsScreen
from scaicore_tui.tui.state import AppState

if TYPE_CHECKING:
    from scaicore_tui.analysis.query import Query

# Keys that act on the selected run, and keys that work while a query is searched.
SELECTION_KEYS = frozenset({"enter", "a", "c", "R", "y", "Y", "space"})
SEARCH_KEYS = frozenset({"escape", "q", "slash"})


class QueriedRunsScreen(SortedRunsScreen):
    """Lists the runs of a view that match a query."""

    def __init__(self, state: AppState) -> None:
        super().__init__(state)
        # Whether history and saved views were read; the name of the saved view that is shown.
        self._has_queries = False
        self._saved_view: str | None = None
        # Choices of the last session about a saved view, until the views are read.
        self._choices: ScreenChoices | None = None
        self._slow_runs: frozenset[str] = frozenset()

    def restore(self, choices: ScreenChoices) -> None:
        """Show what was chosen in the last session, or what the configuration says."""
        if choices.sort is not None:
            self.set_sort(choices.sort)
        self.panes.runs.show_ages(ages=choices.times is Times.AGE)
        self.panes.show_columns()
        if choices.view is None or choices.view in list(View):
            self._restore_filter(View(choices.view or View.ALL), choices.query or "")
        else:
            self._choices = choices
            self._read_queries()

    def _restore_filter(self, view: View, text: str) -> None:
        from scaicore_tui.analysis.query import RUNS, QueryError, parse_query

        try:
            query = parse_query(text, RUNS)
        except QueryError:
            # Another version may have remembered it.
            query = parse_query("", RUNS)
        self.panes.filter.set_text(query.text)
        self._use_filter(view, None if query.is_empty else query)

    def action_sort(self) -> None:
        super().action_sort()
        self.post_view()

    def post_view(self) -> None:
        """Tell the app what is shown now, for the next session."""
        model, query = self.run_list_model, self._query
        view, text = self._saved_view or model.view, "" if query is None else query.text
        self.post_message(ViewChanged(view, text, self.sort, ages=self.panes.runs.shows_ages))

    def is_waiting_for(self, key: str) -> bool:
        """Return True if `key` must wait: a filter is being searched, or what it acts on is being loaded."""
        if self.focused is not None:
            return False
        is_searching = self.run_list_model.searching is not None and key not in SEARCH_KEYS
        return is_searching or (self.panes.runs.is_loading and key in SELECTION_KEYS) or super().is_waiting_for(key)

    def show_matches(self, found: RunsFound) -> None:
        """List the runs that match the filter, or say why they could not be searched."""
        if found.problem:
            self.show_reason("filter", f"{found.problem}")
        if self.run_list_model.add_matches(found.query, found.positions, found.searched):
            self._recheck()
            self._show_rows()

    def show_rechecked(self, rechecked: RunsRechecked) -> None:
        """List the runs that changed and match still or now."""
        if self.run_list_model.set_checked(rechecked.query, rechecked.positions, rechecked.matching):
            self._show_rows()

    def show_slow_runs(self, read: SlowRunsRead) -> None:
        """Show which runs are slow; if others are than before and the query asks for them, search again."""
        has_changed = read.hints.keys() != self._slow_runs
        self._slow_runs = frozenset(read.hints)
        self.panes.runs.set_slow(read.hints)
        query = self.run_list_model.query
        if has_changed and query is not None and self.run_list_model.searched >= 1 and _asks_for_slow(query):
            self.run_list_model.search(query)
            self.post_message(SearchRuns(query))

    def show_values(self, counted: ValuesCounted) -> None:
        """Offer the values of a field in the filter."""
        self.panes.filter.show_values({counted.field: counted.values})

    def show_queries(self, read: QueriesRead) -> None:
        """Offer the queries used before and the saved views."""
        self.state.query_history.load(read.history)
        self.state.checkpoint_history.load(read.checkpoint_history)
        self.state.views = read.views
        choices, self._choices = self._choices, None
        saved = None if choices is None else read.views.get(choices.view or "")
        if choices is not None and saved is not None and not self.run_list_model.is_filtered:
            self._saved_view = choices.view
            self._restore_filter(View.ALL, saved.query if choices.query is None else choices.query)

    def on_query_typed(self, typed: QueryTyped) -> None:
        """Apply the query as it is typed."""
        self._set_filter(self.run_list_model.view, None if typed.query.is_empty else typed.query)

    def on_filter_closed(self, closed: FilterClosed) -> None:
        """Return the keys to the run list."""
        if not closed.kept:
            self._saved_view = None
            self._set_filter(self.run_list_model.view, None)
        self.set_focus(None)
        self.panes.focus_pane(KeyContext.RUNS)

    def on_view_wanted(self, wanted: ViewWanted) -> None:
        """Ask for the name of a view with this query, the order of the list, and the grouping of the view shown."""
        from scaicore_tui.tui.dialogs.save_view import SaveViewScreen

        shown = self.state.views.get(self._saved_view or "")
        sort = None if self.shown_sort is Sort.CHANGED else self.shown_sort
        view = SavedView(wanted.query, sort, None if shown is None else shown.group)
        self.app.push_screen(SaveViewScreen(self.state, view, self._saved_view or ""), self._view_saved)

    def _view_saved(self, name: str | None) -> None:
        """Show that the list is the view that was saved."""
        if name is not None:
            self._saved_view = name
            self._set_filter(self.run_list_model.view, self._query)
            self.show_message(f"saved: view “{one_line(name, 30)}” · {self.key_of('view')} shows it", "green")

    def action_filter(self) -> None:
        self._focus_runs()
        self._read_queries()
        self.panes.filter.open()

    def action_view(self) -> None:
        """Show the next view: the built-in ones, then the saved ones. A query that was typed stays in the former."""
        self._read_queries()
        saved, view = list(self.state.views), self.run_list_model.view.next
        if self._saved_view is not None or view is View.ALL:
            self._show_saved_view(saved[saved.index(self._saved_view) + 1 :] if self._saved_view in saved else saved)
        else:
            self._set_filter(view, self._query)
            self.show_message(f"view: {view}")

    def show_view(self, name: str, *, is_saved: bool) -> None:
        """Show a built-in or a saved view, by its name."""
        self._focus_runs()
        if is_saved:
            self._show_saved_view([name])
        else:
            self._saved_view = None
            self._set_filter(View(name), self._query)
            self.show_message(f"view: {name}")

    def show_core(self, core_id: str) -> None:
        """List the runs of a Core."""
        from scaicore_tui.analysis.query.tree import quoted

        self._list_cause(f"core={quoted(core_id, is_word=False)}")

    def leave(self) -> None:
        """Go back to the list of runs; there, clear the filter and the view, and keep the selected run."""
        if self.key_context is not KeyContext.RUNS:
            self.panes.focus_pane(KeyContext.RUNS)
            self.refresh_chrome()
        elif not self.run_list_model.is_filtered:
            self.show_message("esc: nothing to go back to; q quits", "amber")
        else:
            self.panes.runs.keep_selection()
            self._saved_view = None
            self.panes.filter.action_close(kept=False)
            self._set_filter(View.ALL, None)

    def _list_cause(self, query: str) -> None:
        """List the runs of one cause."""
        self._saved_view = None
        self.panes.filter.set_text(query)
        self._set_filter(View.ALL, self._parsed(query))
        self._focus_runs()

    def _show_saved_view(self, names: Sequence[str]) -> None:
        """Show the first of these saved views; without any, all runs, and the query that was typed if there was one."""
        was_saved, self._saved_view = self._saved_view is not None, next(iter(names), None)
        query = None if was_saved else self._query
        self.show_message(f"view: {one_line(self._saved_view or View.ALL)}")
        if self._saved_view is not None:
            query = self._parsed(self.state.views[self._saved_view].query)
        self.panes.filter.set_text("" if query is None else query.text)
        self._set_filter(View.ALL, query)
        self._show_grouping()

    def _show_grouping(self) -> None:
        """Show failures by cause for a view that groups by error; say where any other grouping is shown."""
        view = self.state.views.get(self._saved_view or "")
        if view is None or view.group is None:
            return
        if view.group is Grouping.ERROR:
            self.action_causes()
        else:
            name = one_line(self._saved_view or "", 30)
            self.show_message(f"view: {name} · groups by {view.group} only in: scaicore-tui runs --group {view.group}")

    @abstractmethod
    def action_causes(self) -> None:
        """Show failures by their cause."""

    def _parsed(self, text: str) -> Query | None:
        """Return the query in `text`. If it cannot be read, show why and return None."""
        from scaicore_tui.analysis.query import RUNS, QueryError, parse_query

        try:
            query = parse_query(text, RUNS)
        except QueryError as error:
            self.show_reason("view", f"{one_line(str(error))}")
            return None
        return None if query.is_empty else query

    def _read_queries(self) -> None:
        """Ask once for the queries used before, and for the saved views."""
        if not self._has_queries:
            self._has_queries = True
            self.post_message(QueriesNeeded())

    def _recheck(self) -> None:
        """Let the journal tell which runs that changed match the query now, if that depends on their events."""
        query, unchecked = self.run_list_model.query, self.run_list_model.take_unchecked()
        if query is not None and unchecked:
            self.post_message(RecheckRuns(query, unchecked))

    def _set_filter(self, view: View, query: Query | None) -> None:
        self._use_filter(view, query)
        self.post_view()

    def _use_filter(self, view: View, query: Query | None) -> None:
        model = self.run_list_model
        model.set_view(view)
        if query != self._query:
            model.search(query)
            self.post_message(SearchRuns(query))
        saved = self.state.views.get(self._saved_view or "")
        edited = "" if saved is None or query is None or saved.query == query.text else " *"
        self._set_view_sort(self._saved_view, None if saved is None else saved.sort)
        self.panes.view_name = f"{one_line(self._saved_view, 20)}{edited}" if self._saved_view is not None else ""
        self._show_rows()

    @property
    def _query(self) -> Query | None:
        """The query in force, or the one that is being searched; None without one."""
        return self.run_list_model.searching or self.run_list_model.query

    def _show_rows(self) -> None:
        self.panes.runs.show(self.state.now)
        self._show_nodes()
        self.refresh_chrome()

    def _focus_runs(self) -> None:
        """Make the run list the active pane."""
        if self.key_context is not KeyContext.RUNS:
            self.panes.focus_pane(KeyContext.RUNS)


def _asks_for_slow(query: Query) -> bool:
    from scaicore_tui.analysis.query import RUNS, asks_for

    return asks_for(query, RUNS, "is", "slow")
