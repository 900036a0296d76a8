"""What a node may see and use while it is visited."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from scaicore_tui.grid.dice import dice
from scaicore_tui.grid.expression import evaluate
from scaicore_tui.grid.failure import NodeFailed
from scaicore_tui.grid.graph import Node
from scaicore_tui.grid.journal import Outcome
from scaicore_tui.grid.run import Names, Run
from scaicore_tui.grid.template import render

WalkBody = Callable[[str | None, Names, str], Awaitable[Any]]
"""Visits node after node from the one named (with what it can see, and the prefix of its paths); the last value."""
CallCore = Callable[[str, Mapping[str, Any], str], Awaitable[Any]]
"""Runs another Core (its id, its input, the path of the call) and gives its output."""


@dataclass(frozen=True)
class Frame:
    """One visit in the making."""

    run: Run
    node: Node
    path: str
    names: Names
    walk: WalkBody
    call: CallCore

    def setting(self, key: str, default: Any = None) -> Any:
        """A field of the node's configuration, with its templates filled."""
        return render(self.node.config.get(key, default), self.names)

    def object(self, key: str) -> Mapping[str, Any]:
        """The same for a field that has to be an object, and is empty by default. Raises NodeFailed."""
        return as_object(self.node, key, self.setting(key, {}))

    def dice(self) -> random.Random:
        """This visit's own chance: the same whichever branch comes first."""
        return dice(self.run.execution.id, self.path)

    def with_emits(self, outcome: Outcome) -> Outcome:
        """The outcome with the events that the flow's author wants for it; they see it as `result`."""
        names = self.names.new_child({"result": outcome.value, self.node.binding: outcome.value})
        wanted = [emit for emit in self.node.config.get("emit", []) if evaluate(emit.get("when", "true"), names)]
        emits = tuple(
            (str(emit["type"]), as_object(self.node, "payload", render(emit.get("payload", {}), names)))
            for emit in wanted
        )
        return replace(outcome, emits=emits)


def as_object(node: Node, key: str, value: Any) -> Mapping[str, Any]:
    """`value`, which a field of the node's configuration has, as the object that it has to be. Raises NodeFailed."""
    if not isinstance(value, Mapping):
        raise NodeFailed("NOT_AN_OBJECT", f"node {node.id!r}: {key} must be an object, not {_kind(value)}")
    return value


def _kind(value: Any) -> str:
    """What JSON calls it."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else "a boolean"
    if isinstance(value, str):
        return "a string"
    return "a list" if isinstance(value, list) else "a number"
