"""The rows of the run list: the run that changed last comes first, limited by a view and a filter. Pure.

A row is the position of a run, so that a long list takes little memory. Of the summaries only those that were used last
are in memory; `missing_positions` names those that have to be loaded. A text filter is searched in the journal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

from scaicore_tui.runs import (
    ChangeOrder,
    Delta,
    Gap,
    GapRow,
    Positions,
    RunIndex,
    RunStatus,
    Summary,
    compile_filter,
    gap_rows,
    run_search_text,
)
from scaicore_tui.units import Micros, Position

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
    """The listed runs. Row 0 is the run that changed last.

    Rows move only in `apply`, `set_view` and `set_matches`, so that the cursor never lands on another run when the
    index changes. `needle` is the filter that is in force; while another one is searched, `searching` is its text.
    """

    def __init__(self) -> None:
        self.view = View.ALL
        self.needle = ""
        self.searching: str | None = None
        self._is_match = compile_filter("")
        self._index: RunIndex | None = None
        self._rows = ChangeOrder()
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

    def changed_at(self, row: int) -> Micros:
        """Return the time of the last event of the run in a row; 0 if it has none."""
        return self._rows.time_of(self.position(row))

    def count_after(self, changed_at: Micros) -> int:
        """Return the number of listed runs that changed after a time."""
        return self._rows.count_after(changed_at)

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
        return [] if self._index is None else gap_rows(self._index.gaps, self._count_above)

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
        if self.view is View.ALL:
            return self._index.changes.copy() if self._matches is None else self._index.changes.only(self._matches)
        chosen = self._index.by_status[RunStatus(self.view.value)]
        matches = chosen if self._matches is None else filter(chosen.__contains__, self._matches)
        return self._index.changes.only(matches)

    def _update(self, changed: Iterable[Summary]) -> None:
        """List the runs that match now, and remove those that do not."""
        for summary in changed:
            if self._matches is not None:
                is_match = self._is_match(run_search_text(summary))
                (self._matches.add if is_match else self._matches.discard)(summary.position)
            else:
                is_match = True
            is_listed = is_match and self.view.value in (View.ALL.value, summary.status.value)
            if is_listed:
                self._rows.put(summary.position, summary.last_event_at)
            else:
                self._rows.discard(summary.position)
