"""The fold at work: the runs that events come for now, and no others.

A run that nothing came for in a while is let go; when something does, it is folded anew from its history.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from operator import attrgetter

from msgspec import Struct, field

from scaicore_tui.protocol.events import Event
from scaicore_tui.runs.model import Run
from scaicore_tui.runs.reduce import apply
from scaicore_tui.runs.summary import Summary, summary_of, to_partial_run

_position = attrgetter("position")


class SortedSummaries:
    """A list of summaries that stays sorted by their places. No two runs share a place."""

    def __init__(self, rows: Iterable[Summary] = ()) -> None:
        self._rows = sorted(rows, key=_position)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Summary:
        return self._rows[index]

    def __iter__(self) -> Iterator[Summary]:
        return iter(self._rows)

    def __reversed__(self) -> Iterator[Summary]:
        return reversed(self._rows)

    def index(self, position: int) -> int | None:
        """Where the summary of that place is; None where it is not in the list."""
        index = self._count_below(position)
        return index if index < len(self._rows) and self._rows[index].position == position else None

    def count_above(self, position: int) -> int:
        """How many stand above that place, whether one is there or not."""
        return len(self._rows) - self._count_below(position + 1)

    def put(self, summary: Summary) -> None:
        """Add a summary, or replace the one of the same place."""
        index = self._count_below(summary.position)
        self._rows[index : index + (self.index(summary.position) is not None)] = [summary]

    def remove(self, position: int) -> None:
        """Take the summary of that place out, if it is there."""
        index = self.index(position)
        if index is not None:
            del self._rows[index]

    def extend(self, rows: Iterable[Summary]) -> None:
        """Add many at once, of places that are not in the list. Those that all belong in one spot cost no sorting."""
        new = sorted(rows, key=_position)
        if not new:
            return
        begin, end = self._count_below(new[0].position), self._count_below(new[-1].position)
        self._rows[begin:begin] = new
        if begin != end:
            self._rows.sort(key=_position)

    def _count_below(self, position: int) -> int:
        """How many stand before that place. News comes at the end."""
        rows = self._rows
        return len(rows) if not rows or rows[-1].position < position else bisect_left(rows, position, key=_position)


# A run's events with their places in the feed, oldest first.
ReadHistory = Callable[[str], Iterable[tuple[int, Event]]]
# How many runs are held, and how many of those that are over: for these, little comes after.
MAX_ACTIVE_RUNS = 1_000
MAX_ENDED_RUNS = 50


class Delta(Struct, frozen=True):
    """What new events made of runs; so many are `unreadable`, or in part. `arrivals` counts, for each run, those that
    came as news and changed it.

    News at the feed's head has its `events`, and the place of the `last`; what came in between or before has neither.
    `is_history` is what nobody waited for: no arrivals are counted.
    """

    summaries: dict[str, Summary] = field(default_factory=dict)
    event_count: int = 0
    unreadable_count: int = 0
    live_event_counts: Counter[str] = field(default_factory=Counter)
    events: Sequence[Event] = ()
    last_position: int | None = None
    is_history: bool = True


def count_unreadable(events: Iterable[Event]) -> int:
    """How many of them can't be read, or only in part."""
    return sum(not event.is_complete for event in events)


def project(execution_id: str, history: Iterable[tuple[int, Event]]) -> tuple[Run, int | None]:
    """The run that a whole history makes, and the place of its first event; None where there is none."""
    run, first = Run(execution_id), None
    for place, event in history:
        first = place if first is None else first
        apply(run, event)
    return run, first


