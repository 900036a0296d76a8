"""Executes a run: follows the control flow from node to node, with retries, error edges and sub-flow calls.

The executor decides which node comes next. `nodes` defines what each node type does; `StepLog` remembers what has
already been done, so that executing a run again after a restart repeats nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from scaicore_tui.servers.grid.engine.context import EngineContext
from scaicore_tui.servers.grid.engine.failure import NodeFailed
from scaicore_tui.servers.grid.engine.nodes import BEHAVIOURS
from scaicore_tui.servers.grid.engine.nodes.context import CallCore, NodeContext
from scaicore_tui.servers.grid.engine.nodes.review import pause_at_breakpoint
from scaicore_tui.servers.grid.engine.run import RunContext, Scope
from scaicore_tui.servers.grid.engine.steps import NodeResult, Telemetry
from scaicore_tui.servers.grid.flow.expression import ExpressionError
from scaicore_tui.servers.grid.flow.graph import ERROR_PORT, OUT_PORT, Node
from scaicore_tui.servers.grid.flow.node_types import ENTRY_TYPES
from scaicore_tui.servers.grid.flow.template import render
from scaicore_tui.servers.grid.seeded import seeded_id
from scaicore_tui.servers.grid.store import Execution

# A node's configuration may be any JSON. A value of the wrong kind surfaces as one of these.
_CONFIG_ERRORS = (TypeError, ValueError, LookupError, AttributeError, OverflowError)


class GraphExecutor:
    """Executes the graph of one run."""

    def __init__(self, run: RunContext, call_core: CallCore) -> None:
        self._run = run
        self._call_core = call_core

    async def run_to_end(self) -> Any:
        """Execute from the entry node to the end and return the output. Raises NodeFailed."""
        scope = self._run.root_scope()
        last = await self._run_from(self._run.execution.entry, scope, "")
        config = self._run.graph.config
        return _render("the flow's output", config["output"], scope) if "output" in config else last

    async def _run_from(self, start: str | None, scope: Scope, prefix: str) -> Any:
        """Visit node after node, beginning with `start`, and return the last node's value.

        `prefix` is put in front of the step paths; it names the enclosing loop iteration or branch.
        """
        node_id, value = start, None
        while node_id is not None:
            node = self._run.graph.by_id[node_id]
            result = await self._visit(node, scope, prefix)
            scope[node.binding] = value = result.value
            node_id = self._run.graph.next_node(node.id, result.port)
        return value

    async def _visit(self, node: Node, scope: Scope, prefix: str) -> NodeResult:
        """Visit a node, with its retries. Return its result, or what the node declares for a failure that persists."""
        if node.type in ENTRY_TYPES:
            return NodeResult(dict(self._run.execution.input))
        self._run.limits.count_step(node.id)
        attempt = 0
        while True:
            path = f"{prefix}{node.id}~{attempt}"
            if attempt and not self._run.steps.has(path):
                await self._run.engine.simulate_latency(node.on_error.delay)
            try:
                return await self._attempt(self._node_context(node, scope, path, attempt))
            except NodeFailed as failure:
                if attempt == node.on_error.retries:
                    return self._recover(node, scope, failure)
            attempt += 1

    def _node_context(self, node: Node, scope: Scope, path: str, attempt: int) -> NodeContext:
        by_id = self._run.graph.by_id
        inputs = {
            edge.target.port: scope.get(by_id[edge.source.node].binding)
            for edge in self._run.graph.data_edges_into(node.id)
        }
        node_scope = scope.new_child({"inputs": inputs, "attempt": attempt})
        return NodeContext(self._run, node, path, node_scope, self._run_from, self._call_core)

    async def _attempt(self, context: NodeContext) -> NodeResult:
        """Make one attempt at a node; return the recorded result if the step has already ended."""
        node, path, steps = context.node, context.path, self._run.steps
        known = steps.result_of(path)
        if known is not None:
            return known
        if node.breakpoint:
            await pause_at_breakpoint(context)
        steps.enter(path, node)
        try:
            result = await _run_behaviour(context)
            steps.exit(path, node, result)
        except NodeFailed as failure:
            steps.fail(path, node, failure)
            raise
        return result

    def _recover(self, node: Node, scope: Scope, failure: NodeFailed) -> NodeResult:
        if self._run.graph.next_node(node.id, ERROR_PORT) is not None:
            scope["error"] = {**failure.as_error(), "node": node.id}
            return NodeResult(None, ERROR_PORT)
        if node.on_error.fallback is not None:
            return NodeResult(_render(f"the fallback of node {node.id!r}", node.on_error.fallback, scope), OUT_PORT)
        raise failure


async def _run_behaviour(context: NodeContext) -> NodeResult:
    try:
        result = await BEHAVIOURS[context.node.type](context)
        return context.with_emitted_events(result)
    except ExpressionError as error:
        raise NodeFailed("EXPRESSION_ERROR", f"node {context.node.id!r}: {error}") from error
    except _CONFIG_ERRORS as error:
        reason = f"{type(error).__name__}: {error}"
        raise NodeFailed("INVALID_CONFIG", f"node {context.node.id!r} has an invalid setting ({reason})") from error


def _render(label: str, value: Any, scope: Scope) -> Any:
    try:
        return render(value, scope)
    except ExpressionError as error:
        raise NodeFailed("EXPRESSION_ERROR", f"{label}: {error}") from error


def record_start(engine: EngineContext, execution: Execution) -> Execution:
    """Store a new execution and emit its `started` event."""
    with engine.store.transaction():
        engine.store.execution_table.add(execution)
        Telemetry(engine.store, engine.clock, execution).started()
    return execution


async def execute(run: RunContext) -> Any:
    """Execute a run to its end, from wherever it stands, and return the output. Raises NodeFailed."""
    try:
        output = await GraphExecutor(run, partial(_call_core, run)).run_to_end()
    except NodeFailed as failure:
        run.fail(failure)
        raise
    run.complete(output)
    return output


async def _call_core(caller: RunContext, core_id: str, values: Mapping[str, Any], path: str) -> Any:
    """Run another Core as a sub-flow of `caller`. The same call yields the same execution, also after a restart."""
    child_id = seeded_id("exec", caller.execution.id, path)
    child = caller.engine.store.execution_table.find(child_id) or _start_child(caller, child_id, core_id, values)
    try:
        return await execute(RunContext(caller.engine, child, caller))
    except NodeFailed as failure:
        raise NodeFailed("SUBFLOW_FAILED", f"{core_id} failed: {failure.message}") from failure


def _start_child(caller: RunContext, child_id: str, core_id: str, values: Mapping[str, Any]) -> Execution:
    child = Execution(
        id=child_id,
        core_id=core_id,
        root_id=caller.execution.root_id,
        origin=caller.execution.origin,
        entry=caller.engine.cores[core_id].entry.id,
        status="running",
        started_at=caller.engine.clock.now(),
        instance_key=None,
        input=values,
    )
    return record_start(caller.engine, child)
