"""The context of a node's visit: all that a node can read and use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from scaicore_tui.servers.grid.engine.failure import NodeFailed
from scaicore_tui.servers.grid.engine.run import RunContext, Scope
from scaicore_tui.servers.grid.engine.steps import AuthorEvent, NodeResult
from scaicore_tui.servers.grid.flow.expression import evaluate
from scaicore_tui.servers.grid.flow.graph import Node
from scaicore_tui.servers.grid.flow.template import render
from scaicore_tui.servers.grid.seeded import seeded_random

RunBody = Callable[[str | None, Scope, str], Awaitable[Any]]
"""Executes a body: takes its first node's id, its scope and its path prefix; returns the last node's value."""
CallCore = Callable[[str, Mapping[str, Any], str], Awaitable[Any]]
"""Runs another Core: takes its id, its input and the path of the call; returns its output."""


@dataclass(frozen=True)
class NodeContext:
    """One visit of a node."""

    run: RunContext
    node: Node
    path: str
    scope: Scope
    run_body: RunBody
    call_core: CallCore

    def setting(self, key: str, default: Any = None) -> Any:
        """Return a field of the node's configuration, with its templates filled in."""
        return render(self.node.config.get(key, default), self.scope)

    def object_setting(self, key: str) -> Mapping[str, Any]:
        """Return a configuration field that must be an object; the default is an empty one. Raises NodeFailed."""
        return as_object(self.node, key, self.setting(key, {}))

    def random(self) -> Random:
        """Return this visit's random generator. It does not depend on the order in which branches execute."""
        return seeded_random(self.run.execution.id, self.path)

    def with_emitted_events(self, result: NodeResult) -> NodeResult:
        """Add the events that the flow's author declared. Their templates can read the result as `result`."""
        scope = self.scope.new_child({"result": result.value, self.node.binding: result.value})
        wanted = [emit for emit in self.node.config.get("emit", []) if evaluate(emit.get("when", "true"), scope)]
        emits = tuple(
            AuthorEvent(str(emit["type"]), as_object(self.node, "payload", render(emit.get("payload", {}), scope)))
            for emit in wanted
        )
        return replace(result, emits=emits)


def as_object(node: Node, key: str, value: Any) -> Mapping[str, Any]:
    """Return `value`, a field of the node's configuration, if it is an object. Raises NodeFailed."""
    if not isinstance(value, Mapping):
        raise NodeFailed("NOT_AN_OBJECT", f"node {node.id!r}: {key} must be an object, not {_json_type(value)}")
    return value


def _json_type(value: Any) -> str:
    """Return the JSON name of the type of `value`, with an article."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else "a boolean"
    if isinstance(value, str):
        return "a string"
    return "a list" if isinstance(value, list) else "a number"
