"""How each state is shown: one table for glyph, ASCII sign, word and colour, so that no state is colour alone."""

from __future__ import annotations

from typing import NamedTuple

from scaicore_tui.runs.model import NodeState, RunStatus


class StatusStyle(NamedTuple):
    """How a state looks, on any terminal. `colour` is a name; themes give it a value."""

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
