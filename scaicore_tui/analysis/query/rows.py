"""The rows that a query can be evaluated for: runs, events and checkpoints, and where their fields are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

from msgspec import Struct, field

from scaicore_tui.analysis.error_groups import error_group_key
from scaicore_tui.analysis.query.evaluate import storable
from scaicore_tui.protocol import Checkpoint, Event
from scaicore_tui.runs import Gap, Run, RunStatus, Summary, gaps_within, run_search_text, search_text
from scaicore_tui.units import Micros

CORE_PREFIX = "core_"
# A checkpoint is due when its deadline is nearer than this.
DUE_US = 15 * 60 * 1_000_000
INTEGER_BITS = 63


class QueryContext(Struct, frozen=True):
    """The facts that the rows themselves do not have, as of `now` (microseconds since 1970).

    Attributes:
        checkpoints: the pending ones.
        gaps: oldest first.
        replays: ids of the runs that are known to be replays.
        me: the names under which the caller may be asked: subject and groups.
        slow: ids of the runs that take longer than usual; they are looked for only for queries that ask for them.
    """

    now: Micros
    checkpoints: Sequence[Checkpoint] = ()
    gaps: Sequence[Gap] = ()
    replays: frozenset[str] = frozenset()
    me: frozenset[str] = frozenset()
    slow: frozenset[str] = frozenset()

    def runs_with(self, is_wanted: Callable[[Checkpoint], bool]) -> frozenset[str]:
        """Return the ids of the runs with a pending checkpoint that is wanted."""
        found = (row.execution_id for row in self.checkpoints if is_wanted(row))
        return frozenset(key for key in found if key is not None)


class Payloads(Protocol):
    """The dear fields of one run, as far as they were asked for."""

    @property
    def kinds(self) -> Sequence[str]: ...

    @property
    def visit_count(self) -> int: ...

    @property
    def inputs(self) -> Sequence[Any]:
        """The input; empty if it is not known."""

    @property
    def outputs(self) -> Sequence[Any]:
        """The output; empty if there is none."""


class RunPayloads(Struct):
    """The dear fields of a run that was read completely, or as far as they are needed."""

    run: Run

    @property
    def kinds(self) -> Sequence[str]:
        return [kind for node in self.run.nodes.values() if (kind := node.block_kind) is not None]

    @property
    def visit_count(self) -> int:
        return self.run.visit_count

    @property
    def inputs(self) -> Sequence[Any]:
        return (self.run.input,) if self.run.has_input else ()

    @property
    def outputs(self) -> Sequence[Any]:
        return (self.run.output,) if self.run.outcome is RunStatus.COMPLETED else ()


class RunRow(Struct):
    """A run, by its summary with its status. `read` reads what is only in its events, if that is asked for."""

    summary: Summary
    context: QueryContext
    read: Callable[[Summary], Payloads]

    @property
    def text(self) -> str:
        return storable(run_search_text(self.summary))

    def values(self, name: str) -> Sequence[Any]:
        if (get := _RUN_FIELDS.get(name)) is not None:
            value = get(self.summary)
            return () if value is None else (value,)
        return _RUN_LISTS[name](self)


def short_core(core_id: str | None) -> str | None:
    """Return the id of a Core without its prefix: the name of its flow."""
    return None if core_id is None else core_id.removeprefix(CORE_PREFIX)


def core_names(core_id: str | None) -> Sequence[str]:
    """Return the names of a Core: its id, and that without the prefix."""
    return () if core_id is None else tuple(dict.fromkeys((core_id, core_id.removeprefix(CORE_PREFIX))))


def _storable_time(at: Micros | None) -> Micros | None:
    """Return a time; None if it has more bits than an integer of SQLite, which then stores none."""
    return at if at is not None and at.bit_length() < INTEGER_BITS else None


def _run_properties(row: RunRow) -> Sequence[str]:
    run = row.summary
    found = [run.status.value]
    if run.execution_id in row.context.replays:
        found.append("replay")
    if run.joined_late and run.is_runtime:
        found.append("late")
    if run.execution_id in row.context.slow:
        found.append("slow")
    return found


def _run_has(row: RunRow) -> Sequence[str]:
    run, pending = row.summary, row.context.checkpoints
    mine = [one for one in pending if one.execution_id == run.execution_id]
    facts = {
        "error": run.error is not None,
        "checkpoint": bool(mine),
        "breakpoint": any(one.is_breakpoint for one in mine),
        "gap": bool(gaps_within(run, row.context.gaps)),
    }
    return [name for name, is_so in facts.items() if is_so]


def _run_assignees(row: RunRow) -> Sequence[str]:
    run = row.summary
    return [name for one in row.context.checkpoints if one.execution_id == run.execution_id for name in assignees(one)]


# The fields with at most one value in the summary.
_RUN_FIELDS: Mapping[str, Callable[[Summary], Any]] = {
    "status": lambda run: run.status.value,
    "flow": lambda run: short_core(run.core_id),
    "failed": lambda run: run.failed_node,
    "error": lambda run: run.error,
    "group": error_group_key,
    "id": lambda run: run.execution_id,
    "instance": lambda run: run.instance_key,
    "duration": lambda run: run.duration_ms,
    "age": lambda run: _storable_time(run.began_at),
    "idle": lambda run: None if run.is_over else _storable_time(run.last_event_at),
    "started": lambda run: _storable_time(run.began_at),
    "ended": lambda run: _storable_time(run.ended_at),
    "changed": lambda run: _storable_time(run.last_event_at),
    "events": lambda run: run.event_count,
}
_RUN_LISTS: Mapping[str, Callable[[RunRow], Sequence[Any]]] = {
    "core": lambda row: core_names(row.summary.core_id),
    "node": lambda row: [node for node in row.summary.node_ids if node is not None],
    "is": _run_properties,
    "has": _run_has,
    "assignee": _run_assignees,
    "kind": lambda row: row.read(row.summary).kinds,
    "visits": lambda row: (row.read(row.summary).visit_count,),
    "input": lambda row: row.read(row.summary).inputs,
    "output": lambda row: row.read(row.summary).outputs,
}


class EventRow(Struct, dict=True):
    """An event of the feed."""

    event: Event

    @cached_property
    def _payload(self) -> dict[str, Any]:
        return self.event.payload

    @property
    def text(self) -> str:
        """Everything in it: words are looked for in its bytes."""
        return storable(self.event.raw.decode("utf-8", "replace").lower())

    def values(self, name: str) -> Sequence[Any]:
        if name == "core":
            return core_names(self.event.core_id)
        value = self._payload if name == "payload" else _EVENT_FIELDS[name](self.event)
        return () if value is None else (value,)


_EVENT_FIELDS: Mapping[str, Callable[[Event], Any]] = {
    "type": lambda event: event.type,
    "run": lambda event: event.execution_id,
    "node": lambda event: event.node_id,
    "kind": lambda event: event.block_kind,
    "at": lambda event: event.at,
}


class CheckpointRow(Struct):
    """A checkpoint."""

    checkpoint: Checkpoint
    context: QueryContext = field(default_factory=lambda: QueryContext(0))

    @property
    def text(self) -> str:
        return storable(checkpoint_search_text(self.checkpoint))

    def values(self, name: str) -> Sequence[Any]:
        row = self.checkpoint
        if name == "core":
            return core_names(row.core_id)
        if name == "assignee":
            return assignees(row)
        if name == "is":
            return checkpoint_properties(row, self.context)
        value = _CHECKPOINT_FIELDS[name](row)
        return () if value is None else (value,)


def assignees(row: Checkpoint) -> Sequence[str]:
    """Return who is asked: the text as received, that without a prefix such as `user:`, and the resolved name."""
    text = row.assignee_raw
    if not text:
        return ()
    resolved = row.raw.get("assignee_resolved")
    names = (text, text.partition(":")[2], resolved if isinstance(resolved, str) else "")
    return tuple(dict.fromkeys(name for name in names if name))


def checkpoint_properties(row: Checkpoint, context: QueryContext) -> Sequence[str]:
    """Return which of `mine` and `due` a checkpoint is."""
    is_mine = any(name in context.me for name in assignees(row))
    is_due = row.expires is not None and row.expires - context.now <= DUE_US
    return [name for name, is_so in (("mine", is_mine), ("due", is_due)) if is_so]


_CHECKPOINT_FIELDS: Mapping[str, Callable[[Checkpoint], Any]] = {
    "type": lambda row: row.checkpoint_type,
    "flow": lambda row: row.flow_name or short_core(row.core_id),
    "node": lambda row: row.node_id,
    "run": lambda row: row.execution_id,
    "id": lambda row: row.id,
    "priority": lambda row: row.priority,
    "title": lambda row: row.title,
    "age": lambda row: row.created,
    "created": lambda row: row.created,
    "expires": lambda row: row.expires,
}


def checkpoint_search_text(row: Checkpoint) -> str:
    """Return the text of a checkpoint in which words are looked for, in lower case."""
    ids = (row.id, row.checkpoint_type, row.core_id, row.flow_name, row.execution_id, row.node_id)
    return search_text((*ids, row.assignee_raw, row.priority, row.title, row.resolution, row.resolved_by))
