"""Names of runs, and the rows of nodes and gaps. Pure."""

from __future__ import annotations

from scaicore_tui.runs import GapRow, NodeState, Run, RunStatus
from scaicore_tui.runs.status_style import GAP, NODE_STYLES, RUN_STYLES, StatusStyle
from scaicore_tui.text import ELLIPSIS, MAX_DISPLAY_NAME_CELLS, one_line
from scaicore_tui.tui.render.line import Span

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


def has_ended_badly(run: Run) -> bool:
    """Return true if a run is over and did not complete."""
    return run.is_over and run.outcome is not RunStatus.COMPLETED


def node_style(state: NodeState, *, waiting: bool) -> StatusStyle:
    """Return the style of a node; an entered node of a waiting run is shown as waiting."""
    if waiting and state is NodeState.ENTERED:
        return RUN_STYLES[RunStatus.WAITING]
    return NODE_STYLES[state]


def gap_row(gap: GapRow, width: int, now: float) -> list[Span]:
    """Return the row of a gap, `width` cells wide, at `now` in seconds since 1970; grey while it is being filled."""
    colour = "grey" if gap.is_open else GAP.colour
    prefix = f"  {GAP.glyph} "
    return [(prefix, colour), (gap.label(now, width - len(prefix)), colour)]
