"""The nodes that only move control or data about: decisions, variables, calls of other Cores."""

from __future__ import annotations

from typing import Final

from scaicore_tui.grid.expression import evaluate
from scaicore_tui.grid.failure import NodeFailed
from scaicore_tui.grid.journal import Outcome
from scaicore_tui.grid.nodes.frame import Frame

_THINKING: Final = 0.2


async def decide(frame: Frame) -> Outcome:
    """Leave by the first edge whose condition holds; an edge without one always does."""
    await frame.run.world.work(_THINKING)
    for edge in frame.run.graph.leaving(frame.node.id):
        if edge.condition is None or evaluate(edge.condition, frame.names):
            return Outcome(edge.source.port, edge.source.port)
    raise NodeFailed("NO_BRANCH", f"no condition of {frame.node.label!r} holds, and it has no other way out")


async def set_variables(frame: Frame) -> Outcome:
    """Write into the run's variables, which every node sees from now on."""
    values = dict(frame.object("set"))
    frame.run.variables.update(values)
    return Outcome(values)


async def call_core(frame: Frame) -> Outcome:
    """Run another Core and wait for its output."""
    output = await frame.call(frame.setting("core_id"), frame.object("input"), frame.path)
    return Outcome(output)
