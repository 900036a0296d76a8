"""An index of runs over events that are only in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scaicore_tui.analysis.query import RUNS, QueryContext, RunRow, compile_query, parse_query
from scaicore_tui.analysis.query.rows import RunPayloads
from scaicore_tui.protocol import Event
from scaicore_tui.runs import (
    Delta,
    Run,
    RunIndex,
    RunProjector,
    Summary,
    only_match,
)
from scaicore_tui.tui.run_list_model import RunListModel, View


class MemoryIndex(RunIndex):
    """An index fed with events like a journal. `max_runs` is the number of runs held in full between two batches."""

    def __init__(self, max_runs: int = 1_000) -> None:
        super().__init__(lambda execution_id: self._history(execution_id, self.last_position))
        self._events: list[tuple[int, Event]] = []
        self._projector = RunProjector(self._history, max_runs)
        self._all: dict[str, Summary] = {}

    def add_newer(self, events: Sequence[Event]) -> Delta:
        """Add newer events, oldest first."""
        first = self._events[-1][0] + 1 if self._events else 0
        delta = self._projector.apply(list(events), first)
        self._events += enumerate(events, first)
        return self.apply(delta)

    def add_older(self, events: Sequence[Event]) -> Delta:
        """Add older events, oldest first."""
        first = (self._events[0][0] if self._events else 0) - len(events)
        self._events[:0] = enumerate(events, first)
        touched = dict.fromkeys(event.execution_id for event in events if event.execution_id)
        return self.apply(self._projector.rebuild(touched, events))

    def apply(self, delta: Delta) -> Delta:
        """Apply `delta`, and keep its summaries."""
        self._all |= delta.upserted
        return super().apply(delta)

    def summaries(self) -> Iterator[Summary]:
        """Yield the summaries of all runs, newest first."""
        return iter(sorted(self._all.values(), key=lambda row: -row.position))

    def find_one(self, prefix: str, hint: str = "") -> Summary:
        """Return the only run whose id begins with `prefix`."""
        found = [row for row in self.summaries() if row.execution_id.startswith(prefix)]
        return only_match([row for row in found if row.execution_id == prefix] or found, prefix, len(self._all), hint)

    def newest_of_core(self, core_id: str, limit: int) -> list[Summary]:
        """Return the summaries of the newest runs of a Core, newest first."""
        return [row for row in self.summaries() if row.core_id == core_id][:limit]

    def run(self, summary: Summary) -> Run:
        """Return the complete run of `summary`."""
        return self.runs[summary.execution_id]

    def _history(self, execution_id: str, last: int | None = None) -> list[tuple[int, Event]]:
        found = [row for row in self._events if row[1].execution_id == execution_id]
        return found if last is None else [row for row in found if row[0] <= last]


def set_filter(model: RunListModel, index: MemoryIndex, view: View, needle: str) -> None:
    """Use another view and filter; search the filter in the summaries of `index`, as the journal does."""
    model.set_view(view)
    query = parse_query(needle, RUNS)
    if model.search(None if query.is_empty else query):
        matches, context = compile_query(query, RUNS, 0), QueryContext(0)
        rows = (RunRow(row, context, lambda row: RunPayloads(index.run(row))) for row in index.summaries())
        model.add_matches(query, [row.summary.position for row in rows if matches(row)])
