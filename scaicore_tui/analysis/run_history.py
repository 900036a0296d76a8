"""A run as of any of its events: what a debugger shows when it steps back in time. Nothing is executed again. Pure."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate, islice

from msgspec.structs import replace

from scaicore_tui.protocol.events import Event
from scaicore_tui.runs.model import EventDeduplicator, NodeRunInfo, NodeVisit, Run, RunStatus
from scaicore_tui.runs.reduce import apply, apply_new
from scaicore_tui.timefmt import MICROS_PER_SECOND, format_iso, parse
from scaicore_tui.units import Micros

# A step back applies at most this many events again, or a 64th of all.
MIN_REPLAYED_EVENTS = 256
REPLAYED_SHARE = 64
_OFFSET = re.compile(r"\+(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h)", re.ASCII)
_TIME_OF_DAY = re.compile(r"\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?", re.ASCII)
_UNITS = {"ms": 1_000, "s": MICROS_PER_SECOND, "m": 60 * MICROS_PER_SECOND, "h": 3_600 * MICROS_PER_SECOND}
_DAY = 86_400 * MICROS_PER_SECOND
_MAX_DIGITS = 10


class RunHistory:
    """The events of one run, oldest first, without repeats. Event numbers count from 1, as in `Step.entered_event`.

    Of a very long run only the newest events are kept: `first` is the number of the oldest one that can be shown.
    """

    def __init__(self, execution_id: str, events: Iterable[Event], skip: int = 0) -> None:
        """Keep all events but the first `skip`, which count all the same."""
        run = Run(execution_id)
        rest = iter(events)
        for event in islice(rest, skip):
            apply(run, event)
        # The run before the first event that is kept.
        self._base = copy_run(run)
        self.first = run.event_count + 1
        self._events: list[Event] = []
        # The number of repeats before each event.
        self._repeats: list[int] = []
        for event in rest:
            if apply(run, event):
                self._events.append(event)
                self._repeats.append(run.duplicates)
        self._repeats.append(run.duplicates)
        self._saved = copy_run(self._base)
        begin = next((event.at for event in self._events if event.at is not None), None)
        self.began_at = run.first_event_at if skip else begin
        # Clocks differ: a time means the first event from which on none is older.
        self._latest: list[Micros] = list(accumulate((event.at or 0 for event in self._events), max))

    def __len__(self) -> int:
        """Return the number of the newest event."""
        return self.first - 1 + len(self._events)

    def event(self, number: int) -> Event:
        """Return an event, from number `first` on."""
        return self._events[number - self.first]

    def between(self, first: int, last: int) -> Sequence[Event]:
        """Return the events from one number to another, if they are kept."""
        return self._events[max(0, first - self.first) : max(0, last + 1 - self.first)]

    def at(self, number: int) -> Run:
        """Return the run as of event `number`, from the one before `first` to the last. The copy does not change.

        A run that has not ended then is running: which checkpoints were pending in the past is not known.
        """
        number = min(max(number, self.first - 1), len(self))
        if not 0 <= number - self._saved.event_count <= self._distance:
            self._save(max(self.first - 1, number - self._distance // 2))
        run = copy_run(self._saved)
        self._apply(run, number)
        run.status = run.outcome or RunStatus.RUNNING
        run.duplicates = self._repeats[number - self.first + 1]
        return run

    def feed_number(self, number: int) -> int:
        """Return the number of an event among all that the feed has of the run, repeats included."""
        return number + self._repeats[number - self.first]

    def number_at(self, at: Micros) -> int:
        """Return the number of the last event up to a time; that of the one before `first` if all are later."""
        return self.first - 1 + bisect_right(self._latest, at)

    @property
    def _distance(self) -> int:
        return max(MIN_REPLAYED_EVENTS, len(self._events) // REPLAYED_SHARE)

    def _save(self, number: int) -> None:
        """Save the run as of event `number`, from which later ones are made."""
        run = self._saved if self._saved.event_count <= number else copy_run(self._base)
        self._apply(run, number)
        self._saved = run

    def _apply(self, run: Run, number: int) -> None:
        for event in self.between(run.event_count + 1, number):
            apply_new(run, event)


def parse_moment(text: str, history: RunHistory) -> int | None:
    """Return the number of the event that `text` means; None if it is none of the run.

    `text` is a number; `+4.1s`, `+250ms` or `+2m` after the first event; a time of day in UTC; or a full timestamp.
    """
    if text.isdecimal():
        number = int(text) if len(text) < _MAX_DIGITS else 0
        return number if history.first <= number <= len(history) else None
    at = _parse_time(text, history.began_at)
    number = 0 if at is None else history.number_at(at)
    return number if number >= history.first else None


def _parse_time(text: str, begin: Micros | None) -> Micros | None:
    offset, time_of_day = _OFFSET.fullmatch(text), _TIME_OF_DAY.fullmatch(text)
    if begin is None or not (offset or time_of_day):
        return parse(text)
    if offset:
        return begin + round(float(offset[1]) * _UNITS[offset[2]])
    day = (format_iso(begin) or "")[:10]
    at = parse(f"{day}T{text}Z")
    if at is None:
        return None
    # A time without its date, of a run that went on after midnight.
    return at if at + MICROS_PER_SECOND > begin else at + _DAY


def copy_run(run: Run) -> Run:
    """Return a copy of a run with its nodes and visits. It recognizes no repeats.

    Visits that have ended are shared with the original: nothing changes them any more, except that the enter event of
    a node's newest visit may follow its end. A copy of 20,000 visits takes about a millisecond.
    """
    copies: dict[int, NodeVisit] = {}
    nodes = {id(node): _copy_node(node, copies) for node in run.nodes.values()}
    stacks = {
        kind: [(nodes[id(node)], copies[id(visit)]) for node, visit in stack if visit.is_open and id(visit) in copies]
        for kind, stack in run.open_visits.items()
    }
    return replace(
        run,
        nodes={key: nodes[id(node)] for key, node in run.nodes.items()},
        open_visits=stacks,
        anomalies=list(run.anomalies),
        seen=EventDeduplicator(),
    )


def _copy_node(node: NodeRunInfo, copies: dict[int, NodeVisit]) -> NodeRunInfo:
    """Return a copy of a node; the copies of its visits that may still change are added to `copies`, by identity."""
    changing = [*node.open_visits, *node.visits[-1:]]
    copies.update((id(visit), replace(visit)) for visit in changing)
    visits = list(node.visits)
    if node.open_visits:
        visits = [copies.get(id(visit), visit) for visit in visits]
    elif visits:
        visits[-1] = copies[id(visits[-1])]
    return replace(node, visits=visits, open_visits=[copies[id(visit)] for visit in node.open_visits])
