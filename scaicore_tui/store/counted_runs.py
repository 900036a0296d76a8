"""The counts of single runs, so that they can be taken out of the statistics when the history of a run changes.

When older events are read, each page changes the runs at its edge again: without this, they would be read twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cachetools import LRUCache

from scaicore_tui.analysis.statistics.tally import Tally
from scaicore_tui.protocol import Event
from scaicore_tui.runs import Run
from scaicore_tui.runs.cache import ReadHistory, project
from scaicore_tui.runs.reduce import VisitChange

MAX_RUNS = 500


class RunTallies:
    """Counts the visits of each run apart. Pass `add` to the reducer."""

    def __init__(self) -> None:
        self.by_run: dict[str, Tally] = {}

    def add(self, run: Run, event: Event, change: VisitChange) -> None:
        """Count a visit that `event`, which was just applied to `run`, ended."""
        tally = self.by_run.get(run.execution_id)
        if tally is None:
            tally = self.by_run[run.execution_id] = Tally()
        tally.add(run, event, change)


class CountedRuns:
    """The tallies of runs whose history changed last; those of others are made from `read_history`."""

    def __init__(self, read_history: ReadHistory) -> None:
        self._read_history = read_history
        self._tallies: LRUCache[str, Tally] = LRUCache(MAX_RUNS)

    def of(self, execution_ids: Iterable[str]) -> list[Tally]:
        """Return what is in the statistics of these runs."""
        return [self._tallies.get(key) or self._project(key) for key in execution_ids]

    def remember(self, tallies: Mapping[str, Tally]) -> None:
        """Remember what is in the statistics of runs. Call it after the commit."""
        self._tallies.update(tallies)

    def forget(self, execution_ids: Iterable[str]) -> None:
        """Forget runs that get new events, or are deleted."""
        for key in execution_ids:
            self._tallies.pop(key, None)

    def _project(self, execution_id: str) -> Tally:
        tally = Tally()
        project(execution_id, self._read_history(execution_id), tally.add)
        return tally
