"""Counts the visits of nodes, by Core, node and day, while the reducer applies events.

The counts of a run follow from its events in feed order alone: applied again, the same events give the same counts. So
what was counted for a run can be taken out again, and counts of runs, days and journals can be added.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

import msgspec

from scaicore_tui.analysis.statistics.histogram import Histogram
from scaicore_tui.analysis.statistics.usage import USAGE_MARK, usage_of
from scaicore_tui.analysis.step_parents import CONTAINER_KINDS
from scaicore_tui.analysis.steps import PERSON_KINDS
from scaicore_tui.protocol.events import Event
from scaicore_tui.runs.model import NodeRunInfo, NodeState, NodeVisit, Run
from scaicore_tui.runs.reduce import VisitChange
from scaicore_tui.runs.summary import MAX_NAME_CHARS
from scaicore_tui.timefmt import MICROS_PER_SECOND
from scaicore_tui.units import Micros

DAY_MICROS = 86_400 * MICROS_PER_SECOND
_MAY_WAIT = PERSON_KINDS | CONTAINER_KINDS
_FAILED = NodeState.FAILED


class NodeDay(NamedTuple):
    """A node of a Core on the day, UTC, on which visits ended: `day` counts from 1970. Unknown texts are empty."""

    core_id: str
    node_id: str
    block_kind: str
    day: int


class NodeCounts(msgspec.Struct, frozen=True, gc=False):
    """Counts of ended visits. `waits` has the durations of those that waited for a person, `durations` the others.

    Attributes:
        with_usage: visits whose payload told tokens; the sums of tokens are over these.
        cost_nanos: billionths of the unit of cost that the payloads use, over the visits `with_cost`.
    """

    durations: Histogram = Histogram()
    waits: Histogram = Histogram()
    visits: int = 0
    failed: int = 0
    with_usage: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    with_cost: int = 0
    cost_nanos: int = 0

    def __add__(self, other: NodeCounts) -> NodeCounts:
        return NodeCounts(*[getattr(self, name) + getattr(other, name) for name in self.__struct_fields__])

    def __sub__(self, other: NodeCounts) -> NodeCounts:
        return NodeCounts(*[getattr(self, name) - getattr(other, name) for name in self.__struct_fields__])


NO_COUNTS = NodeCounts()
Counts: TypeAlias = Mapping[NodeDay, NodeCounts]


class _Day(msgspec.Struct, array_like=True):
    """The visits of one node on one day; durations in microseconds. `unknown`: visits without a duration."""

    durations: list[Micros] = []
    waits: list[Micros] = []
    unknown: int = 0
    failed: int = 0
    with_usage: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    with_cost: int = 0
    cost_nanos: int = 0

    def extend(self, other: _Day) -> None:
        """Add the visits of `other`."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def counts(self) -> NodeCounts:
        durations, waits, unknown, *sums = msgspec.structs.astuple(self)
        visits = len(durations) + len(waits) + unknown
        return NodeCounts(Histogram.of(durations), Histogram.of(waits), visits, *sums)


# Core, node id, block kind, and day.
_Key: TypeAlias = tuple[str | None, str | None, str | None, int]


