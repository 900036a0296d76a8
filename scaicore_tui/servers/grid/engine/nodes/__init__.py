"""The behaviour of each node type."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from scaicore_tui.servers.grid.engine.nodes.containers import loop, parallel
from scaicore_tui.servers.grid.engine.nodes.context import NodeContext
from scaicore_tui.servers.grid.engine.nodes.review import review
from scaicore_tui.servers.grid.engine.nodes.simple import call_core, decide, set_variables, simulate
from scaicore_tui.servers.grid.engine.steps import NodeResult
from scaicore_tui.servers.grid.flow.node_types import BLOCK_KINDS

Behaviour = Callable[[NodeContext], Awaitable[NodeResult]]

_BEHAVIOUR_BY_TYPE: Final[Mapping[str, Behaviour]] = {
    "logic_decision": decide,
    "logic_loop": loop,
    "logic_parallel": parallel,
    "data_variable_set": set_variables,
    "checkpoint": review,
    "hitl_review": review,
    "hitl_decision": review,
    "subflow_call": call_core,
}

# Models, tools, queues and sandboxes would call other systems: all of them are simulated.
BEHAVIOURS: Final[Mapping[str, Behaviour]] = {
    node_type: _BEHAVIOUR_BY_TYPE.get(node_type, simulate) for node_type in BLOCK_KINDS
}
