"""Transitions: the single changes of runs, each once and in feed order, for line-by-line output. Pure.

No events are sent for checkpoints: their transitions come from comparing two lists of pending checkpoints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum

from cachetools import LRUCache
from msgspec import Struct
from msgspec.structs import replace

from scaicore_tui.protocol import events as wire
from scaicore_tui.protocol.checkpoints import Checkpoint
from scaicore_tui.protocol.events import Event
from scaicore_tui.runs.model import NodeVisit, Run
from scaicore_tui.runs.reduce import apply, apply_new, error_text, is_repeat
from scaicore_tui.timefmt import parse
from scaicore_tui.units import Micros, Position

# Unfinished runs kept in memory. The least recently changed is dropped first, and reduced again when needed.
MAX_OPEN_RUNS = 1_000
# Returns the events of a run up to a position, with their positions, oldest first.
ReadHistoryUpTo = Callable[[str, int], Iterable[tuple[Position, Event]]]


class TransitionKind(StrEnum):
    """The kind of a change. The values are part of the JSON output."""

    RUN_BEGAN = "run_began"
    NODE_ENTERED = "node_entered"
    NODE_EXITED = "node_exited"
    NODE_FAILED = "node_failed"
    CHECKPOINT_WAITS = "checkpoint_waits"
    CHECKPOINT_ANSWERED = "checkpoint_answered"
    # No longer pending, and no answer is known: it may have expired.
    CHECKPOINT_CLOSED = "checkpoint_gone"
    RUN_COMPLETED = "run_completed"
    RUN_FAILED = "run_failed"


class Transition(Struct, frozen=True):
    """One change of a run, `at` microseconds since 1970. `duration_ms` is that of the visit or run that ended."""

    kind: TransitionKind
    at: Micros | None
    execution_id: str | None
    core_id: str | None
    node_id: str | None = None
    block_kind: str | None = None
    duration_ms: float | None = None
    error: str | None = None
    visit: NodeVisit | None = None
    checkpoint: Checkpoint | None = None


_BLOCKS = {
    wire.BLOCK_ENTERED: TransitionKind.NODE_ENTERED,
    wire.BLOCK_EXITED: TransitionKind.NODE_EXITED,
    wire.BLOCK_FAILED: TransitionKind.NODE_FAILED,
}
_ENDS = {wire.COMPLETED: TransitionKind.RUN_COMPLETED, wire.FAILED: TransitionKind.RUN_FAILED}


def transition_of(run: Run, event: Event) -> Transition | None:
    """Apply `event` to `run`; return the transition, or None if the event causes none."""
    if is_repeat(run, event):
        return None
    begins = event.type == wire.STARTED and run.joined_late
    change = apply_new(run, event)
    common = (event.at, run.execution_id, run.core_id)
    if begins:
        return Transition(TransitionKind.RUN_BEGAN, *common)
    if event.type in _ENDS:
        error = run.error if event.type == wire.FAILED else None
        return Transition(_ENDS[event.type], *common, duration_ms=run.duration_ms, error=error)
    if event.type not in _BLOCKS:
        return None
    found = Transition(_BLOCKS[event.type], *common, event.node_id, event.block_kind)
    if change is None:
        return replace(found, error=error_text(event.payload) if event.type == wire.BLOCK_FAILED else None)
    node, visit = change.node, replace(change.visit)
    found = replace(found, node_id=node.node_id, block_kind=node.block_kind, error=visit.error, visit=visit)
    return found if visit.is_open else replace(found, duration_ms=visit.duration_ms)


class TransitionStream:
    """Turns events into transitions.

    At most `max_open_runs` unfinished runs are kept in memory; others are reduced from `read_history` when needed.
    """

    def __init__(self, read_history: ReadHistoryUpTo, max_open_runs: int = MAX_OPEN_RUNS) -> None:
        self._read_history = read_history
        self._runs: LRUCache[str, Run] = LRUCache(max_open_runs)

    def feed(self, rows: Iterable[tuple[Position, Event]]) -> Iterator[Transition]:
        """Yield the transitions that these events cause. `rows` are events with their positions, in feed order."""
        for position, event in rows:
            if event.execution_id is None:
                continue
            run = self._get(event.execution_id, position)
            found = transition_of(run, event)
            if not run.is_over:
                self._runs[run.execution_id] = run
            if found is not None:
                yield found

    def _get(self, execution_id: str, position: Position) -> Run:
        run = self._runs.pop(execution_id, None)
        if run is not None:
            return run
        run = Run(execution_id)
        for _, event in self._read_history(execution_id, position - 1):
            apply(run, event)
        return run


class CheckpointTracker:
    """Turns successive lists of pending checkpoints into transitions. Nothing is reported for the initial `pending`."""

    def __init__(self, pending: Iterable[Checkpoint], since: int) -> None:
        """Checkpoints created since `since`, in microseconds since 1970, are reported even if never seen pending."""
        self._pending = {row.id: row for row in pending}
        self._reported = set(self._pending)
        self._since = since

    def has_departures(self, pending: Sequence[Checkpoint]) -> bool:
        """Return whether a checkpoint is no longer pending: the caller then looks up its answer for `feed`."""
        return not self._pending.keys() <= {row.id for row in pending}

    def feed(self, pending: Sequence[Checkpoint], answered: Iterable[Checkpoint], now: int) -> Iterator[Transition]:
        """Yield the changes up to the current `pending` list, at `now` in microseconds since 1970.

        `answered` are resolved checkpoints that were looked up; those among them that matter are reported.
        """
        ends = {row.id: row for row in answered}
        missed = [row for row in ends.values() if row.id not in self._reported and (row.created or 0) >= self._since]
        created = [row for row in pending if row.id not in self._reported]
        for row in sorted([*missed, *created], key=lambda row: row.created or 0):
            yield _checkpoint_transition(TransitionKind.CHECKPOINT_WAITS, row, row.created)
        waiting = {row.id: row for row in pending}
        gone = [row for row in self._pending.values() if row.id not in waiting]
        for row in [*gone, *missed]:
            yield _departure(ends.get(row.id, row), now)
        self._reported |= waiting.keys() | {row.id for row in missed}
        self._pending = waiting


def _departure(row: Checkpoint, now: int) -> Transition:
    kind = TransitionKind.CHECKPOINT_CLOSED if row.resolution is None else TransitionKind.CHECKPOINT_ANSWERED
    at = parse(row.resolved_at)
    return _checkpoint_transition(kind, row, now if at is None else at)


def _checkpoint_transition(kind: TransitionKind, row: Checkpoint, at: Micros | None) -> Transition:
    return Transition(kind, at, row.execution_id, row.core_id, row.node_id, checkpoint=row)
