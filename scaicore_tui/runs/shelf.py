"""Runs in full, by id: a mapping over all of them that holds only the few that were asked for last."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from scaicore_tui.runs.fold import fold
from scaicore_tui.runs.folder import History, fold_all
from scaicore_tui.runs.model import Run
from scaicore_tui.runs.ordered import Ordered
from scaicore_tui.runs.summary import Summary
from scaicore_tui.wire.events import Event

ROOM = 64


class Shelf(Mapping[str, Run]):
    """Full runs, oldest first. One that is asked for is folded from its `history`, and stays while it is in use."""

    def __init__(self, summaries: Mapping[str, Summary], order: Ordered, history: History) -> None:
        self._summaries = summaries
        self._order = order
        self._history = history
        self._held: dict[str, Run] = {}

    def __getitem__(self, execution_id: str) -> Run:
        status = self._summaries[execution_id].status
        run = self._held.pop(execution_id, None) or fold_all(execution_id, self._history(execution_id))[0]
        run.status = status
        self._held[execution_id] = run
        if len(self._held) > ROOM:
            del self._held[next(iter(self._held))]
        return run

    def __contains__(self, execution_id: object) -> bool:
        return execution_id in self._summaries

    def __iter__(self) -> Iterator[str]:
        return (summary.execution_id for summary in self._order)

    def __len__(self) -> int:
        return len(self._summaries)

    def follow(self, events: Iterable[Event]) -> None:
        """News came: fold it into the runs that are held."""
        for event in events:
            run = self._held.get(event.execution_id or "")
            if run is not None:
                fold(run, event)

    def forget(self, execution_ids: Iterable[str]) -> None:
        """The histories of these changed: fold them anew when they are asked for."""
        for execution_id in execution_ids:
            self._held.pop(execution_id, None)

    def restate(self, summary: Summary) -> None:
        """The status changed."""
        run = self._held.get(summary.execution_id)
        if run is not None:
            run.status = summary.status
