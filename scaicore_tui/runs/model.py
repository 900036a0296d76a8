"""A run and its parts, as folded from events. Times are microseconds since 1970 UTC.

Only the fold writes these; everybody else reads.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Any
from zlib import crc32

from msgspec import Struct, field

from scaicore_tui.protocol.events import Event

# What lies deeper makes no difference to the digest: however deep a value is, it costs no stack.
MAX_DIGEST_DEPTH = 8


def json_digest(value: Any) -> int:
    """The digest of a decoded JSON value."""
    return crc32(json.dumps(_plain(value, MAX_DIGEST_DEPTH), sort_keys=True).encode())


NULL_DIGEST = crc32(b"null")


def _plain(value: Any, depth: int) -> Any:
    """The value with one way to write each number: 1, 1.0 and true are equal, to Python and so to whoever compares."""
    if isinstance(value, str) or value is None:
        return value
    if isinstance(value, dict):
        return {key: _plain(inner, depth - 1) for key, inner in value.items()} if depth else "{}"
    if isinstance(value, list):
        return [_plain(inner, depth - 1) for inner in value] if depth else "[]"
    # The hash of a number does not depend on the process, as that of a text does.
    return hash(value) if isinstance(value, int | float) and value == value else None


class RunStatus(StrEnum):
    """What a run is doing. There is no event for waiting: it is having a pending checkpoint (API §2)."""

    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    UNKNOWN = "unknown"


class NodeState(StrEnum):
    """What a visit of a node came to."""

    ENTERED = "entered"
    EXITED = "exited"
    FAILED = "failed"


def elapsed_ms(begin: int | None, end: int | None) -> float | None:
    """Milliseconds between two moments; None unless both are known. Never negative: clocks of servers differ."""
    return None if begin is None or end is None else max(0, end - begin) / 1000


class NodeVisit(Struct):
    """One passage through a node: loops and retries make many."""

    state: NodeState
    entered_at: int | None = None
    ended_at: int | None = None
    result_binding: str | None = None
    result: Any = None
    has_result: bool = False
    is_truncated: bool = False
    error: str | None = None

    @property
    def is_open(self) -> bool:
        return self.state is NodeState.ENTERED

    @property
    def duration_ms(self) -> float | None:
        return elapsed_ms(self.entered_at, self.ended_at)


class NodeRunInfo(Struct):
    """A node within one run. Without a `node_id` it stands for all anonymous blocks of its kind.

    Of its visits, so many old ones were `dropped`, which lasted `dropped_ms` together.
    """

    node_id: str | None
    block_kind: str | None
    visits: list[NodeVisit] = field(default_factory=list)
    open_visits: list[NodeVisit] = field(default_factory=list)
    dropped: int = 0
    dropped_ms: float = 0.0

    @property
    def visit_count(self) -> int:
        """How often it was visited."""
        return self.dropped + len(self.visits)

    @property
    def name(self) -> str:
        return self.node_id or f"({self.block_kind or 'block'})"

    @property
    def state(self) -> NodeState:
        """Entered while any visit is open; else what the latest came to."""
        return NodeState.ENTERED if self.open_visits else self.visits[-1].state

    @property
    def latest(self) -> NodeVisit:
        """The visit to show when there is room for one: the newest open, else the newest."""
        return self.open_visits[-1] if self.open_visits else self.visits[-1]

    @property
    def duration_ms(self) -> float | None:
        """Time spent inside, over all ended visits; None where none can be told."""
        spans = [spent for visit in self.visits if (spent := visit.duration_ms) is not None]
        return sum(spans) + self.dropped_ms if spans else None


NodeKey = tuple[str | None, str | None]
# So many events of a run are remembered at least, to know a repeat by.
MIN_REMEMBERED_EVENTS = 50_000


class EventDeduplicator:
    """The events that came, by number: those that came lately, as the bus does not repeat what is long past."""

    __slots__ = ("_before", "_lately")

    def __init__(self) -> None:
        self._lately: set[int] = set()
        self._before: set[int] = set()

    def add(self, number: int) -> bool:
        """Remember it; False where it is remembered already."""
        if number in self._lately or number in self._before:
            return False
        if len(self._lately) >= MIN_REMEMBERED_EVENTS:
            self._before, self._lately = self._lately, set()
        self._lately.add(number)
        return True


class RunTiming:
    """What follows from a run's times and outcome, for the run itself and for its summary."""

    __slots__ = ()

    outcome: RunStatus | None
    started_at: int | None
    ended_at: int | None
    first_event_at: int | None
    reported_ms: float | None

    @property
    def began_at(self) -> int | None:
        """When it started, or for a run joined late the first that is known of it."""
        return self.started_at if self.started_at is not None else self.first_event_at

    @property
    def duration_ms(self) -> float | None:
        """What the runtime reported, else the time between start and end; None while it runs."""
        if self.reported_ms is not None:
            return self.reported_ms
        return elapsed_ms(self.started_at, self.ended_at)

    @property
    def is_over(self) -> bool:
        return self.outcome is not None


class Run(RunTiming, Struct):
    """All that the events of one `execution_id` tell.

    One that is `partial` is only known as a list has it: its events are being read. `open_visits` holds, for each block
    kind and for all of them, the open visits with their nodes, the newest last, and some that are open no more.
    """

    execution_id: str
    core_id: str | None = None
    status: RunStatus = RunStatus.UNKNOWN
    outcome: RunStatus | None = None
    started_at: int | None = None
    ended_at: int | None = None
    first_event_at: int | None = None
    last_event_at: int | None = None
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
        """The input as its start told it, byte for byte; None where it told none."""
        return None if self.start is None else self.start.payload_source("input")

    @property
    def node_states(self) -> Sequence[NodeState]:
        """The state of each node, in the order they were first entered."""
        return [node.state for node in self.nodes.values()]

    def add_anomaly(self, text: str) -> None:
        """Remember something that no clean run shows, once."""
        if text not in self.anomalies:
            self.anomalies.append(text)
