"""The rows of the run list: in an order, at first by last change, limited by a view and a filter. Pure.

A row is the position of a run, so that a long list takes little memory. Of the summaries only those that were used last
are in memory; `missing_positions` names those that have to be loaded. A query is searched in the journal; runs that
change later are evaluated here, unless the query needs their events: then `take_unchecked` names them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from scaicore_tui.runs import ChangeOrder, Delta, Gap, GapRow, Positions, RunIndex, RunStatus, Summary, gap_rows
from scaicore_tui.runs.sorted_order import SortedOrder
from scaicore_tui.units import Micros, Position

if TYPE_CHECKING:
    from scaicore_tui.analysis.query import Payloads, Query, QueryContext

# Rows around the visible ones that are loaded with them, and at what distance the next ones are loaded.
LOAD_MARGIN_ROWS = 150
NEAR_ROWS = 50
# Up to this many failed runs are looked up in the list; of more, one is near.
FEW_RUNS = 1_000


class View(StrEnum):
    """A selection of runs: one status, or all."""

    ALL = "all"
    FAILED = "failed"
    WAITING = "waiting"
    RUNNING = "running"

    @property
    def next(self) -> View:
        """The view after this one, and the first after the last."""
        views = list(View)
        return views[(views.index(self) + 1) % len(views)]


class RunListModel:
    """The listed runs. Row 0 is the run that changed last, or the first one of another order.

    Rows move only in `apply`, `set_view`, `set_order` and `add_matches`, so that the cursor never lands on another run
    when the index changes. `query` is in force, and `searched` is the part of the runs that was searched for it so far,
    0 to 1; until the first runs are found for another one, that is `searching`. `get_context` returns what a query is
    evaluated with now.
    """

    def __init__(self, get_context: Callable[[], QueryContext] | None = None) -> None:
        self.view = View.ALL
        self.query: Query | None = None
        self.searching: Query | None = None
        self.searched = 1.0
        self._get_context = get_context
        # None if the query needs the events of a run.
        self._is_match: Callable[[Summary], bool] | None = None
        self._unchecked = Positions()
        self._index: RunIndex | None = None
        self._rows = ChangeOrder()
        # Another order than by last change.
        self._sorted: SortedOrder | None = None
        # The runs that match the query, whatever their status; None without a query.
        self._matches: Positions | None = None
        # Runs that changed while a query was searched: the search may have seen them as they were before.
        self._changed: dict[str, Summary] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, row: int) -> Summary | None:
        """Return the summary in a row; None if it has to be loaded first."""
        return None if self._index is None else self._index.at(self.position(row))

    def position(self, row: int) -> Position:
        """Return the position of the run in a row."""
        return self._rows[len(self._rows) - 1 - row]

    @property
    def newest_change(self) -> Micros:
        """The time of the newest event of the listed runs; 0 if there is none. In another order, that of all runs."""
        order = self._rows if self._sorted is None or self._index is None else self._index.changes
        return order.time_of(order[len(order) - 1]) if len(order) else 0

    def count_after(self, changed_at: Micros) -> int:
        """Return the number of listed runs that changed after a time."""
        if self._sorted is None or self._index is None:
            return self._rows.count_after(changed_at)
        changes = self._index.changes
        return sum(changes[len(changes) - 1 - at] in self._rows for at in range(changes.count_after(changed_at)))

    @property
    def total(self) -> int:
        """The number of runs, listed or not."""
        return 0 if self._index is None else len(self._index.order)

    @property
    def needle(self) -> str:
        """The text of the query in force; empty without one."""
        return "" if self.query is None else self.query.text.strip()

    @property
    def is_filtered(self) -> bool:
        """True if a view or a query is active."""
        return self.view is not View.ALL or self.query is not None or self.searching is not None

    @property
    def gap_rows(self) -> list[GapRow]:
        """The gaps, each with the row that it stands above; only in the order by change they have a place."""
        return [] if self._index is None or self._sorted is not None else gap_rows(self._index.gaps, self._count_above)

    def row_at(self, position: Position | None) -> int | None:
        """Return the row of the run at `position`; None if it is not listed."""
        index = None if position is None else self._rows.index(position)
        return None if index is None else len(self._rows) - 1 - index

    def row_of(self, execution_id: str | None) -> int | None:
        """Return the row of a run; None if it is not listed, or its summary is not in memory."""
        summary = None if self._index is None or execution_id is None else self._index.get(execution_id)
        return None if summary is None else self.row_at(summary.position)

    def missing_positions(self, first: int, last: int) -> list[Position]:
        """Return the positions of runs in and around the rows `first` to `last` that have to be loaded.

        Empty if all of these rows and those near them are in memory.
        """
        if self._index is None or all(self[row] is not None for row in self._clipped(first, last, NEAR_ROWS)):
            return []
        return [self.position(row) for row in self._clipped(first, last, LOAD_MARGIN_ROWS) if self[row] is None]

    def touch(self, first: int, last: int) -> None:
        """Keep the runs in the rows `first` to `last` in memory: they are shown."""
        if self._index is not None:
            self._index.touch(map(self.position, self._clipped(first, last, 0)))

    def apply(self, index: RunIndex, delta: Delta) -> None:
        """Update the rows of the runs that `delta` changed; `index` has all runs."""
        is_first, self._index = self._index is not index, index
        if self._sorted is not None:
            self._sorted.apply(delta)
        for position in delta.vacated:
            self._rows.discard(position)
            if self._matches is not None:
                self._matches.discard(position)
        if self.searching is not None or self.searched < 1:
            self._changed |= delta.upserted
        if is_first or delta.loaded:
            self._rows = self._selected()
        else:
            self._update(delta.upserted.values())

    def set_view(self, view: View) -> None:
        """List the runs of another view, as far as they match the query in force."""
        self.view = view
        self._rows = self._selected()

    def set_order(self, order: SortedOrder | None) -> None:
        """List the runs in another order, which is kept up to date from now on; without one, by last change."""
        self._sorted = order
        self._rows = self._selected()

    def search(self, query: Query | None) -> bool:
        """Use another query, or none. Returns True if its matches have to be searched, for `add_matches`."""
        self._changed = {}
        if query is None:
            self.searching, self.query, self._matches, self.searched = None, None, None, 1.0
            self._rows = self._selected()
            return False
        self.searching = query
        return True

    def add_matches(self, query: Query, positions: Iterable[Position], searched: float = 1.0) -> bool:
        """List more runs that match `query`, at `positions`; return False if another query was set meanwhile."""
        if query == self.searching:
            self._begin(query)
        elif query != self.query or self.searching is not None or self._matches is None or self.searched >= 1:
            return False
        # A run that changed meanwhile may be listed already.
        self._matches = Positions({*(self._matches or ()), *positions})
        self.searched = searched
        self._rows = self._selected()
        self._update(self._changed.values())
        if searched >= 1:
            self._changed = {}
        return True

    def _begin(self, query: Query) -> None:
        """Put a query in force, of which no match is known yet."""
        from scaicore_tui.analysis.query import RUNS, RunRow, compile_query
        from scaicore_tui.analysis.query.fields import has_dear

        self.query, self.searching, self._matches = query, None, Positions()
        self._unchecked = Positions()
        if has_dear(query.tree, RUNS) or self._get_context is None:
            self._is_match = None
            return
        get_context = self._get_context

        def is_match(summary: Summary) -> bool:
            context = get_context()
            return compile_query(query, RUNS, context.now)(RunRow(summary, context, _read_nothing))

        self._is_match = is_match

    def take_unchecked(self) -> list[Position]:
        """Return the positions of runs that changed and may match now or not; they count as before until then."""
        taken, self._unchecked = list(self._unchecked), Positions()
        return taken

    def set_checked(self, query: Query, positions: Iterable[Position], matching: Iterable[Position]) -> bool:
        """List those of `positions` that are in `matching`; return False if another query was set meanwhile."""
        if query != self.query or self._matches is None:
            return False
        found = set(matching)
        for position in positions:
            (self._matches.add if position in found else self._matches.discard)(position)
        self._rows = self._selected()
        return True

    def next_failed(self, row: int, step: int) -> int | None:
        """Return the next row with a failed run, going by `step` from `row`; None if there is none."""
        if self._index is None or not len(self):
            return None
        failed = self._index.by_status[RunStatus.FAILED]
        rows: Iterable[int] = range(row + step, len(self) if step > 0 else -1, step)
        if len(failed) < FEW_RUNS:
            listed = {found for found in map(self.row_at, failed) if found is not None}
            return min(
                (found for found in listed if (found - row) * step > 0), key=lambda at: abs(at - row), default=None
            )
        return next((at for at in rows if self.position(at) in failed), None)

    def _clipped(self, first: int, last: int, margin: int) -> Sequence[int]:
        """Return the rows from `first` to `last` and `margin` rows around them, as far as there are such."""
        return range(max(0, first - margin), min(len(self), last + 1 + margin))

    def _count_above(self, gap: Gap) -> int:
        """Return how many rows stand above a gap: those whose last event came after the one before the gap."""
        if gap.is_history:
            return len(self)
        if gap.last_at is not None:
            return self._rows.count_after(gap.last_at)
        return len(self) if gap.next_at is None else self._rows.count_after(gap.next_at - 1)

    def _selected(self) -> ChangeOrder:
        """Return the runs of the view that match the filter."""
        if self._index is None:
            return ChangeOrder()
        order = self._index.changes if self._sorted is None else self._sorted.order
        if self.view is View.ALL:
            return order.copy() if self._matches is None else order.only(self._matches)
        chosen = self._index.by_status[RunStatus(self.view.value)]
        matches = chosen if self._matches is None else filter(chosen.__contains__, self._matches)
        return order.only(matches)

    def _update(self, changed: Iterable[Summary]) -> None:
        """List the runs that match now, and remove those that do not."""
        for summary in changed:
            is_match = self._matches is None or self._judge(self._matches, summary)
            is_listed = is_match and self.view.value in (View.ALL.value, summary.status.value)
            if is_listed:
                key = summary.last_event_at if self._sorted is None else self._sorted.key_of(summary)
                self._rows.put(summary.position, key)
            else:
                self._rows.discard(summary.position)

    def _judge(self, matches: Positions, summary: Summary) -> bool:
        """Return whether a run that changed matches; if its events have to be read for that, whether it did before."""
        if self._is_match is None:
            self._unchecked.add(summary.position)
            return summary.position in matches
        is_match = self._is_match(summary)
        (matches.add if is_match else matches.discard)(summary.position)
        return is_match


def _read_nothing(summary: Summary) -> Payloads:
    """Stand for the events of a run, which a query without dear fields does not need."""
    raise LookupError(summary.execution_id)
