"""The order of checkpoints: pending ones by urgency, resolved ones by when. The app and the command line share it."""

from __future__ import annotations

from collections.abc import Iterable

from scaicore_tui.protocol import Checkpoint
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


def _urgency(checkpoint: Checkpoint) -> tuple[int, float, float, str]:
    priority = (checkpoint.priority or "").lower()
    rank = PRIORITIES.index(priority) if priority in PRIORITIES else NORMAL
    deadline = NEVER if checkpoint.expires is None else checkpoint.expires
    created = NEVER if checkpoint.created is None else checkpoint.created
    return rank, deadline, created, checkpoint.id
