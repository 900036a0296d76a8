"""Runs in full, by id: a mapping over all of them that holds only the few that were asked for last."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from scaicore_tui.runs.fold import fold
from scaicore_tui.runs.folder import History, fold_all
from scaicore_tui.runs.model import Run
from scaicore_tui.runs.ordered import Ordered
from scaicore_tui.runs.summary import Summary, partly
from scaicore_tui.wire.events import Event

ROOM = 64
# So many events are folded while somebody waits for them.
AT_ONCE = 2_000


class Shelf(Mapping[str, Run]):
    """Full runs, oldest first. One that is asked for is folded from its `history`, and stays while it is in use.

    Where somebody folds long ones `aside`, one of those is partial until it is `put`; it is called with its id.
    """

    def __init__(self, summaries: Mapping[str, Summary], order: Ordered, history: History) -> None:
        self.aside: Callable[[str], None] | None = None
        self._summaries = summaries
        self._order = order
        self._history = history
        self._held: dict[str, Run] = {}
        # What came for those that are folded aside, meanwhile.
        self._awaited: dict[str, list[Event]] = {}

    def __getitem__(self, execution_id: str) -> Run:
        summary = self._summaries[execution_id]
        run = self._held.pop(execution_id, None) or self._folded(summary)
        run.status = summary.status
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

    def put(self, execution_id: str, run: Run) -> bool:
        """It was folded aside, from all that there was when it was asked for; False where that is not its history any
        more."""
        came = self._awaited.pop(execution_id, None)
        if came is None:
            return False
        for event in came:
            fold(run, event)
        self._held[execution_id] = run
        return True

    def follow(self, events: Iterable[Event]) -> None:
        """News came: fold it into the runs that are held."""
        for event in events:
            key = event.execution_id or ""
            run = self._held.get(key)
            if key in self._awaited:
                self._awaited[key].append(event)
            elif run is not None:
                fold(run, event)

    def forget(self, execution_ids: Iterable[str]) -> None:
        """The histories of these changed: fold them anew when they are asked for."""
        for execution_id in execution_ids:
            self._held.pop(execution_id, None)
            self._awaited.pop(execution_id, None)

    def restate(self, summary: Summary) -> None:
        """The status changed."""
        run = self._held.get(summary.execution_id)
        if run is not None:
            run.status = summary.status

    def _folded(self, summary: Summary) -> Run:
        key = summary.execution_id
        if self.aside is None or summary.event_count <= AT_ONCE:
            return fold_all(key, self._history(key))[0]
        if key not in self._awaited:
            self._awaited[key] = []
            self.aside(key)
        return partly(summary)
