"""Which checkpoints can be answered alike, and which of those marked can't, and why. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from scaicore_tui.text import named
from scaicore_tui.wire import Checkpoint

Judge = Callable[[Checkpoint], str | None]


class Batch(Struct, frozen=True):
    """Checkpoints to answer alike, in this order; and those left out, each with the reason."""

    checkpoints: tuple[Checkpoint, ...] = ()
    left_out: tuple[tuple[Checkpoint, str], ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(row.id for row in self.checkpoints)


def alike(marked: Sequence[Checkpoint], at_hand: Checkpoint | None, why_not: Judge) -> Batch:
    """Those of the kind of the one at hand, or else of the first that can be answered."""
    reasons = {row.id: why_not(row) for row in marked}
    able = [row for row in marked if reasons[row.id] is None]
    pattern = next((row for row in able if at_hand is not None and row.id == at_hand.id), able[0] if able else None)
    told = [(row, reasons[row.id] or (_difference(pattern, row) if pattern else None)) for row in marked]
    return Batch(
        tuple(row for row, reason in told if reason is None),
        tuple((row, reason) for row, reason in told if reason is not None),
    )


def breakpoints_like(pending: Iterable[Checkpoint], one: Checkpoint) -> dict[str, Batch]:
    """The breakpoints of the same node, where that is known, and last of the same Core; by what is said of them."""
    core = [row for row in pending if row.is_breakpoint and row.core_id == one.core_id]
    node = [row for row in core if row.node_id == one.node_id]
    found = {f"the {len(node)} at node {named(one.node_id)}": Batch(tuple(node))} if one.node_id else {}
    return found | {f"the {len(core)} of Core {named(one.core_id or '?')}": Batch(tuple(core))}


def _difference(pattern: Checkpoint, row: Checkpoint) -> str | None:
    """What keeps `row` from being answered like `pattern`."""
    if row.checkpoint_type != pattern.checkpoint_type:
        return f"of another type: {named(row.checkpoint_type)}"
    offered = [option.id for option in row.options]
    if offered != [option.id for option in pattern.options]:
        return f"with other options: {', '.join(map(named, offered)) or 'none'}"
    return None