class Tally:
    """Counts the visits that end. Pass `add` to the reducer."""

    def __init__(self) -> None:
        self._days: dict[_Key, _Day] = {}

    def add(self, run: Run, event: Event, change: VisitChange) -> None:
        """Count a visit that `event`, which was just applied to `run`, ended. This runs for each second event."""
        node, visit = change
        ended_at, entered_at, kind = visit.ended_at, visit.entered_at, node.block_kind
        if ended_at is None or entered_at is None or visit.ended_event != run.event_count:
            self._add_incomplete(run, event, change)
            return
        day = self._day((run.core_id, node.node_id, kind, ended_at // DAY_MICROS))
        if kind in _MAY_WAIT and _waited(run, node, visit):
            day.waits.append(ended_at - entered_at)
        else:
            day.durations.append(ended_at - entered_at)
        if visit.state is _FAILED:
            day.failed += 1
        if USAGE_MARK in event.raw:
            _add_usage(day, event)

    def _add_incomplete(self, run: Run, event: Event, change: VisitChange) -> None:
        """Count a visit whose duration is unknown, or only its duration: if its enter event comes after its exit."""
        node, visit = change
        at = visit.ended_at if visit.ended_at is not None else run.last_event_at or 0
        day = self._day((run.core_id, node.node_id, node.block_kind, at // DAY_MICROS))
        if visit.ended_event == run.event_count:
            day.unknown += 1
            day.failed += visit.state is _FAILED
            if USAGE_MARK in event.raw:
                _add_usage(day, event)
        elif visit.ended_at is not None and visit.entered_at is not None:
            day.unknown -= 1
            waited = node.block_kind in _MAY_WAIT and _waited(run, node, visit)
            (day.waits if waited else day.durations).append(visit.ended_at - visit.entered_at)

    def _day(self, key: _Key) -> _Day:
        day = self._days.get(key)
        if day is None:
            day = self._days[key] = _Day()
        return day

    def counts(self) -> Counts:
        """Return what was counted so far."""
        found: dict[NodeDay, NodeCounts] = {}
        for (core_id, node_id, kind, number), day in self._days.items():
            key = NodeDay(_name(core_id), _name(node_id), _name(kind), number)
            # Very long ids may be the same once they are cut.
            found[key] = found[key] + day.counts() if key in found else day.counts()
        return found

    def durations(self) -> Mapping[NodeDay, list[Micros]]:
        """Return the exact durations of the visits that did not wait for a person."""
        found: dict[NodeDay, list[Micros]] = {}
        for (core_id, node_id, kind, number), day in self._days.items():
            found.setdefault(NodeDay(_name(core_id), _name(node_id), _name(kind), number), []).extend(day.durations)
        return found

    def waits(self) -> Mapping[NodeDay, list[Micros]]:
        """Return the exact durations of the visits that waited for a person."""
        found: dict[NodeDay, list[Micros]] = {}
        for (core_id, node_id, kind, number), day in self._days.items():
            found.setdefault(NodeDay(_name(core_id), _name(node_id), _name(kind), number), []).extend(day.waits)
        return found

    def rows(self) -> Iterator[_Row]:
        """Yield what was counted, as it is written."""
        return ((*key, day) for key, day in self._days.items())

    def extend(self, source: bytes) -> None:
        """Add what `write_tallies` wrote. Raises ValueError or TypeError if it is something else."""
        for core_id, node_id, kind, number, day in _decode(source):
            key = (core_id, node_id, kind, number)
            known = self._days.get(key)
            if known is None:
                self._days[key] = day
            else:
                known.extend(day)


def add_counts(counts: Iterable[Counts]) -> Counts:
    """Return the sum of counts."""
    total: dict[NodeDay, NodeCounts] = {}
    for each in counts:
        for key, found in each.items():
            total[key] = total[key] + found if key in total else found
    return total


def subtract_counts(counts: Counts, removed: Counts) -> Counts:
    """Return `counts` without those of `removed`; days of which nothing is left are absent."""
    left = {key: counts.get(key, NO_COUNTS) - removed.get(key, NO_COUNTS) for key in {**counts, **removed}}
    return {key: found for key, found in left.items() if found != NO_COUNTS}


def _name(text: str | None) -> str:
    """Return an id as it is counted: of a very long one the beginning, as in summaries."""
    return text[:MAX_NAME_CHARS] if text else ""


def _add_usage(day: _Day, event: Event) -> None:
    usage = usage_of(event)
    if usage is None:
        return
    day.with_usage += usage.input_tokens is not None or usage.output_tokens is not None
    day.input_tokens += usage.input_tokens or 0
    day.output_tokens += usage.output_tokens or 0
    if usage.cost_nanos is not None:
        day.with_cost += 1
        day.cost_nanos += usage.cost_nanos


def _waited(run: Run, node: NodeRunInfo, visit: NodeVisit) -> bool:
    """Return whether a visit waited for a person: itself, or as a container of a block that did."""
    if node.block_kind in PERSON_KINDS:
        return True
    if run.open_visits.keys().isdisjoint(PERSON_KINDS):
        return False
    waiting = [other for other in run.nodes.values() if other.block_kind in PERSON_KINDS]
    return any(other.latest.entered_event > visit.entered_event for other in waiting)


_Row: TypeAlias = tuple[str | None, str | None, str | None, int, _Day]
_encode = msgspec.json.Encoder().encode
_decode_rows = msgspec.json.Decoder(list[_Row]).decode


def write_tallies(tallies: Iterable[Tally]) -> bytes:
    """Return what was counted by all of these, for `Tally.extend`; empty if nothing was."""
    rows = [row for tally in tallies for row in tally.rows()]
    if not rows:
        return b""
    try:
        return _encode(rows)
    except (UnicodeEncodeError, OverflowError):
        # msgspec can't write unpaired surrogates.
        return json.dumps(msgspec.to_builtins(rows)).encode()


def _decode(source: bytes) -> list[_Row]:
    try:
        return _decode_rows(source)
    except msgspec.DecodeError:
        # An unpaired surrogate.
        found: Any = json.loads(source)
        return msgspec.convert(found, list[_Row])
