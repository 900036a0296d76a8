"""A run as one row: state, id, Core, age, duration, its nodes as signs, its error. Pure."""

from __future__ import annotations

from itertools import groupby

from scaicore_tui.runs import GapRow, NodeRunInfo, NodeState, NodeVisit, RunStatus, Summary
from scaicore_tui.runs.status_style import GAP, NODE_STYLES, RUN_STYLES, StatusStyle
from scaicore_tui.text import ELLIPSIS, MAX_DISPLAY_NAME_CELLS, json_inline, one_line, truncate
from scaicore_tui.timefmt import NOW, age_text, format_count, format_duration
from scaicore_tui.tui.render.line import Span, column, right_align

ID_WIDTH = 13
# Of a longer one only both ends are looked at.
LONG_ID_CHARS = 200
RUN_FIXED_CELLS = 2 + ID_WIDTH + 1 + 5 + 7 + 1
MIN_ERROR = 8

_OUTWEIGHS = {RunStatus.FAILED: "text strong", RunStatus.WAITING: "text strong"}


def run_row(run: Summary, width: int, now: float, mark: Span | None = None) -> list[Span]:
    """The row, `width` cells wide, at `now` in seconds since 1970; a `mark` stands before the signs of its nodes."""
    look = RUN_STYLES[run.status]
    room = max(0, width - RUN_FIXED_CELLS)
    core = max(8, min(18, room * 3 // 5))
    marked: list[Span] = [] if mark is None else [mark, ("  ", "text")]
    signs = [*marked, *node_sparkline(run, max(4, min(16, room // 4)))]
    row = [
        (f"{look.glyph} ", look.colour),
        column(short_id(run.execution_id), ID_WIDTH + 1, _OUTWEIGHS.get(run.status, "text")),
        column(core_name(run.core_id), core, "text"),
        right_align(age_text(run.began_at, now), 5, "grey"),
        right_align(format_duration(run.duration_ms), 7, "grey"),
        (" ", "text"),
        *signs,
    ]
    left = room - core - sum(len(text) for text, _ in signs) - 1
    if run.error and left >= MIN_ERROR:
        row.append((" " + one_line(run.error, left), "red"))
    return row


def short_id(execution_id: str) -> str:
    """An id in a few cells: where it is long, its beginning and its end, which tell ids apart."""
    # Where an id is very long, of its middle nothing is seen.
    shown = one_line(execution_id if len(execution_id) <= LONG_ID_CHARS else execution_id[:99] + execution_id[-99:])
    return shown if len(shown) <= ID_WIDTH else f"{shown[: ID_WIDTH - 5]}{ELLIPSIS}{shown[-4:]}"


def core_name(core_id: str | None) -> str:
    """A Core's name in a row: its id without what all of them begin with."""
    return one_line((core_id or "?").removeprefix("core_"), MAX_DISPLAY_NAME_CELLS)


def node_style(state: NodeState, *, waiting: bool) -> StatusStyle:
    """How a node looks: one that is entered in a waiting run is where it waits."""
    if waiting and state is NodeState.ENTERED:
        return RUN_STYLES[RunStatus.WAITING]
    return NODE_STYLES[state]


def node_sparkline(run: Summary, width: int) -> list[Span]:
    """One sign per node, in the order they were entered; where there are too many, the last ones."""
    nodes = run.node_states
    cut = len(nodes) > width
    shown = nodes[len(nodes) - width + 1 :] if cut else nodes
    looks = [node_style(state, waiting=run.status is RunStatus.WAITING) for state in shown]
    signs: list[Span] = [(ELLIPSIS, "grey")] if cut else []
    return signs + [(look.glyph * len(list(group)), look.colour) for look, group in groupby(looks)]


KIND_WIDTH = 12
NODE_FIXED_CELLS = 2 + 5 + 7 + 2
# Below this a row has no room for the block kind: the run's own view has it.
MIN_WIDTH_FOR_KIND = 52
MAX_NAME_CELLS = 26


def node_row(node: NodeRunInfo, width: int, now: float, status: RunStatus, name_width: int) -> list[Span]:
    """The row, `width` cells wide, at `now` in seconds since 1970, in a run of that `status`.

    Names are given `name_width` cells, if there is room for them.
    """
    look = node_style(node.state, waiting=status is RunStatus.WAITING)
    kind = KIND_WIDTH if width >= MIN_WIDTH_FOR_KIND else 0
    room = max(0, width - NODE_FIXED_CELLS - kind)
    name = max(8, min(name_width, room * 2 // 3))
    times = f"×{format_count(node.visit_count)} " if node.visit_count > 1 else ""
    return [
        (f"{look.glyph} ", look.colour),
        column(one_line(node.name, name), name, "text"),
        right_align(times, 5, "grey"),
        column(one_line(node.block_kind or "", kind - 1), kind, "grey"),
        right_align(node_duration(node, now, status), 7, "grey"),
        ("  ", "text"),
        visit_result(node.latest, room - name, node.name),
    ]


def node_duration(node: NodeRunInfo, now: float, status: RunStatus) -> str:
    """How long a node took; while it is open, how long it has been. In a run that is over, no time passes."""
    if not node.latest.is_open:
        return format_duration(node.duration_ms)
    if status in (RunStatus.COMPLETED, RunStatus.FAILED):
        return ""
    return f"{age_text(node.latest.entered_at, now).removeprefix(NOW)}{ELLIPSIS}"


def visit_result(visit: NodeVisit, width: int, name: str = "") -> Span:
    """What a visit came to, in `width` cells: its error, or its result, bound to what is not the node's own `name`."""
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
    """The line, `width` cells wide, at `now` in seconds since 1970; quieter while it is still being filled."""
    colour = "grey" if gap.is_open else GAP.colour
    sign = f"  {GAP.glyph} "
    return [(sign, colour), (gap.label(now, width - len(sign)), colour)]
