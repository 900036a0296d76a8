"""The fold at work: the runs that events come for now, and no others.

A run that nothing came for in a while is let go; when something does, it is folded anew from its history.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from msgspec import Struct, field

from scaicore_tui.runs.fold import fold
from scaicore_tui.runs.model import Run
from scaicore_tui.runs.summary import Summary, summary_of
from scaicore_tui.wire.events import Event

# A run's events with their places in the feed, oldest first.
History = Callable[[str], Iterable[tuple[int, Event]]]
# How many runs are held, and how many of those that are over: for these, little comes after.
ROOM = 1_000
ROOM_FOR_OVER = 50


class Change(Struct, frozen=True):
    """What new events made of runs; so many are `unreadable`, or in part. `arrivals` counts, for each run, those that
    came as news and changed it.

    News at the feed's head has its `events`, and the place of the `last`; what came in between or before has neither.
    `is_history` is what nobody waited for: no arrivals are counted.
    """

    summaries: dict[str, Summary] = field(default_factory=dict)
    event_count: int = 0
    unreadable: int = 0
    arrivals: Counter[str] = field(default_factory=Counter)
    events: Sequence[Event] = ()
    last: int | None = None
    is_history: bool = True


def unreadable(events: Iterable[Event]) -> int:
    """How many of them can't be read, or only in part."""
    return sum(not event.is_whole for event in events)


def fold_all(execution_id: str, history: Iterable[tuple[int, Event]]) -> tuple[Run, int | None]:
    """The run that a whole history makes, and the place of its first event; None where there is none."""
    run, first = Run(execution_id), None
    for place, event in history:
        first = place if first is None else first
        fold(run, event)
    return run, first


class Folder:
    """Folds events into runs, of which it holds those in use. `history` tells what is stored of one."""

    def __init__(self, history: History, room: int = ROOM) -> None:
        self._history = history
        self._room = room
        # The least recently touched first, each with the place of its first event; those that are over apart.
        self._runs: dict[str, tuple[Run, int]] = {}
        self._over: dict[str, tuple[Run, int]] = {}

    def news(self, events: Sequence[Event], first: int) -> Change:
        """Fold `events`, oldest first, which stand from place `first` on and are not in the history yet."""
        touched: dict[str, tuple[Run, int]] = {}
        arrivals: Counter[str] = Counter()
        for place, event in enumerate(events, first):
            execution_id = event.execution_id
            if execution_id is None:
                continue
            held = touched.get(execution_id)
            if held is None:
                held = touched[execution_id] = self._take(execution_id, place)
            if fold(held[0], event):
                arrivals[execution_id] += 1
        self._put_back(touched)
        summaries = {key: summary_of(run, place) for key, (run, place) in touched.items() if arrivals[key]}
        last = first + len(events) - 1
        return Change(summaries, len(events), unreadable(events), arrivals, events, last, is_history=False)

    def again(self, execution_ids: Iterable[str], events: Sequence[Event] = (), *, is_history: bool = True) -> Change:
        """Fold these runs anew: `events` were put into their histories, or they were never folded.

        A fold can't be run backwards. News that comes late, between other events, is no history.
        """
        summaries = {}
        for execution_id in execution_ids:
            self._pop(execution_id)
            run, place = fold_all(execution_id, self._history(execution_id))
            if place is not None:
                summaries[execution_id] = summary_of(run, place)
        return Change(summaries, len(events), unreadable(events), is_history=is_history)

    def forget(self, execution_ids: Iterable[str]) -> None:
        """Of these nothing is stored any more."""
        for execution_id in execution_ids:
            self._pop(execution_id)

    def _take(self, execution_id: str, place: int) -> tuple[Run, int]:
        """The run, out of those in use or out of its history; new at `place` where there is none."""
        held = self._pop(execution_id)
        if held is not None:
            return held
        run, first = fold_all(execution_id, self._history(execution_id))
        return run, place if first is None else first

    def _pop(self, execution_id: str) -> tuple[Run, int] | None:
        return self._runs.pop(execution_id, None) or self._over.pop(execution_id, None)

    def _put_back(self, touched: dict[str, tuple[Run, int]]) -> None:
        for execution_id, held in touched.items():
            (self._over if held[0].is_over else self._runs)[execution_id] = held
        for runs, room in ((self._runs, self._room), (self._over, min(self._room, ROOM_FOR_OVER))):
            for execution_id in list(islice(runs, max(0, len(runs) - room))):
                del runs[execution_id]
