"""Filter and batches of checkpoints: which ones can be answered together, and why others cannot. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from scaicore_tui.protocol import Checkpoint
from scaicore_tui.text import display_name


class ResolvedCheckpoints(Struct, frozen=True):
    """The resolved checkpoints, as read at `read_at` (monotonic seconds); `problem` says why a later read failed."""

    checkpoints: tuple[Checkpoint, ...] = ()
    read_at: float | None = None
    problem: str = ""


# Returns why a checkpoint cannot be answered, or None.
WhyNot = Callable[[Checkpoint], str | None]


class Batch(Struct, frozen=True):
    """Checkpoints to answer together, in this order; and those left out, each with the reason."""

    checkpoints: tuple[Checkpoint, ...] = ()
    left_out: tuple[tuple[Checkpoint, str], ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(row.id for row in self.checkpoints)


def answerable_together(marked: Sequence[Checkpoint], current: Checkpoint | None, why_not: WhyNot) -> Batch:
    """Return the marked checkpoints with the type and options of `current`, or else of the first answerable one."""
    reasons = {row.id: why_not(row) for row in marked}
    able = [row for row in marked if reasons[row.id] is None]
    pattern = next((row for row in able if current is not None and row.id == current.id), able[0] if able else None)
    checked = [(row, reasons[row.id] or (_why_different(pattern, row) if pattern else None)) for row in marked]
    return Batch(
        tuple(row for row, reason in checked if reason is None),
        tuple((row, reason) for row, reason in checked if reason is not None),
    )


def breakpoints_like(pending: Iterable[Checkpoint], one: Checkpoint) -> dict[str, Batch]:
    """Return the pending breakpoints of the same node (if known) and of the same Core, by a label for the choice."""
    core = [row for row in pending if row.is_breakpoint and row.core_id == one.core_id]
    node = [row for row in core if row.node_id == one.node_id]
    found = {f"the {len(node)} at node {display_name(one.node_id)}": Batch(tuple(node))} if one.node_id else {}
    return found | {f"the {len(core)} of Core {display_name(one.core_id or '?')}": Batch(tuple(core))}


def _why_different(pattern: Checkpoint, row: Checkpoint) -> str | None:
    """Return why `row` cannot be answered like `pattern`; else None."""
    if row.checkpoint_type != pattern.checkpoint_type:
        return f"another type: {display_name(row.checkpoint_type)}"
    options = [option.id for option in row.options]
    if options != [option.id for option in pattern.options]:
        return f"other options: {', '.join(map(display_name, options)) or 'none'}"
    return None
