"""The order of checkpoints, pending ones by urgency, resolved ones by when, and the text in which words are found.

The app and the command line share both.
"""

from __future__ import annotations

from collections.abc import Iterable

from scaicore_tui.protocol import Checkpoint
from scaicore_tui.runs.select import search_text
from scaicore_tui.timefmt import parse

PRIORITIES = ("critical", "high", "normal", "low")
NORMAL = PRIORITIES.index("normal")
NEVER = float("inf")


def by_urgency(checkpoints: Iterable[Checkpoint]) -> tuple[Checkpoint, ...]:
    """Return the checkpoints by priority, then nearest deadline, then longest wait."""
    return tuple(sorted(checkpoints, key=_urgency))


def latest_first(checkpoints: Iterable[Checkpoint]) -> tuple[Checkpoint, ...]:
    """Return resolved checkpoints, the latest answer first."""
    return tuple(sorted(checkpoints, key=lambda row: (-(parse(row.resolved_at) or 0), row.id)))


def checkpoint_search_text(row: Checkpoint) -> str:
    """Return the text of a checkpoint in which words are looked for, in lower case."""
    ids = (row.id, row.checkpoint_type, row.core_id, row.flow_name, row.execution_id, row.node_id)
    return search_text((*ids, row.assignee_raw, row.priority, row.title, row.resolution, row.resolved_by))


def _urgency(checkpoint: Checkpoint) -> tuple[int, float, float, str]:
    priority = (checkpoint.priority or "").lower()
    rank = PRIORITIES.index(priority) if priority in PRIORITIES else NORMAL
    deadline = NEVER if checkpoint.expires is None else checkpoint.expires
    created = NEVER if checkpoint.created is None else checkpoint.created
    return rank, deadline, created, checkpoint.id
