"""How each state is shown: one table for glyph, ASCII sign, word and colour, so that no state is colour alone."""

from __future__ import annotations

from typing import NamedTuple

from scaicore_tui.runs.model import NodeState, RunStatus


class Look(NamedTuple):
    """How a state looks, on any terminal. `colour` is a name; themes give it a value."""

    glyph: str
    ascii: str
    word: str
    colour: str


BREAKPOINT = Look("◆", "#", "breakpoint", "amber")
REVIEW = Look("‖", "=", "review", "amber")
GAP = Look("┄", "-", "gap", "amber")
RUN_LOOKS: dict[RunStatus, Look] = {
    RunStatus.RUNNING: Look("●", "*", "running", "blue"),
    RunStatus.WAITING: Look("‖", "=", "waiting", "amber"),
    RunStatus.COMPLETED: Look("✓", "+", "completed", "green"),
    RunStatus.FAILED: Look("✗", "x", "failed", "red"),
    RunStatus.UNKNOWN: Look("?", "?", "unknown", "grey"),
}
NODE_LOOKS: dict[NodeState, Look] = {
    NodeState.ENTERED: Look("●", "*", "entered", "blue"),
    NodeState.EXITED: Look("✓", "+", "exited", "green"),
    NodeState.FAILED: Look("✗", "x", "failed", "red"),
}
