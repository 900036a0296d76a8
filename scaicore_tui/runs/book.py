"""All runs known, in the order their first event stands in the feed, with their statuses kept up to date.

Pure: fed with events and checkpoints, asked by both front ends.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence

from scaicore_tui.runs.fold import fold
from scaicore_tui.runs.model import Run, RunStatus
from scaicore_tui.wire.checkpoints import Checkpoint
from scaicore_tui.wire.events import Event


class RunBook:
    """Runs by `execution_id`, oldest first, and how many there are of each status."""

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self.counts: Counter[RunStatus] = Counter()
        self.event_count = 0
        # Of each run, the events that came in as news, and not as history.
        self.arrivals: Counter[str] = Counter()
        self._waiting: frozenset[str] = frozenset()

    def apply(self, events: Iterable[Event]) -> set[str]:
        """Fold `events`, oldest first and newer than all before; returns the ids of the runs that changed."""
        changed = set()
        for event in events:
            self.event_count += 1
            run = self._run_of(event)
            if run is not None and fold(run, event):
                self.arrivals[run.execution_id] += 1
                changed.add(run.execution_id)
        for execution_id in changed:
            self._restate(self.runs[execution_id])
        return changed

    def prepend(self, histories: dict[str, Sequence[Event]], event_count: int) -> set[str]:
        """Take in older events: whole histories of all the runs they touch, oldest run first.

        A fold can't be run backwards: a run that history touches is folded anew from all its events. `event_count`
        is the number of events that are new to the book.
        """
        self.event_count += event_count
        newer = {key: run for key, run in self.runs.items() if key not in histories}
        for execution_id in self.runs.keys() & histories.keys():
            self.counts[self.runs[execution_id].status] -= 1
        self.runs = {}
        for execution_id, events in histories.items():
            run = self._new_run(execution_id)
            for event in events:
                fold(run, event)
            self._restate(run)
        self.runs |= newer
        return set(histories)

    def insert(self, histories: dict[str, Sequence[Event]], event_count: int) -> set[str]:
        """Take in news that lies between other events: whole histories of all the runs they touch.

        A run that is new, or began earlier than known, is put where its first event's time belongs.
        """
        self.event_count += event_count
        moving: list[Run] = []
        for execution_id, events in histories.items():
            old = self.runs.get(execution_id)
            run = Run(execution_id)
            self.counts[(old or run).status] -= old is not None
            self.counts[run.status] += 1
            for event in events:
                fold(run, event)
            self._restate(run)
            self.arrivals[execution_id] += run.event_count - (old.event_count if old else 0)
            if old is not None and old.first_event_at == run.first_event_at:
                self.runs[execution_id] = run
            else:
                self.runs.pop(execution_id, None)
                moving.append(run)
        self._place(moving)
        return set(histories)

    def _place(self, moving: list[Run]) -> None:
        moving.sort(key=_began)
        later: list[Run] = []
        while moving and self.runs and _began(next(reversed(self.runs.values()))) > _began(moving[0]):
            later.append(self.runs.popitem()[1])
        self.runs.update((run.execution_id, run) for run in heapq.merge(later[::-1], moving, key=_began))

    def wait(self, pending: Iterable[Checkpoint]) -> set[str]:
        """Take the pending checkpoints as they are now; returns the ids of the runs whose status changed."""
        waiting = frozenset(checkpoint.execution_id for checkpoint in pending if checkpoint.execution_id)
        moved = {key for key in waiting ^ self._waiting if key in self.runs}
        self._waiting = waiting
        return {key for key in moved if self._restate(self.runs[key])}

    def newest_first(self) -> list[Run]:
        """All runs, newest first."""
        return list(reversed(self.runs.values()))

    def find(self, prefix: str) -> list[Run]:
        """The runs whose id is or begins with `prefix`; `@latest` is the newest."""
        if prefix == "@latest":
            return list(self.runs.values())[-1:]
        if prefix in self.runs:
            return [self.runs[prefix]]
        return [run for key, run in self.runs.items() if key.startswith(prefix)]

    def _run_of(self, event: Event) -> Run | None:
        """The run that `event` belongs to, made where it is the first; None for an event outside all runs."""
        execution_id = event.execution_id
        if execution_id is None:
            return None
        return self.runs.get(execution_id) or self._new_run(execution_id)

    def _new_run(self, execution_id: str) -> Run:
        run = self.runs[execution_id] = Run(execution_id)
        self.counts[run.status] += 1
        return run

    def _restate(self, run: Run) -> bool:
        """Bring the run's status up to date; whether it changed."""
        status = self._status(run)
        if status is run.status:
            return False
        self.counts[run.status] -= 1
        self.counts[status] += 1
        run.status = status
        return True

    def _status(self, run: Run) -> RunStatus:
        if run.outcome is not None:
            return run.outcome
        if run.execution_id in self._waiting:
            return RunStatus.WAITING
        return RunStatus.RUNNING if run.is_runtime else RunStatus.UNKNOWN


def _began(run: Run) -> int:
    return run.first_event_at or 0