class RunProjector:
    """Folds events into runs, of which it holds those in use. `history` tells what is stored of one."""

    def __init__(self, read_history: ReadHistory, max_runs: int = MAX_ACTIVE_RUNS) -> None:
        self._read_history = read_history
        self._max_runs = max_runs
        # The least recently touched first, each with the place of its first event; those that are over apart.
        self._runs: dict[str, tuple[Run, int]] = {}
        self._ended: dict[str, tuple[Run, int]] = {}

    def apply(self, events: Sequence[Event], first_position: int) -> Delta:
        """Fold `events`, oldest first, which stand from place `first` on and are not in the history yet."""
        touched: dict[str, tuple[Run, int]] = {}
        arrivals: Counter[str] = Counter()
        for place, event in enumerate(events, first_position):
            execution_id = event.execution_id
            if execution_id is None:
                continue
            held = touched.get(execution_id)
            if held is None:
                held = touched[execution_id] = self._get(execution_id, place)
            if apply(held[0], event):
                arrivals[execution_id] += 1
        self._put_back(touched)
        summaries = {key: summary_of(run, place) for key, (run, place) in touched.items() if arrivals[key]}
        last = first_position + len(events) - 1
        return Delta(summaries, len(events), count_unreadable(events), arrivals, events, last, is_history=False)

    def rebuild(self, execution_ids: Iterable[str], events: Sequence[Event] = (), *, is_history: bool = True) -> Delta:
        """Fold these runs anew: `events` were put into their histories, or they were never folded.

        A fold can't be run backwards. News that comes late, between other events, is no history.
        """
        summaries = {}
        for execution_id in execution_ids:
            self._pop(execution_id)
            run, place = project(execution_id, self._read_history(execution_id))
            if place is not None:
                summaries[execution_id] = summary_of(run, place)
        return Delta(summaries, len(events), count_unreadable(events), is_history=is_history)

    def forget(self, execution_ids: Iterable[str]) -> None:
        """Of these nothing is stored any more."""
        for execution_id in execution_ids:
            self._pop(execution_id)

    def _get(self, execution_id: str, position: int) -> tuple[Run, int]:
        """The run, out of those in use or out of its history; new at `place` where there is none."""
        held = self._pop(execution_id)
        if held is not None:
            return held
        run, first = project(execution_id, self._read_history(execution_id))
        return run, position if first is None else first

    def _pop(self, execution_id: str) -> tuple[Run, int] | None:
        return self._runs.pop(execution_id, None) or self._ended.pop(execution_id, None)

    def _put_back(self, touched: dict[str, tuple[Run, int]]) -> None:
        for execution_id, held in touched.items():
            (self._ended if held[0].is_over else self._runs)[execution_id] = held
        for runs, room in ((self._runs, self._max_runs), (self._ended, min(self._max_runs, MAX_ENDED_RUNS))):
            for execution_id in list(islice(runs, max(0, len(runs) - room))):
                del runs[execution_id]


MAX_CACHED_RUNS = 64
# So many events are folded while somebody waits for them.
MAX_INLINE_EVENTS = 2_000


class RunCache(Mapping[str, Run]):
    """Full runs, oldest first. One that is asked for is folded from its `history`, and stays while it is in use.

    Where somebody folds long ones `aside`, one of those is partial until it is `put`; it is called with its id.
    """

    def __init__(self, summaries: Mapping[str, Summary], order: SortedSummaries, read_history: ReadHistory) -> None:
        self.fold_in_background: Callable[[str], None] | None = None
        self._summaries = summaries
        self._order = order
        self._read_history = read_history
        self._cached: dict[str, Run] = {}
        # What came for those that are folded aside, meanwhile.
        self._queued_events: dict[str, list[Event]] = {}

    def __getitem__(self, execution_id: str) -> Run:
        summary = self._summaries[execution_id]
        run = self._cached.pop(execution_id, None) or self._load(summary)
        run.status = summary.status
        self._cached[execution_id] = run
        if len(self._cached) > MAX_CACHED_RUNS:
            del self._cached[next(iter(self._cached))]
        return run

    def __contains__(self, execution_id: object) -> bool:
        return execution_id in self._summaries

    def __iter__(self) -> Iterator[str]:
        return (summary.execution_id for summary in self._order)

    def __len__(self) -> int:
        return len(self._summaries)

    def complete(self, execution_id: str, run: Run) -> bool:
        """It was folded aside, from all that there was when it was asked for; False where that is not its history any
        more."""
        came = self._queued_events.pop(execution_id, None)
        if came is None:
            return False
        for event in came:
            apply(run, event)
        self._cached[execution_id] = run
        return True

    def apply_events(self, events: Iterable[Event]) -> None:
        """News came: fold it into the runs that are held."""
        for event in events:
            key = event.execution_id or ""
            run = self._cached.get(key)
            if key in self._queued_events:
                self._queued_events[key].append(event)
            elif run is not None:
                apply(run, event)

    def forget(self, execution_ids: Iterable[str]) -> None:
        """The histories of these changed: fold them anew when they are asked for."""
        for execution_id in execution_ids:
            self._cached.pop(execution_id, None)
            self._queued_events.pop(execution_id, None)

    def set_status(self, summary: Summary) -> None:
        """The status changed."""
        run = self._cached.get(summary.execution_id)
        if run is not None:
            run.status = summary.status

    def _load(self, summary: Summary) -> Run:
        key = summary.execution_id
        if self.fold_in_background is None or summary.event_count <= MAX_INLINE_EVENTS:
            return project(key, self._read_history(key))[0]
        if key not in self._queued_events:
            self._queued_events[key] = []
            self.fold_in_background(key)
        return to_partial_run(summary)
