"""A node as one row: state, name, number of visits, block kind, duration, result or error. Pure."""

from __future__ import annotations

from scaicore_tui.runs import NodeRunInfo, NodeVisit, RunStatus
from scaicore_tui.runs.words import took
from scaicore_tui.text import ELLIPSIS, compact, cut, one_line
from scaicore_tui.tui.paint import Piece, piece, right
from scaicore_tui.tui.times import NOW, since
from scaicore_tui.tui.widgets.run_row import node_look

KIND_WIDTH = 12
FIXED_WIDTH = 2 + 5 + 7 + 2
# Below this a row has no room for the block kind: the run's own view has it.
ROOM_FOR_KIND = 52
MAX_NAME = 26


def node_row(node: NodeRunInfo, width: int, now: float, status: RunStatus, name_width: int) -> list[Piece]:
    """The row, `width` cells wide, at `now` in seconds since 1970, in a run of that `status`.

    Names are given `name_width` cells, if there is room for them.
    """
    look = node_look(node.state, waiting=status is RunStatus.WAITING)
    kind = KIND_WIDTH if width >= ROOM_FOR_KIND else 0
    room = max(0, width - FIXED_WIDTH - kind)
    name = max(8, min(name_width, room * 2 // 3))
    times = f"×{node.visit_count} " if node.visit_count > 1 else ""
    return [
        (f"{look.glyph} ", look.colour),
        piece(one_line(node.name), name, "text"),
        right(times, 5, "grey"),
        piece(one_line(node.block_kind or "", kind - 1), kind, "grey"),
        right(spent(node, now, status), 7, "grey"),
        ("  ", "text"),
        outcome(node.latest, room - name, node.name),
    ]


def spent(node: NodeRunInfo, now: float, status: RunStatus) -> str:
    """How long a node took; while it is open, how long it has been. In a run that is over, no time passes."""
    if not node.latest.is_open:
        return took(node.duration_ms)
    if status in (RunStatus.COMPLETED, RunStatus.FAILED):
        return ""
    return f"{since(node.latest.entered_at, now).removeprefix(NOW)}{ELLIPSIS}"


def outcome(visit: NodeVisit, width: int, name: str = "") -> Piece:
    """What a visit came to, in `width` cells: its error, or its result, bound to what is not the node's own `name`."""
    if visit.error is not None:
        return one_line(visit.error, width), "red"
    binding = f"{one_line(visit.result_binding)} = " if visit.result_binding not in (None, name) else ""
    if visit.truncated:
        return cut(f"{binding}(too large for the feed)", width), "grey"
    if not visit.has_result:
        return "", "text"
    return cut(binding + compact(visit.result, width + 1), width), "grey"
