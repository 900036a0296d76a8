"""The glyph, ASCII character, word and colour of each state, in one table: no state is shown by colour alone."""

from __future__ import annotations

from typing import NamedTuple

from scaicore_tui.runs.model import NodeState, RunStatus


class StatusStyle(NamedTuple):
    """How a state is shown. `colour` is a name to which a theme assigns a value."""

    glyph: str
    ascii: str
    word: str
    colour: str


BREAKPOINT = StatusStyle("◆", "#", "breakpoint", "amber")
REVIEW = StatusStyle("‖", "=", "review", "amber")
GAP = StatusStyle("┄", "-", "gap", "amber")
RUN_STYLES: dict[RunStatus, StatusStyle] = {
    RunStatus.RUNNING: StatusStyle("●", "*", "running", "blue"),
    RunStatus.WAITING: StatusStyle("‖", "=", "waiting", "amber"),
    RunStatus.COMPLETED: StatusStyle("✓", "+", "completed", "green"),
    RunStatus.FAILED: StatusStyle("✗", "x", "failed", "red"),
    RunStatus.UNKNOWN: StatusStyle("?", "?", "unknown", "grey"),
}
NODE_STYLES: dict[NodeState, StatusStyle] = {
    NodeState.ENTERED: StatusStyle("●", "*", "entered", "blue"),
    NodeState.EXITED: StatusStyle("✓", "+", "exited", "green"),
    NodeState.FAILED: StatusStyle("✗", "x", "failed", "red"),
}
