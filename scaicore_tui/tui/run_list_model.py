"""The rows of the run list: newest first, limited by a view and a filter. Pure.

Filters only the runs that changed. Looking up a row costs O(log n).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from scaicore_tui.runs import (
    Delta,
    GapRow,
    RunIndex,
    RunStatus,
    SortedSummaries,
    Summary,
    compile_filter,
    gap_rows,
    is_refinement,
    run_search_text,
)

# From this many new rows on, sorting all rows once is cheaper than inserting each.
BULK_INSERT_ROWS = 50


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
    """The listed runs. Row 0 is the newest.

    Rows move only in `apply` and `set_filter`, so that the cursor never lands on another run when the index changes.
    """

    def __init__(self) -> None:
        self.view = View.ALL
        self.needle = ""
        self._is_match = compile_filter("")
        self._index: RunIndex | None = None
        self._rows = SortedSummaries()
        # The position under which each run is listed. Older events move a run to the position of its first event.
        self._positions: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, row: int) -> Summary:
        return self._rows[len(self._rows) - 1 - row]

    @property
    def total(self) -> int:
        """The number of runs, listed or not."""
        return 0 if self._index is None else len(self._index.summaries)

    @property
    def _all(self) -> Iterable[Summary]:
        return () if self._index is None else self._index.order

    @property
    def is_filtered(self) -> bool:
        """True if a view or a filter is active."""
        return self.view is not View.ALL or bool(self.needle)

    @property
    def gap_rows(self) -> list[GapRow]:
        """The gaps, each with the row that it stands above."""
        return [] if self._index is None else gap_rows(self._index.gaps, self._rows.count_above)

    def row_of(self, execution_id: str | None) -> int | None:
        """Return the row of a run; None if it is not listed."""
        position = self._positions.get(execution_id or "")
        index = None if position is None else self._rows.index(position)
        return None if index is None else len(self._rows) - 1 - index

    def apply(self, index: RunIndex, delta: Delta) -> None:
        """Update the rows of the runs that `delta` changed; `index` has all runs."""
        self._index = index
        for key in delta.removed:
            if (position := self._positions.pop(key, None)) is not None:
                self._rows.remove(position)
        changed = delta.upserted.values()
        added = [summary for summary in changed if self._needs_insert(summary) and self._matches(summary)]
        self._positions.update((summary.execution_id, summary.position) for summary in added)
        if len(added) > BULK_INSERT_ROWS:
            self._rows.extend(added)
        else:
            for summary in added:
                self._rows.put(summary)

    def set_filter(self, view: View, needle: str) -> None:
        """Use another view and filter text. A filter that refines the last one only checks the listed rows."""
        rows = self._rows if view is self.view and is_refinement(needle, self.needle) else self._all
        self.view, self.needle, self._is_match = view, needle, compile_filter(needle)
        self._rows = SortedSummaries(filter(self._matches, rows))
        self._positions = {summary.execution_id: summary.position for summary in self._rows}

    def next_failed(self, row: int, step: int) -> int | None:
        """Return the next row with a failed run, going by `step` from `row`; None if there is none."""
        while 0 <= (row := row + step) < len(self):
            if self[row].status is RunStatus.FAILED:
                return row
        return None

    def _needs_insert(self, summary: Summary) -> bool:
        """Update the row of a changed run in place, or remove it if it moved. Returns False if updated in place."""
        position = self._positions.pop(summary.execution_id, None)
        if position is None:
            return True
        if position == summary.position and self._matches(summary):
            self._positions[summary.execution_id] = position
            self._rows.put(summary)
            return False
        self._rows.remove(position)
        return True

    def _matches(self, run: Summary) -> bool:
        if self.view is not View.ALL and run.status.value != self.view.value:
            return False
        return not self.needle or self._is_match(run_search_text(run))
