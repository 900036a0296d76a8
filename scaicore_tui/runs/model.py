"""A run, its nodes and their visits. Times are microseconds since 1970 UTC.

Only `reduce` and `visits` write these objects; all other code reads them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Any
from zlib import crc32

from msgspec import Struct, field

from scaicore_tui.protocol.events import Event
from scaicore_tui.protocol.lenient_json import decode_value
from scaicore_tui.units import Micros

# Deeper levels do not enter the digest, so that a deeply nested value can't exhaust the stack.
MAX_DIGEST_DEPTH = 8


def json_digest(value: Any) -> int:
    """Return a checksum of a decoded JSON value; values that are equal in Python have equal checksums."""
    return crc32(json.dumps(_plain(value, MAX_DIGEST_DEPTH), sort_keys=True).encode())


NULL_DIGEST = crc32(b"null")


def _plain(value: Any, depth: int) -> Any:
    """Return `value`, cut off below `depth`, with equal numbers (to Python also 1, 1.0 and true) made identical."""
    if isinstance(value, str) or value is None:
        return value
    if isinstance(value, dict):
        return {key: _plain(inner, depth - 1) for key, inner in value.items()} if depth else "{}"
    if isinstance(value, list):
        return [_plain(inner, depth - 1) for inner in value] if depth else "[]"
    # Unlike that of a string, the hash of a number is the same in every process.
    return hash(value) if isinstance(value, int | float) and value == value else None


class RunStatus(StrEnum):
    """The state of a run. No event says that a run waits: a run waits while it has a pending checkpoint (API §2)."""

    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    UNKNOWN = "unknown"


class NodeState(StrEnum):
    """The state of one visit of a node."""

    ENTERED = "entered"
    EXITED = "exited"
    FAILED = "failed"


def elapsed_ms(begin: int | None, end: int | None) -> float | None:
    """Return the milliseconds from `begin` to `end`, or None unless both are known.

    Never negative, although the clocks of servers differ.
    """
    return None if begin is None or end is None else max(0, end - begin) / 1000


class NodeVisit(Struct, gc=False):
    """One passage through a node. Loops and retries cause several visits of a node.

    Attributes:
        result_json: the value of the result, as received; empty if there is none.
        entered_event: number of the event that began it, among those of the run, from 1; 0 if that is missing.
        ended_event: number of the event that ended it; 0 if none did.
    """

    state: NodeState
    entered_at: Micros | None = None
    ended_at: Micros | None = None
    result_binding: str | None = None
    result_json: bytes = b""
    is_truncated: bool = False
    error: str | None = None
    entered_event: int = 0
    ended_event: int = 0

    @property
    def is_open(self) -> bool:
        return self.state is NodeState.ENTERED

    @property
    def has_result(self) -> bool:
        return bool(self.result_json)

    @property
    def result(self) -> Any:
        """The value of the result, decoded anew by each call; None if there is none."""
        return decode_value(self.result_json) if self.result_json else None

    @property
    def duration_ms(self) -> float | None:
        return elapsed_ms(self.entered_at, self.ended_at)


class NodeRunInfo(Struct):
    """A node within one run. Without a `node_id` it stands for all anonymous blocks of its kind.

    `dropped` is the number of old visits that are no longer in `visits`; together they lasted `dropped_ms`.
    """

    node_id: str | None
    block_kind: str | None
    visits: list[NodeVisit] = field(default_factory=list)
    open_visits: list[NodeVisit] = field(default_factory=list)
    dropped: int = 0
    dropped_ms: float = 0.0

    @property
    def visit_count(self) -> int:
        """The number of visits, including dropped ones."""
        return self.dropped + len(self.visits)

    @property
    def name(self) -> str:
        return self.node_id or f"({self.block_kind or 'block'})"

    @property
    def state(self) -> NodeState:
        """Entered while any visit is open; otherwise the state of the newest visit."""
        return NodeState.ENTERED if self.open_visits else self.visits[-1].state

    @property
    def latest(self) -> NodeVisit:
        """The newest open visit; without one, the newest visit."""
        return self.open_visits[-1] if self.open_visits else self.visits[-1]

    @property
    def duration_ms(self) -> float | None:
        """Total duration of the ended visits; None if none is known."""
        durations = [duration for visit in self.visits if (duration := visit.duration_ms) is not None]
        return sum(durations) + self.dropped_ms if durations else None


NodeKey = tuple[str | None, str | None]
# Repeats of this many newest events of a run are recognized, and of up to twice as many.
MIN_REMEMBERED_EVENTS = 50_000


class EventDeduplicator:
    """Recognizes repeated events of a run by their hashes.

    Only recent hashes are kept: the bus does not repeat events of long ago.
    """

    __slots__ = ("_older", "_recent")

    def __init__(self) -> None:
        self._recent: set[int] = set()
        self._older: set[int] = set()

    def add(self, number: int) -> bool:
        """Remember the hash `number`; return False if it was known."""
        if number in self._recent or number in self._older:
            return False
        if len(self._recent) >= MIN_REMEMBERED_EVENTS:
            self._older, self._recent = self._recent, set()
        self._recent.add(number)
        return True


class RunTiming:
    """Properties derived from times and outcome, shared by `Run` and `Summary`."""

    __slots__ = ()

    outcome: RunStatus | None
    started_at: Micros | None
    ended_at: Micros | None
    first_event_at: Micros | None
    reported_ms: float | None

    @property
    def began_at(self) -> Micros | None:
        """The start; for a run whose start event is missing, the time of the first known event."""
        return self.started_at if self.started_at is not None else self.first_event_at

    @property
    def duration_ms(self) -> float | None:
        """The duration that the runtime reported, otherwise from start to end; None while the run is active."""
        if self.reported_ms is not None:
            return self.reported_ms
        return elapsed_ms(self.started_at, self.ended_at)

    @property
    def is_over(self) -> bool:
        return self.outcome is not None


class Run(RunTiming, Struct):
    """The state of one run, reduced from all events with its `execution_id`.

    While `is_loading`, only the fields of its summary are set: the events are still being read. `joined_late` says that
    its start event is missing. `open_visits` maps each block kind, and "" for all kinds, to the open visits with their
    nodes, newest last; ended visits may remain in these lists for a while.
    """

    execution_id: str
    core_id: str | None = None
    status: RunStatus = RunStatus.UNKNOWN
    outcome: RunStatus | None = None
    started_at: Micros | None = None
    ended_at: Micros | None = None
    first_event_at: Micros | None = None
    last_event_at: Micros | None = None
    reported_ms: float | None = None
    joined_late: bool = True
    is_runtime: bool = False
    input: Any = None
    has_input: bool = False
    start: Event | None = None
    is_input_truncated: bool = False
    output: Any = None
    input_digest: int = NULL_DIGEST
    output_digest: int = NULL_DIGEST
    error: str | None = None
    instance_key: str | None = None
    event_count: int = 0
    duplicates: int = 0
    nodes: dict[NodeKey, NodeRunInfo] = field(default_factory=dict)
    open_visits: dict[str, list[tuple[NodeRunInfo, NodeVisit]]] = field(default_factory=dict)
    open_count: int = 0
    visit_count: int = 0
    is_loading: bool = False
    anomalies: list[str] = field(default_factory=list)
    seen: EventDeduplicator = field(default_factory=EventDeduplicator)

    @property
    def input_json(self) -> bytes | None:
        """The input, byte for byte as in the start event; None if that has none."""
        return None if self.start is None else self.start.payload_source("input")

    @property
    def node_states(self) -> Sequence[NodeState]:
        """The state of each node, in the order of their first visits."""
        return [node.state for node in self.nodes.values()]

    def add_anomaly(self, text: str) -> None:
        """Add the description of something that a correct feed never contains, unless it was added before."""
        if text not in self.anomalies:
            self.anomalies.append(text)
