"""Names of runs, and the rows of nodes and gaps. Pure."""

from __future__ import annotations

from scaicore_tui.runs import GapRow, NodeRunInfo, NodeState, NodeVisit, RunStatus
from scaicore_tui.runs.status_style import GAP, NODE_STYLES, RUN_STYLES, StatusStyle
from scaicore_tui.text import ELLIPSIS, MAX_DISPLAY_NAME_CELLS, json_inline, one_line, truncate
from scaicore_tui.timefmt import NOW, age_text, format_count, format_duration
from scaicore_tui.tui.render.line import Span, column, right_align

ID_WIDTH = 13
# Only both ends of a longer id are sanitized, to save time.
LONG_ID_CHARS = 200


def short_id(execution_id: str) -> str:
    """Return the id in at most `ID_WIDTH` cells: of a long one both ends, by which ids can be told apart."""
    shown = one_line(execution_id if len(execution_id) <= LONG_ID_CHARS else execution_id[:99] + execution_id[-99:])
    return shown if len(shown) <= ID_WIDTH else f"{shown[: ID_WIDTH - 5]}{ELLIPSIS}{shown[-4:]}"


def core_name(core_id: str | None) -> str:
    """Return the Core's id without the prefix that all Cores share."""
    return one_line((core_id or "?").removeprefix("core_"), MAX_DISPLAY_NAME_CELLS)


def node_style(state: NodeState, *, waiting: bool) -> StatusStyle:
    """Return the style of a node; an entered node of a waiting run is shown as waiting."""
    if waiting and state is NodeState.ENTERED:
        return RUN_STYLES[RunStatus.WAITING]
    return NODE_STYLES[state]


KIND_WIDTH = 12
NODE_FIXED_CELLS = 2 + 5 + 7 + 2
# A narrower row leaves the block kind out; the run's own view shows it.
MIN_WIDTH_FOR_KIND = 52
MAX_NAME_CELLS = 26


def node_row(node: NodeRunInfo, width: int, now: float, status: RunStatus, name_width: int) -> list[Span]:
    """Return the row of a node, `width` cells wide, at `now` in seconds since 1970, in a run with that `status`.

    The name takes `name_width` cells if there is enough space.
    """
    style = node_style(node.state, waiting=status is RunStatus.WAITING)
    kind = KIND_WIDTH if width >= MIN_WIDTH_FOR_KIND else 0
    free_cells = max(0, width - NODE_FIXED_CELLS - kind)
    name = max(8, min(name_width, free_cells * 2 // 3))
    times = f"×{format_count(node.visit_count)} " if node.visit_count > 1 else ""
    return [
        (f"{style.glyph} ", style.colour),
        column(one_line(node.name, name), name, "text"),
        right_align(times, 5, "grey"),
        column(one_line(node.block_kind or "", kind - 1), kind, "grey"),
        right_align(node_duration(node, now, status), 7, "grey"),
        ("  ", "text"),
        visit_result(node.latest, free_cells - name, node.name),
    ]


def node_duration(node: NodeRunInfo, now: float, status: RunStatus) -> str:
    """Return the duration of a node; while it is open, the time since its entry; empty if the run ended before."""
    if not node.latest.is_open:
        return format_duration(node.duration_ms)
    if status in (RunStatus.COMPLETED, RunStatus.FAILED):
        return ""
    return f"{age_text(node.latest.entered_at, now).removeprefix(NOW)}{ELLIPSIS}"


def visit_result(visit: NodeVisit, width: int, name: str = "") -> Span:
    """Return the error or the result of a visit in `width` cells, with its binding unless that is the node's `name`."""
    if visit.error is not None:
        return one_line(visit.error, width), "red"
    bound = visit.result_binding
    binding = f"{one_line(bound)} = " if bound not in (None, name) else ""
    if visit.is_truncated:
        return truncate(f"{binding}(too large for the feed)", width), "grey"
    if not visit.has_result:
        return "", "text"
    return truncate(binding + json_inline(visit.result, width + 1), width), "grey"


def gap_row(gap: GapRow, width: int, now: float) -> list[Span]:
    """Return the row of a gap, `width` cells wide, at `now` in seconds since 1970; grey while it is being filled."""
    colour = "grey" if gap.is_open else GAP.colour
    prefix = f"  {GAP.glyph} "
    return [(prefix, colour), (gap.label(now, width - len(prefix)), colour)]
