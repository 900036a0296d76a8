"""Calls that would leave the process: they take the time and give the result, or the failure, that the flow declares.

`simulate` in a node's configuration: `latency` [from, to] in seconds, and `outcomes`, each with a `result` or an
`error` {code, message}, a `weight` (1) and a condition `when`. `filler` {field, characters} adds a long text.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, Final

from scaicore_tui.grid.budget import MAX_SIZE
from scaicore_tui.grid.expression import evaluate
from scaicore_tui.grid.failure import NodeFailed
from scaicore_tui.grid.graph import Node
from scaicore_tui.grid.journal import Outcome
from scaicore_tui.grid.nodes.frame import Frame, as_object
from scaicore_tui.grid.template import render

_LATENCY: Final = (0.5, 1.5)
_OUTCOMES: Final = ({"result": {"ok": True}},)
_SENTENCES: Final = (
    "The figures of the second quarter confirm what the spring survey suggested. ",
    "Two of the three sources agree; the third counts pilot projects as well. ",
    "Costs fell faster than forecast, mainly because of cheaper storage. ",
    "Operators report fewer incidents, though the reporting rules changed in March. ",
    "No comparable data exist for regions without a public register. ",
)


async def simulate(frame: Frame) -> Outcome:
    """Wait, then come to one of the declared outcomes."""
    plan = frame.node.config.get("simulate", {})
    chance = frame.dice()
    low, high = plan.get("latency", _LATENCY)
    await frame.run.world.work(chance.uniform(low, high))
    outcome = _choose(frame, plan.get("outcomes", _OUTCOMES), chance)
    if "error" in outcome:
        error = as_object(frame.node, "error", render(outcome["error"], frame.names))
        raise NodeFailed(str(error["code"]), str(error["message"]))
    result = render(outcome.get("result"), frame.names)
    if (filler := plan.get("filler")) is not None:
        result = {**as_object(frame.node, "result", result), **_filler(frame.node, filler, chance)}
    return Outcome(result)


def _choose(frame: Frame, outcomes: Any, chance: random.Random) -> Mapping[str, Any]:
    possible = [outcome for outcome in outcomes if evaluate(outcome.get("when", "true"), frame.names)]
    if not possible:
        raise NodeFailed("NO_OUTCOME", f"{frame.node.label!r} has no answer to this input")
    chosen: Mapping[str, Any] = chance.choices(possible, [outcome.get("weight", 1) for outcome in possible])[0]
    return chosen


def _filler(node: Node, filler: Mapping[str, Any], chance: random.Random) -> Mapping[str, str]:
    if filler["characters"] > MAX_SIZE:
        raise NodeFailed("VALUE_TOO_LARGE", f"node {node.id!r}: a filler may have {MAX_SIZE} characters")
    text = ""
    while len(text) < filler["characters"]:
        text += chance.choice(_SENTENCES)
    return {filler["field"]: text.strip()}
