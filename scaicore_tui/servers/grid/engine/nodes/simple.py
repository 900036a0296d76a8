"""The nodes without a body: decisions, variables, calls of other Cores, and simulated calls.

`simulate` in a node's configuration: `latency` [from, to] in seconds, and `outcomes`, each with a `result` or an
`error` {code, message}, a `weight` (default 1) and a condition `when`. `filler` {field, characters} adds a long text.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, Final

from scaicore_tui.servers.grid.engine.failure import NodeFailed
from scaicore_tui.servers.grid.engine.nodes.context import NodeContext, as_object
from scaicore_tui.servers.grid.engine.steps import NodeResult
from scaicore_tui.servers.grid.flow.expression import evaluate
from scaicore_tui.servers.grid.flow.graph import Node
from scaicore_tui.servers.grid.flow.template import render
from scaicore_tui.servers.grid.flow.value_size import MAX_VALUE_CHARS

_DECISION_LATENCY_S: Final = 0.2

_DEFAULT_LATENCY_S: Final = (0.5, 1.5)
_DEFAULT_OUTCOMES: Final = ({"result": {"ok": True}},)
_SENTENCES: Final = (
    "The figures of the second quarter confirm what the spring survey suggested. ",
    "Two of the three sources agree; the third counts pilot projects as well. ",
    "Costs fell faster than forecast, mainly because of cheaper storage. ",
    "Operators report fewer incidents, though the reporting rules changed in March. ",
    "No comparable data exist for regions without a public register. ",
)


async def decide(context: NodeContext) -> NodeResult:
    """Leave by the first edge whose condition holds. An edge without a condition always does."""
    await context.run.engine.simulate_latency(_DECISION_LATENCY_S)
    for edge in context.run.graph.control_edges_from(context.node.id):
        if edge.condition is None or evaluate(edge.condition, context.scope):
            return NodeResult(edge.source.port, edge.source.port)
    raise NodeFailed(
        "NO_BRANCH", f"no condition of {context.node.label!r} holds, and there is no edge without a condition"
    )


async def set_variables(context: NodeContext) -> NodeResult:
    """Set variables of the run, which every later node sees."""
    values = dict(context.object_setting("set"))
    context.run.variables.update(values)
    return NodeResult(values)


async def call_core(context: NodeContext) -> NodeResult:
    """Run another Core and return its output."""
    output = await context.call_core(context.setting("core_id"), context.object_setting("input"), context.path)
    return NodeResult(output)


async def simulate(context: NodeContext) -> NodeResult:
    """Simulate a call that would leave the process: wait, then return or fail as one of the declared outcomes."""
    plan = context.node.config.get("simulate", {})
    rng = context.random()
    low, high = plan.get("latency", _DEFAULT_LATENCY_S)
    await context.run.engine.simulate_latency(rng.uniform(low, high))
    outcome = _choose_outcome(context, plan.get("outcomes", _DEFAULT_OUTCOMES), rng)
    if "error" in outcome:
        error = as_object(context.node, "error", render(outcome["error"], context.scope))
        raise NodeFailed(str(error["code"]), str(error["message"]))
    result = render(outcome.get("result"), context.scope)
    if (filler := plan.get("filler")) is not None:
        result = {**as_object(context.node, "result", result), **_filler_text(context.node, filler, rng)}
    return NodeResult(result)


def _choose_outcome(context: NodeContext, outcomes: Any, rng: random.Random) -> Mapping[str, Any]:
    possible = [outcome for outcome in outcomes if evaluate(outcome.get("when", "true"), context.scope)]
    if not possible:
        raise NodeFailed("NO_OUTCOME", f"{context.node.label!r} has no outcome for this input")
    chosen: Mapping[str, Any] = rng.choices(possible, [outcome.get("weight", 1) for outcome in possible])[0]
    return chosen


def _filler_text(node: Node, filler: Mapping[str, Any], rng: random.Random) -> Mapping[str, str]:
    if filler["characters"] > MAX_VALUE_CHARS:
        raise NodeFailed("VALUE_TOO_LARGE", f"node {node.id!r}: a filler may have {MAX_VALUE_CHARS} characters")
    text = ""
    while len(text) < filler["characters"]:
        text += rng.choice(_SENTENCES)
    return {filler["field"]: text.strip()}
