"""Projection of events into runs, and the cache of projected runs.

`RunProjector` applies new events and returns a `Delta` with the new summaries; it keeps recently changed runs.
`RunCache` serves complete runs to readers. A run that neither holds any more is projected again from its stored events.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from cachetools import LRUCache

from scaicore_tui.protocol.events import Event
from scaicore_tui.runs.delta import Delta
from scaicore_tui.runs.model import Run
from scaicore_tui.runs.reduce import OnVisitEnded, apply
from scaicore_tui.runs.summary import Summary, summary_of, to_partial_run
from scaicore_tui.units import Position

# Returns the events of a run with their positions, oldest first.
ReadHistory = Callable[[str], Iterable[tuple[Position, Event]]]
# Returns those of these ids that have stored events.
FindStored = Callable[[Sequence[str]], Iterable[str]]
# Runs that a projector keeps: unfinished ones, and finished ones, for which few events follow.
MAX_ACTIVE_RUNS = 1_000
MAX_ENDED_RUNS = 50


def count_unreadable(events: Iterable[Event]) -> int:
    """Return the number of events that could not be read completely."""
    return sum(not event.is_complete for event in events)


def project(
    execution_id: str, history: Iterable[tuple[Position, Event]], on_ended: OnVisitEnded | None = None
) -> tuple[Run, int | None]:
    """Reduce a complete history to its run; also return the position of its first event, None without events."""
    run, first = Run(execution_id), None
    for position, event in history:
        first = position if first is None else first
        apply(run, event, on_ended)
    return run, first


class RunProjector:
    """Applies new events to their runs. Keeps recently changed runs; others are read with `read_history`."""

    def __init__(
        self, read_history: ReadHistory, max_runs: int = MAX_ACTIVE_RUNS, find_stored: FindStored | None = None
    ) -> None:
        """Without `find_stored`, any run may have events before."""
        self._read_history = read_history
        self._find_stored = find_stored
        # Each run with the position of its first event; finished runs separately.
        self._runs: LRUCache[str, tuple[Run, int]] = LRUCache(max_runs)
        self._ended: LRUCache[str, tuple[Run, int]] = LRUCache(min(max_runs, MAX_ENDED_RUNS))

    def apply(self, events: Sequence[Event], first_position: Position, on_ended: OnVisitEnded | None = None) -> Delta:
        """Apply `events`, oldest first, whose positions start at `first_position`. They must not be stored yet.

        `on_ended` is called for each visit that they end.
        """
        changed = self._take(events)
        live_event_counts: Counter[str] = Counter()
        for position, event in enumerate(events, first_position):
            execution_id = event.fields.execution_id
            if not execution_id:
                continue
            entry = changed.get(execution_id)
            if entry is None:
                entry = changed[execution_id] = (Run(execution_id), position)
            if apply(entry[0], event, on_ended):
                live_event_counts[execution_id] += 1
        self._put_back(changed)
        upserted = {
            key: summary_of(run, position) for key, (run, position) in changed.items() if live_event_counts[key]
        }
        last = first_position + len(events) - 1
        return Delta(
            upserted,
            event_count=len(events),
            unreadable_count=count_unreadable(events),
            events=events,
            last_position=last,
            live_event_counts=live_event_counts,
            is_history=False,
        )

    def rebuild(
        self,
        execution_ids: Iterable[str],
        events: Sequence[Event] = (),
        on_ended: OnVisitEnded | None = None,
        *,
        is_history: bool = True,
    ) -> Delta:
        """Project runs again from their stored events, after `events` were inserted before or between others.

        `on_ended` is called for each ended visit of their histories. `is_history` is False for events that fill a gap:
        these are new, although late.
        """
        upserted = {}
        for execution_id in execution_ids:
            self._pop(execution_id)
            run, position = project(execution_id, self._read_history(execution_id), on_ended)
            if position is not None:
                upserted[execution_id] = summary_of(run, position)
        return Delta(
            upserted, event_count=len(events), unreadable_count=count_unreadable(events), is_history=is_history
        )

    def forget(self, execution_ids: Iterable[str]) -> None:
        """Drop runs whose events were deleted."""
        for execution_id in execution_ids:
            self._pop(execution_id)

    def _take(self, events: Iterable[Event]) -> dict[str, tuple[Run, int]]:
        """Return the runs of `events` that had events before, kept ones or from their histories, with their positions.

        They are not kept any more. Which of the others are stored is asked once for all.
        """
        ids = [key for key in dict.fromkeys(event.fields.execution_id for event in events) if key]
        taken = {key: entry for key in ids if (entry := self._pop(key)) is not None}
        others = [key for key in ids if key not in taken]
        for key in others if self._find_stored is None else self._find_stored(others):
            run, first = project(key, self._read_history(key))
            if first is not None:
                taken[key] = (run, first)
        return taken

    def _pop(self, execution_id: str) -> tuple[Run, int] | None:
        return self._runs.pop(execution_id, None) or self._ended.pop(execution_id, None)

    def _put_back(self, changed: dict[str, tuple[Run, int]]) -> None:
        for execution_id, entry in changed.items():
            runs = self._ended if entry[0].is_over else self._runs
            if runs.maxsize:
                runs[execution_id] = entry


MAX_CACHED_RUNS = 64


class RunCache:
    """Complete runs by id. A missing run is read with `read_history`; those used last are kept.

    If `fold_in_background` is set, a missing run is returned partial (`is_loading`): the callback gets its id and
    passes the loaded run to `complete`. `find_summary` returns the summary of a run if it is in memory.
    """

    def __init__(self, find_summary: Callable[[str], Summary | None], read_history: ReadHistory) -> None:
        self.fold_in_background: Callable[[str], None] | None = None
        self._find_summary = find_summary
        self._read_history = read_history
        self._cached: LRUCache[str, Run] = LRUCache(MAX_CACHED_RUNS)
        # New events of runs that are being loaded.
        self._queued_events: dict[str, list[Event]] = {}

    def get(self, execution_id: str) -> Run | None:
        """Return the run; None if its summary is not in memory."""
        summary = self._find_summary(execution_id)
        if summary is None:
            return None
        run = self._cached.get(execution_id)
        if run is None:
            run = self._load(summary)
            if not run.is_loading:
                self._cached[execution_id] = run
        run.status = summary.status
        return run

    def __getitem__(self, execution_id: str) -> Run:
        run = self.get(execution_id)
        if run is None:
            raise KeyError(execution_id)
        return run

    @property
    def held_ids(self) -> frozenset[str]:
        """The ids of the complete runs in memory, and of those that are being loaded."""
        return frozenset((*self._cached, *self._queued_events))

    def event_count(self, execution_id: str) -> int | None:
        """Return the number of events of a complete run in memory, without repeats; None if it is not there."""
        run = self._cached.get(execution_id)
        return None if run is None else run.event_count

    def is_cached(self, execution_id: str) -> bool:
        """Return True if the complete run is in memory."""
        return execution_id in self._cached

    def complete(self, execution_id: str, run: Run) -> bool:
        """Store a run that was loaded in the background; return False if it is outdated, as its history changed.

        `run` has the events up to the time of the request; events that were queued since then are applied.
        """
        queued = self._queued_events.pop(execution_id, None)
        if queued is None:
            return False
        for event in queued:
            apply(run, event)
        self._cached[execution_id] = run
        return True

    def apply_events(self, events: Iterable[Event]) -> None:
        """Apply new events to the cached runs, and queue those of runs that are being loaded."""
        for event in events:
            key = event.execution_id or ""
            if key in self._queued_events:
                self._queued_events[key].append(event)
            elif key in self._cached:
                apply(self._cached[key], event)

    def forget(self, execution_ids: Iterable[str]) -> None:
        """Drop runs whose histories changed other than at the end, so that they are read again."""
        for execution_id in execution_ids:
            self._cached.pop(execution_id, None)
            self._queued_events.pop(execution_id, None)

    def set_status(self, summary: Summary) -> None:
        """Copy the status of `summary` to the cached run."""
        run = self._cached.get(summary.execution_id)
        if run is not None:
            run.status = summary.status

    def _load(self, summary: Summary) -> Run:
        key = summary.execution_id
        if self.fold_in_background is None:
            return project(key, self._read_history(key))[0]
        if key not in self._queued_events:
            self._queued_events[key] = []
            self.fold_in_background(key)
        return to_partial_run(summary)
