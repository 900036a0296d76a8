"""Rows of runs, nodes and gaps. Pure."""

from __future__ import annotations

from itertools import groupby

from scaicore_tui.runs import GapRow, NodeRunInfo, NodeState, NodeVisit, RunStatus, Summary
from scaicore_tui.runs.status_style import GAP, NODE_STYLES, RUN_STYLES, StatusStyle
from scaicore_tui.text import ELLIPSIS, MAX_DISPLAY_NAME_CELLS, json_inline, one_line, truncate
from scaicore_tui.timefmt import NOW, age_text, format_count, format_duration
from scaicore_tui.tui.render.line import Span, column, right_align

ID_WIDTH = 13
# Only both ends of a longer id are sanitized, to save time.
LONG_ID_CHARS = 200
RUN_FIXED_CELLS = 2 + ID_WIDTH + 1 + 5 + 7 + 1
MIN_ERROR_CELLS = 8

_ID_STYLES = {RunStatus.FAILED: "text strong", RunStatus.WAITING: "text strong"}


def run_row(run: Summary, width: int, now: float, mark: Span | None = None) -> list[Span]:
    """Return the row of a run, `width` cells wide, at `now` in seconds since 1970.

    It shows status, id, Core, age, duration, a `mark` if there is one, a glyph for each node, and the error.
    """
    style = RUN_STYLES[run.status]
    free_cells = max(0, width - RUN_FIXED_CELLS)
    core = max(8, min(18, free_cells * 3 // 5))
    marked: list[Span] = [] if mark is None else [mark, ("  ", "text")]
    glyphs = [*marked, *node_sparkline(run, max(4, min(16, free_cells // 4)))]
    row = [
        (f"{style.glyph} ", style.colour),
        column(short_id(run.execution_id), ID_WIDTH + 1, _ID_STYLES.get(run.status, "text")),
        column(core_name(run.core_id), core, "text"),
        right_align(age_text(run.began_at, now), 5, "grey"),
        right_align(format_duration(run.duration_ms), 7, "grey"),
        (" ", "text"),
        *glyphs,
    ]
    left = free_cells - core - sum(len(text) for text, _ in glyphs) - 1
    if run.error and left >= MIN_ERROR_CELLS:
        row.append((" " + one_line(run.error, left), "red"))
    return row


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


def node_sparkline(run: Summary, width: int) -> list[Span]:
    """Return one glyph per node, in order of entry; if there are more than `width`, the last ones."""
    nodes = run.node_states
    cut = len(nodes) > width
    shown = nodes[len(nodes) - width + 1 :] if cut else nodes
    styles = [node_style(state, waiting=run.status is RunStatus.WAITING) for state in shown]
    glyphs: list[Span] = [(ELLIPSIS, "grey")] if cut else []
    return glyphs + [(style.glyph * len(list(group)), style.colour) for style, group in groupby(styles)]


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
