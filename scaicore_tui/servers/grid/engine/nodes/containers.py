"""The nodes that contain other nodes: loops and parallel branches."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from scaicore_tui.servers.grid.engine.failure import NodeFailed
from scaicore_tui.servers.grid.engine.nodes.context import NodeContext
from scaicore_tui.servers.grid.engine.steps import NodeResult
from scaicore_tui.servers.grid.flow.expression import evaluate
from scaicore_tui.servers.grid.flow.graph import DONE_PORT
from scaicore_tui.servers.grid.flow.template import render

BODY_PORT: Final = "body"
_DEFAULT_MAX_ROUNDS: Final = 50
_ROUNDS_PER_YIELD: Final = 100


async def loop(context: NodeContext) -> NodeResult:
    """Execute the body for each of `items`, or while a condition holds. The value lists what each round collected."""
    results: list[Any] = []
    first = context.run.graph.next_node(context.node.id, BODY_PORT)
    while (item := _next_item(context, len(results))) is not None:
        context.run.limits.count_step(context.node.id)
        if len(results) % _ROUNDS_PER_YIELD == _ROUNDS_PER_YIELD - 1:
            # A body that never waits would block the event loop.
            await context.run.engine.simulate_latency(0)
        scope = context.scope.new_child({context.node.config.get("as", "item"): item[0], "index": len(results)})
        value = await context.run_body(first, scope, f"{context.path}[{len(results)}]/")
        if "collect" in context.node.config:
            value = render(context.node.config["collect"], scope)
            context.run.limits.count_values(context.node.id, value)
        results.append(value)
    return NodeResult(results, DONE_PORT)


def _next_item(context: NodeContext, index: int) -> tuple[Any] | None:
    """Return the item of the next round; None after the last.

    The condition and the items are recorded, since variables may differ when the run is executed again after a restart.
    """
    limit = int(context.node.config.get("limit", _DEFAULT_MAX_ROUNDS))
    if "while" in context.node.config:
        condition = context.node.config["while"]
        holds = context.run.steps.record_once(
            f"{context.path}?{index}", context.node, lambda: bool(evaluate(condition, context.scope))
        )
        return (index,) if holds and index < limit else None
    items = context.run.steps.record_once(f"{context.path}?items", context.node, lambda: context.setting("items"))
    if not isinstance(items, list):
        raise NodeFailed("NOT_A_LIST", f"{context.node.label!r} needs a list of items")
    if len(items) > limit:
        raise NodeFailed("LOOP_LIMIT", f"{context.node.label!r} got {len(items)} items, its limit is {limit}")
    return (items[index],) if index < len(items) else None


async def parallel(context: NodeContext) -> NodeResult:
    """Execute all branches concurrently. The value maps each branch's port to its last value.

    If a branch fails, the others are executed to their ends first, so that no block stays open.
    """
    ports = context.run.graph.body_ports(context.node)
    branches = _Branches(context, len(ports))
    values = await asyncio.gather(*(branches.execute(port) for port in ports), return_exceptions=True)
    for value in values:
        if isinstance(value, BaseException):
            raise value
    return NodeResult(dict(zip(ports, values, strict=True)), DONE_PORT)


class _Branches:
    """The branches of one fork. The last one to end continues as the branch that forked."""

    def __init__(self, context: NodeContext, number: int) -> None:
        self._context = context
        self._left = number
        context.run.branches.fork(number)

    async def execute(self, port: str) -> Any:
        """Execute one branch and return its last value."""
        context = self._context
        start = context.run.graph.next_node(context.node.id, port)
        try:
            value = await context.run_body(start, context.scope.new_child(), f"{context.path}.{port}/")
        except NodeFailed:
            self._on_done()
            raise
        self._on_done()
        return value

    def _on_done(self) -> None:
        """Count the end of a branch. Not called for branches that are cancelled: they resume after the restart."""
        self._left -= 1
        if self._left:
            self._context.run.branches.suspend()
