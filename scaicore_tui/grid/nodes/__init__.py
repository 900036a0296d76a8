"""What each type of node does when it is visited."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from scaicore_tui.grid.journal import Outcome
from scaicore_tui.grid.kinds import BLOCK_KINDS
from scaicore_tui.grid.nodes.containers import loop, parallel
from scaicore_tui.grid.nodes.frame import Frame
from scaicore_tui.grid.nodes.review import review
from scaicore_tui.grid.nodes.simple import call_core, decide, set_variables
from scaicore_tui.grid.nodes.simulated import simulate

Behaviour = Callable[[Frame], Awaitable[Outcome]]

_OWN: Final[Mapping[str, Behaviour]] = {
    "logic_decision": decide,
    "logic_loop": loop,
    "logic_parallel": parallel,
    "data_variable_set": set_variables,
    "checkpoint": review,
    "hitl_review": review,
    "hitl_decision": review,
    "subflow_call": call_core,
}

# Models, tools, queues and sandboxes would reach out of the process: they are all simulated.
BEHAVIOURS: Final[Mapping[str, Behaviour]] = {node_type: _OWN.get(node_type, simulate) for node_type in BLOCK_KINDS}
