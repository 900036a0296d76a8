"""Which runs are listed, and in what order: newest first, through a view and a filter. Pure.

Judges a run again only when it changed; asking for a row costs the same however many there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from scaicore_tui.runs import Run, RunStatus, matches


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


class Listing:
    """The listed runs. Row 0 is the newest."""

    def __init__(self) -> None:
        self.view = View.ALL
        self.needle = ""
        self._runs: Mapping[str, Run] = {}
        self._ids: list[str] = []
        self._kept: set[str] = set()

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, row: int) -> Run:
        return self._runs[self._ids[len(self._ids) - 1 - row]]

    @property
    def total(self) -> int:
        """How many runs there are, listed or not."""
        return len(self._runs)

    @property
    def is_narrowed(self) -> bool:
        """Whether a view or a filter may leave runs out."""
        return self.view is not View.ALL or bool(self.needle)

    def row_of(self, execution_id: str | None) -> int | None:
        """The row of that run; None where it is not listed."""
        try:
            return len(self._ids) - 1 - self._ids.index(execution_id or "")
        except ValueError:
            return None

    def take(self, runs: Mapping[str, Run], changed: Iterable[str]) -> None:
        """The runs are these now, oldest first; only the `changed` ones are judged again."""
        self._runs = runs
        if self.is_narrowed:
            self._judge(key for key in changed if key in runs)
        self._order()

    def narrow(self, view: View, needle: str) -> None:
        """Use another view or filter."""
        self.view, self.needle = view, needle
        self._kept = set()
        if self.is_narrowed:
            self._judge(self._runs)
        self._order()

    def next_failed(self, row: int, step: int) -> int | None:
        """The next row with a failed run, going by `step` from `row`; None where there is none."""
        while 0 <= (row := row + step) < len(self):
            if self[row].status is RunStatus.FAILED:
                return row
        return None

    def _judge(self, keys: Iterable[str]) -> None:
        for key in keys:
            if self._keeps(self._runs[key]):
                self._kept.add(key)
            else:
                self._kept.discard(key)

    def _keeps(self, run: Run) -> bool:
        return (self.view is View.ALL or run.status.value == self.view.value) and matches(run, self.needle)

    def _order(self) -> None:
        self._ids = [key for key in self._runs if key in self._kept] if self.is_narrowed else list(self._runs)
