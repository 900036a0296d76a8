"""What changed, one thing at a time, for whoever follows runs line by line: each once, in the order of the feed. Pure.

No event tells of checkpoints: that they came and went is seen by comparing what was pending with what is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from scaicore_tui.protocol import events as wire
from scaicore_tui.protocol.checkpoints import Checkpoint
from scaicore_tui.protocol.events import Event
from scaicore_tui.runs.model import NodeVisit, Run
from scaicore_tui.runs.reduce import apply, apply_new, error_text, is_repeat
from scaicore_tui.timefmt import parse

# How many runs are held that are not over, the least recently told first to go: they are folded anew when needed.
MAX_OPEN_RUNS = 1_000
# The stored events of a run up to a place, oldest first.
ReadHistoryUpTo = Callable[[str, int], Iterable[tuple[int, Event]]]


class TransitionKind(StrEnum):
    """What happened."""

    RUN_BEGAN = "run_began"
    NODE_ENTERED = "node_entered"
    NODE_EXITED = "node_exited"
    NODE_FAILED = "node_failed"
    CHECKPOINT_WAITS = "checkpoint_waits"
    CHECKPOINT_ANSWERED = "checkpoint_answered"
    # Pending no longer, and by whom it was answered is not known: it may have expired.
    CHECKPOINT_CLOSED = "checkpoint_gone"
    RUN_COMPLETED = "run_completed"
    RUN_FAILED = "run_failed"


class Transition(Struct, frozen=True):
    """One change of a run. `at` is in microseconds since 1970; `duration_ms` is of the visit, or of the run, that
    ended."""

    kind: TransitionKind
    at: int | None
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
    """Apply `event` to `run`, and tell what changed by it; None where nothing did that is told."""
    if is_repeat(run, event):
        return None
    begins = event.type == wire.STARTED and run.joined_late
    passage = apply_new(run, event)
    place = (event.at, run.execution_id, run.core_id)
    if begins:
        return Transition(TransitionKind.RUN_BEGAN, *place)
    if event.type in _ENDS:
        error = run.error if event.type == wire.FAILED else None
        return Transition(_ENDS[event.type], *place, duration_ms=run.duration_ms, error=error)
    if event.type not in _BLOCKS:
        return None
    told = Transition(_BLOCKS[event.type], *place, event.node_id, event.block_kind)
    if passage is None:
        return replace(told, error=error_text(event.payload) if event.type == wire.BLOCK_FAILED else None)
    node, visit = passage.node, replace(passage.visit)
    told = replace(told, node_id=node.node_id, block_kind=node.block_kind, error=visit.error, visit=visit)
    return told if visit.is_open else replace(told, duration_ms=visit.duration_ms)


class TransitionStream:
    """Tells what events change. Each of them is told once, in the order of their places.

    At most `max_open_runs` unfinished runs are kept in memory; others are folded from their `history` when needed.
    """

    def __init__(self, read_history: ReadHistoryUpTo, max_open_runs: int = MAX_OPEN_RUNS) -> None:
        self._read_history = read_history
        self._max_open_runs = max_open_runs
        self._runs: dict[str, Run] = {}

    def feed(self, rows: Iterable[tuple[int, Event]]) -> Iterator[Transition]:
        """What these events, each with its place in the feed, change of what all events before them made."""
        for place, event in rows:
            if event.execution_id is None:
                continue
            run = self._get(event.execution_id, place)
            told = transition_of(run, event)
            if not run.is_over:
                self._runs[run.execution_id] = run
            if len(self._runs) > self._max_open_runs:
                del self._runs[next(iter(self._runs))]
            if told is not None:
                yield told

    def _get(self, execution_id: str, place: int) -> Run:
        held = self._runs.pop(execution_id, None)
        if held is not None:
            return held
        run = Run(execution_id)
        for _, event in self._read_history(execution_id, place - 1):
            apply(run, event)
        return run


class CheckpointTracker:
    """Tells which checkpoints came to wait, and which do no longer. Those `pending` at the beginning are not told."""

    def __init__(self, pending: Iterable[Checkpoint], since: int) -> None:
        """What is answered after `since`, in microseconds since 1970, is told also if it was never seen waiting."""
        self._pending = {row.id: row for row in pending}
        self._reported = set(self._pending)
        self._since = since

    def has_departures(self, pending: Sequence[Checkpoint]) -> bool:
        """Whether some that waited do no longer: what came of them can then be looked up."""
        return not self._pending.keys() <= {row.id for row in pending}

    def feed(self, pending: Sequence[Checkpoint], answered: Iterable[Checkpoint], now: int) -> Iterator[Transition]:
        """Compare with what is `pending` now, and with those `answered`, as far as they were looked up."""
        ends = {row.id: row for row in answered}
        missed = [row for row in ends.values() if row.id not in self._reported and (row.created or 0) >= self._since]
        came = [row for row in pending if row.id not in self._reported]
        for row in sorted([*missed, *came], key=lambda row: row.created or 0):
            yield _checkpoint_transition(TransitionKind.CHECKPOINT_WAITS, row, row.created)
        waiting = {row.id: row for row in pending}
        gone = [row for row in self._pending.values() if row.id not in waiting]
        for row in [*gone, *missed]:
            yield _departure(ends.get(row.id, row), now)
        self._reported |= waiting.keys() | {row.id for row in missed}
        self._pending = waiting


def _departure(row: Checkpoint, now: int) -> Transition:
    what = TransitionKind.CHECKPOINT_CLOSED if row.resolution is None else TransitionKind.CHECKPOINT_ANSWERED
    at = parse(row.resolved_at)
    return _checkpoint_transition(what, row, now if at is None else at)


def _checkpoint_transition(what: TransitionKind, row: Checkpoint, at: int | None) -> Transition:
    return Transition(what, at, row.execution_id, row.core_id, row.node_id, checkpoint=row)
