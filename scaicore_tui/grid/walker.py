"""Walks one token over a graph, from node to node, with retries and error edges.

It decides where control goes; what a node does is `nodes`' business, what has been done is the journal's.
"""

from __future__ import annotations

from typing import Any

from scaicore_tui.grid.expression import ExpressionError
from scaicore_tui.grid.failure import NodeFailed
from scaicore_tui.grid.graph import ERROR, OUT, Node
from scaicore_tui.grid.journal import Outcome
from scaicore_tui.grid.kinds import ENTRY_TYPES
from scaicore_tui.grid.nodes import BEHAVIOURS
from scaicore_tui.grid.nodes.frame import CallCore, Frame
from scaicore_tui.grid.nodes.review import pause_at_breakpoint
from scaicore_tui.grid.run import Names, Run
from scaicore_tui.grid.template import render

# What comes of settings that are no kind of value that their node can work with: a configuration may be any JSON.
_MISFITS = (TypeError, ValueError, LookupError, AttributeError, OverflowError)


class Walker:
    """One execution's way through its graph."""

    def __init__(self, run: Run, call: CallCore) -> None:
        self._run = run
        self._call = call

    async def finish(self) -> Any:
        """Walk from the entry to the end; the output. Raises NodeFailed."""
        names = self._run.names()
        last = await self.walk(self._run.execution.entry, names, "")
        config = self._run.graph.config
        return _rendered("the flow's output", config["output"], names) if "output" in config else last

    async def walk(self, start: str | None, names: Names, prefix: str) -> Any:
        """Visit node after node from `start` on; the last one's value."""
        here, value = start, None
        while here is not None:
            node = self._run.graph.by_id[here]
            outcome = await self._visit(node, names, prefix)
            names[node.binding] = value = outcome.value
            here = self._run.graph.after(node.id, outcome.port)
        return value

    async def _visit(self, node: Node, names: Names, prefix: str) -> Outcome:
        """One node with its retries; what it does about a failure that stays."""
        if node.type in ENTRY_TYPES:
            return Outcome(dict(self._run.execution.input))
        self._run.budget.take_step(node.id)
        attempt = 0
        while True:
            path = f"{prefix}{node.id}~{attempt}"
            if attempt and not self._run.journal.knows(path):
                await self._run.world.work(node.on_error.delay)
            try:
                return await self._attempt(self._frame(node, names, path, attempt))
            except NodeFailed as failure:
                if attempt == node.on_error.retries:
                    return self._recover(node, names, failure)
            attempt += 1

    def _frame(self, node: Node, names: Names, path: str, attempt: int) -> Frame:
        by_id = self._run.graph.by_id
        fed = {
            edge.target.port: names.get(by_id[edge.source.node].binding) for edge in self._run.graph.feeding(node.id)
        }
        seen = names.new_child({"inputs": fed, "attempt": attempt})
        return Frame(self._run, node, path, seen, self.walk, self._call)

    async def _attempt(self, frame: Frame) -> Outcome:
        """One visit: as the journal has it, or for the first time."""
        node, path, journal = frame.node, frame.path, self._run.journal
        known = journal.outcome(path)
        if known is not None:
            return known
        if node.breakpoint:
            await pause_at_breakpoint(frame)
        journal.enter(path, node)
        try:
            outcome = await _behave(frame)
            journal.exit(path, node, outcome)
        except NodeFailed as failure:
            journal.fail(path, node, failure)
            raise
        return outcome

    def _recover(self, node: Node, names: Names, failure: NodeFailed) -> Outcome:
        if self._run.graph.after(node.id, ERROR) is not None:
            names["error"] = {**failure.as_error(), "node": node.id}
            return Outcome(None, ERROR)
        if node.on_error.fallback is not None:
            return Outcome(_rendered(f"the fallback of node {node.id!r}", node.on_error.fallback, names), OUT)
        raise failure


async def _behave(frame: Frame) -> Outcome:
    try:
        outcome = await BEHAVIOURS[frame.node.type](frame)
        return frame.with_emits(outcome)
    except ExpressionError as error:
        raise NodeFailed("EXPRESSION_ERROR", f"node {frame.node.id!r}: {error}") from error
    except _MISFITS as error:
        found = f"{type(error).__name__}: {error}"
        raise NodeFailed(
            "INVALID_CONFIG", f"node {frame.node.id!r} has a setting that does not fit ({found})"
        ) from error


def _rendered(what: str, value: Any, names: Names) -> Any:
    try:
        return render(value, names)
    except ExpressionError as error:
        raise NodeFailed("EXPRESSION_ERROR", f"{what}: {error}") from error
