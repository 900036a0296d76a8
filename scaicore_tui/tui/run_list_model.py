"""Which runs are listed, and in what order: newest first, through a view and a filter. Pure.

Judges a run again only when it changed; asking for a row costs the same however many there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from scaicore_tui.runs import (
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

# From so many on, sorting once is cheaper than putting each in its place.
MANY = 50


class View(StrEnum):
    """Runs of one status, or all."""

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
    """The listed runs. Row 0 is the newest. Rows move only in `take` and `narrow`, whatever the book has learned since:
    a cursor must not find itself on another run.
    """

    def __init__(self) -> None:
        self.view = View.ALL
        self.needle = ""
        self._sought = compile_filter("")
        self._book: RunIndex | None = None
        self._rows = SortedSummaries()
        # Where the listed ones stand: history moves a run to the place of its first event.
        self._places: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, row: int) -> Summary:
        return self._rows[len(self._rows) - 1 - row]

    @property
    def total(self) -> int:
        """How many runs there are, listed or not."""
        return 0 if self._book is None else len(self._book.summaries)

    @property
    def _all(self) -> Iterable[Summary]:
        return () if self._book is None else self._book.order

    @property
    def is_narrowed(self) -> bool:
        """Whether a view or a filter may leave runs out."""
        return self.view is not View.ALL or bool(self.needle)

    @property
    def gap_rows(self) -> list[GapRow]:
        """Where events are missing between the rows, and above or below all of them."""
        return [] if self._book is None else gap_rows(self._book.gaps, self._rows.count_above)

    def row_of(self, execution_id: str | None) -> int | None:
        """The row of that run; None where it is not listed."""
        place = self._places.get(execution_id or "")
        index = None if place is None else self._rows.index(place)
        return None if index is None else len(self._rows) - 1 - index

    def apply(self, book: RunIndex, changed: Iterable[str]) -> None:
        """The runs are these now; only the `changed` ones are judged again."""
        self._book = book
        moved = []
        for key in changed:
            if (summary := book.summaries.get(key)) is not None:
                moved.append(summary)
            elif (place := self._places.pop(key, None)) is not None:
                self._rows.remove(place)
        came = [summary for summary in moved if self._leave(summary) and self._matches(summary)]
        self._places.update((summary.execution_id, summary.position) for summary in came)
        if len(came) > MANY:
            self._rows.extend(came)
        else:
            for summary in came:
                self._rows.put(summary)

    def set_filter(self, view: View, needle: str) -> None:
        """Use another view or filter. Where that keeps less than before, only what was kept is judged."""
        rows = self._rows if view is self.view and is_refinement(needle, self.needle) else self._all
        self.view, self.needle, self._sought = view, needle, compile_filter(needle)
        self._rows = SortedSummaries(filter(self._matches, rows))
        self._places = {summary.execution_id: summary.position for summary in self._rows}

    def next_failed(self, row: int, step: int) -> int | None:
        """The next row with a failed run, going by `step` from `row`; None where there is none."""
        while 0 <= (row := row + step) < len(self):
            if self[row].status is RunStatus.FAILED:
                return row
        return None

    def _leave(self, summary: Summary) -> bool:
        """Take a run that changed off the list, or just its row, where it stays in its place; whether it comes back."""
        place = self._places.pop(summary.execution_id, None)
        if place is None:
            return True
        if place == summary.position and self._matches(summary):
            self._places[summary.execution_id] = place
            self._rows.put(summary)
            return False
        self._rows.remove(place)
        return True

    def _matches(self, run: Summary) -> bool:
        if self.view is not View.ALL and run.status.value != self.view.value:
            return False
        return not self.needle or self._sought(run_search_text(run))
