"""A run as of any of its events: what a debugger shows when it steps back in time. Nothing is executed again. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate

from msgspec.structs import replace

from scaicore_tui.protocol.events import Event
from scaicore_tui.runs.model import EventDeduplicator, NodeRunInfo, NodeVisit, Run, RunStatus
from scaicore_tui.runs.reduce import apply, apply_new
from scaicore_tui.units import Micros

# A step back applies at most this many events again, or a 64th of all.
MIN_REPLAYED_EVENTS = 256
REPLAYED_SHARE = 64


class RunHistory:
    """The events of one run, oldest first, without repeats. Event numbers count from 1, as in `Step.entered_event`."""

    def __init__(self, execution_id: str, events: Iterable[Event]) -> None:
        run = Run(execution_id)
        self._execution_id = execution_id
        self.events: Sequence[Event] = [event for event in events if apply(run, event)]
        self._saved = Run(execution_id)
        # Clocks differ: a time means the first event from which on none is older.
        self._latest: list[Micros] = list(accumulate((event.at or 0 for event in self.events), max))

    def __len__(self) -> int:
        return len(self.events)

    def at(self, number: int) -> Run:
        """Return the run as of event `number`, from 0 (nothing known) to the last. It is a copy that does not change.

        A run that has not ended then is running: which checkpoints were pending in the past is not known.
        """
        number = min(max(number, 0), len(self.events))
        if not 0 <= number - self._saved.event_count <= self._distance:
            self._save(max(0, number - self._distance // 2))
        run = copy_run(self._saved)
        self._apply(run, number)
        run.status = run.outcome or RunStatus.RUNNING
        return run

    def number_at(self, at: Micros) -> int:
        """Return the number of the last event up to a time; 0 if all are later."""
        return bisect_right(self._latest, at)

    @property
    def _distance(self) -> int:
        return max(MIN_REPLAYED_EVENTS, len(self.events) // REPLAYED_SHARE)

    def _save(self, number: int) -> None:
        """Save the run as of event `number`, from which later ones are made."""
        run = self._saved if self._saved.event_count <= number else Run(self._execution_id)
        self._apply(run, number)
        self._saved = run

    def _apply(self, run: Run, number: int) -> None:
        for event in self.events[run.event_count : number]:
            apply_new(run, event)


def run_at(execution_id: str, events: Iterable[Event], number: int) -> Run:
    """Return a run as of event `number`. To step through many, keep a RunHistory."""
    return RunHistory(execution_id, events).at(number)


def copy_run(run: Run) -> Run:
    """Return a copy of a run with its nodes and visits. It recognizes no repeats."""
    visits: dict[int, NodeVisit] = {}
    nodes: dict[int, NodeRunInfo] = {}
    for node in run.nodes.values():
        for visit in (*node.visits, *node.open_visits):
            visits.setdefault(id(visit), replace(visit))
        nodes[id(node)] = replace(
            node,
            visits=[visits[id(visit)] for visit in node.visits],
            open_visits=[visits[id(visit)] for visit in node.open_visits],
        )
    stacks = {
        kind: [(nodes[id(node)], visits[id(visit)]) for node, visit in stack if id(visit) in visits]
        for kind, stack in run.open_visits.items()
    }
    return replace(
        run,
        nodes={key: nodes[id(node)] for key, node in run.nodes.items()},
        open_visits=stacks,
        anomalies=list(run.anomalies),
        seen=EventDeduplicator(),
    )
