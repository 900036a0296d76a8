"""Which checkpoints can be answered alike, and which of those marked can't, and why. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import Struct

from scaicore_tui.protocol import Checkpoint
from scaicore_tui.runs import compile_filter, search_text
from scaicore_tui.text import display_name
from scaicore_tui.timefmt import parse

PRIORITIES = ("critical", "high", "normal", "low")
NORMAL = PRIORITIES.index("normal")
NEVER = float("inf")


class ResolvedCheckpoints(Struct, frozen=True):
    """The checkpoints that were answered, as read at a moment in seconds; `trouble` says why not later."""

    checkpoints: tuple[Checkpoint, ...] = ()
    read_at: float | None = None
    problem: str = ""


def by_urgency(checkpoints: Iterable[Checkpoint]) -> tuple[Checkpoint, ...]:
    """By priority, then the nearest deadline, then the longest wait."""
    return tuple(sorted(checkpoints, key=_urgency))


def latest_first(checkpoints: Iterable[Checkpoint]) -> tuple[Checkpoint, ...]:
    """What was answered last stands first."""
    return tuple(sorted(checkpoints, key=lambda row: (-(parse(row.resolved_at) or 0), row.id)))


def filter_checkpoints(checkpoints: Iterable[Checkpoint], needle: str) -> tuple[Checkpoint, ...]:
    """Those in which every word of `needle` stands, and none of its `!words`."""
    keeps = compile_filter(needle)
    return tuple(row for row in checkpoints if keeps(search_text(_parts(row))))


def _urgency(checkpoint: Checkpoint) -> tuple[int, float, float, str]:
    priority = (checkpoint.priority or "").lower()
    rank = PRIORITIES.index(priority) if priority in PRIORITIES else NORMAL
    deadline = NEVER if checkpoint.expires is None else checkpoint.expires
    begun = NEVER if checkpoint.created is None else checkpoint.created
    return rank, deadline, begun, checkpoint.id


def _parts(row: Checkpoint) -> Iterator[str | None]:
    yield from (row.id, row.checkpoint_type, row.core_id, row.flow_name, row.execution_id, row.node_id)
    yield from (row.assignee_raw, row.priority, row.title, row.resolution, row.resolved_by)


WhyNot = Callable[[Checkpoint], str | None]


class Batch(Struct, frozen=True):
    """Checkpoints to answer alike, in this order; and those left out, each with the reason."""

    checkpoints: tuple[Checkpoint, ...] = ()
    left_out: tuple[tuple[Checkpoint, str], ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(row.id for row in self.checkpoints)


def answerable_together(marked: Sequence[Checkpoint], current: Checkpoint | None, why_not: WhyNot) -> Batch:
    """Those of the kind of the one at hand, or else of the first that can be answered."""
    reasons = {row.id: why_not(row) for row in marked}
    able = [row for row in marked if reasons[row.id] is None]
    pattern = next((row for row in able if current is not None and row.id == current.id), able[0] if able else None)
    told = [(row, reasons[row.id] or (_why_different(pattern, row) if pattern else None)) for row in marked]
    return Batch(
        tuple(row for row, reason in told if reason is None),
        tuple((row, reason) for row, reason in told if reason is not None),
    )


def breakpoints_like(pending: Iterable[Checkpoint], one: Checkpoint) -> dict[str, Batch]:
    """The breakpoints of the same node, where that is known, and last of the same Core; by what is said of them."""
    core = [row for row in pending if row.is_breakpoint and row.core_id == one.core_id]
    node = [row for row in core if row.node_id == one.node_id]
    found = {f"the {len(node)} at node {display_name(one.node_id)}": Batch(tuple(node))} if one.node_id else {}
    return found | {f"the {len(core)} of Core {display_name(one.core_id or '?')}": Batch(tuple(core))}


def _why_different(pattern: Checkpoint, row: Checkpoint) -> str | None:
    """What keeps `row` from being answered like `pattern`."""
    if row.checkpoint_type != pattern.checkpoint_type:
        return f"of another type: {display_name(row.checkpoint_type)}"
    offered = [option.id for option in row.options]
    if offered != [option.id for option in pattern.options]:
        return f"with other options: {', '.join(map(display_name, offered)) or 'none'}"
    return None
