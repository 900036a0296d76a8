"""What waits for a person, the most urgent first, and what a filter keeps of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from scaicore_tui.runs import searchable, sought
from scaicore_tui.wire import Checkpoint
from scaicore_tui.wire.timestamps import parse

PRIORITIES = ("critical", "high", "normal", "low")
NORMAL = PRIORITIES.index("normal")
NEVER = float("inf")


class Answered(Struct, frozen=True):
    """The checkpoints that were answered, as read at a moment in seconds; `trouble` says why not later."""

    checkpoints: tuple[Checkpoint, ...] = ()
    read_at: float | None = None
    trouble: str = ""


def by_urgency(checkpoints: Iterable[Checkpoint]) -> tuple[Checkpoint, ...]:
    """By priority, then the nearest deadline, then the longest wait."""
    return tuple(sorted(checkpoints, key=_urgency))


def latest_first(checkpoints: Iterable[Checkpoint]) -> tuple[Checkpoint, ...]:
    """What was answered last stands first."""
    return tuple(sorted(checkpoints, key=lambda row: (-(parse(row.resolved_at) or 0), row.id)))


def kept(checkpoints: Iterable[Checkpoint], needle: str) -> tuple[Checkpoint, ...]:
    """Those in which every word of `needle` stands, and none of its `!words`."""
    keeps = sought(needle)
    return tuple(row for row in checkpoints if keeps(searchable(_parts(row))))


def _urgency(checkpoint: Checkpoint) -> tuple[int, float, float, str]:
    priority = (checkpoint.priority or "").lower()
    rank = PRIORITIES.index(priority) if priority in PRIORITIES else NORMAL
    deadline = NEVER if checkpoint.expires is None else checkpoint.expires
    begun = NEVER if checkpoint.created is None else checkpoint.created
    return rank, deadline, begun, checkpoint.id


def _parts(row: Checkpoint) -> Iterator[str | None]:
    yield from (row.id, row.checkpoint_type, row.core_id, row.flow_name, row.execution_id, row.node_id)
    yield from (row.assignee_raw, row.priority, row.title, row.resolution, row.resolved_by)
