"""The one order of checkpoints, in the inbox and on the command line, and whose they are. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from scaicore_tui.protocol import Checkpoint
from scaicore_tui.timefmt import format_age, parse, to_seconds

PRIORITIES = ("critical", "high", "normal", "low")
NORMAL = PRIORITIES.index("normal")
NEVER = float("inf")
# What is due within this time comes first, whatever its priority.
DUE_SOON_S = 15 * 60.0
# Stands behind the name of an assignee who is the reviewer.
MINE = "★"
_DUE_SOON, _LATER, _EXPIRED = range(3)
# Prefixes of an assignee, as in `user:usr_ann` and `group:finance`.
_USER_TYPES, _GROUP_TYPES = ("user", "usr"), ("group", "role", "team")


class Reviewer(Struct, frozen=True):
    """The person whose token is used: subject and groups. Without both, nobody knows what is theirs."""

    subject: str | None = None
    groups: frozenset[str] = frozenset()

    @property
    def is_known(self) -> bool:
        return bool(self.subject or self.groups)


def in_inbox_order(checkpoints: Iterable[Checkpoint], now: float) -> tuple[Checkpoint, ...]:
    """Return the checkpoints as the inbox lists them, at `now` in seconds since 1970.

    First what is due within DUE_SOON_S, the nearest deadline first; then by priority, nearest deadline and longest
    wait; what has expired comes last.
    """
    return tuple(sorted(checkpoints, key=lambda row: _rank(row, now)))


def latest_first(checkpoints: Iterable[Checkpoint]) -> tuple[Checkpoint, ...]:
    """Return resolved checkpoints, the latest answer first."""
    return tuple(sorted(checkpoints, key=lambda row: (-(parse(row.resolved_at) or 0), row.id)))


def is_expired(checkpoint: Checkpoint, now: float) -> bool:
    """Return whether its deadline has passed. The server may still accept an answer for some minutes (API §3)."""
    return checkpoint.expires is not None and to_seconds(checkpoint.expires) <= now


def is_due_soon(checkpoint: Checkpoint, now: float) -> bool:
    """Return whether its deadline is within DUE_SOON_S and has not passed."""
    left = NEVER if checkpoint.expires is None else to_seconds(checkpoint.expires) - now
    return 0 < left <= DUE_SOON_S


def next_order_change(checkpoints: Iterable[Checkpoint], now: float) -> float:
    """Return when the order changes by itself, in seconds since 1970: something becomes due soon, or expires."""
    expiries = [to_seconds(row.expires) for row in checkpoints if row.expires is not None]
    return min((at for end in expiries for at in (end - DUE_SOON_S, end) if at > now), default=NEVER)


def due_text(checkpoint: Checkpoint, now: float) -> str:
    """Return the time left to answer, such as `14m`, or how late it is; a dash without a deadline."""
    if checkpoint.expires is None:
        return "–"
    left = to_seconds(checkpoint.expires) - now
    return f"{format_age(-left)} late" if left < 0 else format_age(left)


def is_mine(checkpoint: Checkpoint, reviewer: Reviewer) -> bool:
    """Return whether the checkpoint is assigned to the reviewer, or to one of the reviewer's groups."""
    return any(_names(assignee, reviewer) for assignee in _assignees(checkpoint))


def assignee_name(checkpoint: Checkpoint) -> str:
    """Return who should answer, without the type before the colon; empty if nobody is named."""
    raw = checkpoint.assignee_raw or ""
    kind, colon, name = raw.partition(":")
    return name if colon and kind.strip().casefold() in (*_USER_TYPES, *_GROUP_TYPES) else raw


def _rank(row: Checkpoint, now: float) -> tuple[int, int, float, float, str]:
    deadline = NEVER if row.expires is None else to_seconds(row.expires)
    created = NEVER if row.created is None else row.created
    if deadline <= now:
        return _EXPIRED, _priority(row), deadline, created, row.id
    if deadline - now <= DUE_SOON_S:
        return _DUE_SOON, 0, deadline, created, row.id
    return _LATER, _priority(row), deadline, created, row.id


def _priority(row: Checkpoint) -> int:
    priority = (row.priority or "").lower()
    return PRIORITIES.index(priority) if priority in PRIORITIES else NORMAL


def _assignees(checkpoint: Checkpoint) -> Iterator[str]:
    """Yield the texts that name who should answer: as the flow says it, and as the server resolved it."""
    found: list[Any] = [checkpoint.assignee_raw, checkpoint.raw.get("assignee_resolved")]
    for value in found:
        for item in value if isinstance(value, list) else [value]:
            names = item.values() if isinstance(item, dict) else [item]
            yield from (name for name in names if isinstance(name, str) and name)


def _names(assignee: str, reviewer: Reviewer) -> bool:
    kind, colon, name = assignee.partition(":")
    kind = kind.strip().casefold() if colon else ""
    name = name.strip() if kind in (*_USER_TYPES, *_GROUP_TYPES) else assignee.strip()
    is_user = kind not in _GROUP_TYPES and name == reviewer.subject
    return is_user or (kind not in _USER_TYPES and name in reviewer.groups)
