"""The rows of the run list: newest first, limited by a view and a filter. Pure.

A row is the position of a run, so that a long list takes little memory. Of the summaries only those that were used last
are in memory; `missing_positions` names those that have to be loaded. A text filter is searched in the journal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

from scaicore_tui.runs import (
    Delta,
    GapRow,
    Positions,
    RunIndex,
    RunStatus,
    Summary,
    compile_filter,
    gap_rows,
    run_search_text,
)
from scaicore_tui.units import Position

# Rows around the visible ones that are loaded with them, and at what distance the next ones are loaded.
LOAD_MARGIN_ROWS = 150
NEAR_ROWS = 50


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

    Rows move only in `apply`, `set_view` and `set_matches`, so that the cursor never lands on another run when the
    index changes. `needle` is the filter that is in force; while another one is searched, `searching` is its text.
    """

    def __init__(self) -> None:
        self.view = View.ALL
        self.needle = ""
        self.searching: str | None = None
        self._is_match = compile_filter("")
        self._index: RunIndex | None = None
        self._rows = Positions()
        # The runs that match the filter, whatever their status; None without a filter.
        self._matches: Positions | None = None
        # Runs that changed while a filter was searched: the search may have seen them as they were before.
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
    def total(self) -> int:
        """The number of runs, listed or not."""
        return 0 if self._index is None else len(self._index.order)

    @property
    def is_filtered(self) -> bool:
        """True if a view or a filter is active."""
        return self.view is not View.ALL or bool(self.needle) or bool(self.searching)

    @property
    def gap_rows(self) -> list[GapRow]:
        """The gaps, each with the row that it stands above."""
        return [] if self._index is None else gap_rows(self._index.gaps, self._rows.count_above)

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
        for position in delta.vacated:
            self._rows.discard(position)
            if self._matches is not None:
                self._matches.discard(position)
        if self.searching is not None:
            self._changed |= delta.upserted
        if is_first or (delta.loaded and self._matches is None):
            self._rows = self._selected()
        else:
            self._update(delta.upserted.values())

    def set_view(self, view: View) -> None:
        """List the runs of another view, as far as they match the filter in force."""
        self.view = view
        self._rows = self._selected()

    def search(self, needle: str) -> bool:
        """Use another filter. Returns True if its matches have to be searched in the journal, for `set_matches`."""
        if not needle.split():
            self.searching, self.needle, self._matches = None, needle, None
            self._rows = self._selected()
            return False
        self.searching = needle
        self._changed = {}
        return True

    def set_matches(self, needle: str, positions: Iterable[Position]) -> bool:
        """List the runs at `positions`, which match `needle`; return False if another filter was set meanwhile."""
        if needle != self.searching:
            return False
        self.needle, self.searching, self._is_match = needle, None, compile_filter(needle)
        self._matches = Positions(positions)
        self._rows = self._selected()
        self._update(self._changed.values())
        self._changed = {}
        return True

    def next_failed(self, row: int, step: int) -> int | None:
        """Return the next row with a failed run, going by `step` from `row`; None if there is none."""
        if self._index is None or not len(self):
            return None
        failed = self._index.by_status[RunStatus.FAILED]
        position = self.position(row)
        # Rows go down while positions go up.
        index = failed.count_below(position) - 1 if step > 0 else failed.count_below(position + 1)
        while 0 <= index < len(failed):
            found = self.row_at(failed[index])
            if found is not None:
                return found
            index -= step
        return None

    def _clipped(self, first: int, last: int, margin: int) -> Sequence[int]:
        """Return the rows from `first` to `last` and `margin` rows around them, as far as there are such."""
        return range(max(0, first - margin), min(len(self), last + 1 + margin))

    def _selected(self) -> Positions:
        """Return the positions of the view that match the filter."""
        if self._index is None:
            return Positions()
        chosen = self._index.order if self.view is View.ALL else self._index.by_status[RunStatus(self.view.value)]
        if self._matches is None:
            return chosen.copy()
        return self._matches.copy() if self.view is View.ALL else Positions(filter(chosen.__contains__, self._matches))

    def _update(self, changed: Iterable[Summary]) -> None:
        """List the runs that match now, and remove those that do not."""
        for summary in changed:
            if self._matches is not None:
                is_match = self._is_match(run_search_text(summary))
                (self._matches.add if is_match else self._matches.discard)(summary.position)
            else:
                is_match = True
            is_listed = is_match and self.view.value in (View.ALL.value, summary.status.value)
            (self._rows.add if is_listed else self._rows.discard)(summary.position)
