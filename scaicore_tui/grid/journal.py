"""The steps of one execution: each is written down with its event, in one transaction.

A path names a step: the node's id, the iterations and branches it is inside, and the attempt. A second walk over the
same graph finds the same paths, so whatever is in the journal is neither done nor told again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scaicore_tui.grid.budget import RunBudget
from scaicore_tui.grid.failure import NodeFailed
from scaicore_tui.grid.graph import OUT, Node
from scaicore_tui.grid.store import Store
from scaicore_tui.grid.store.steps import Step
from scaicore_tui.grid.telemetry import Telemetry


@dataclass(frozen=True)
class Outcome:
    """What a visit came to: its value, the port that control leaves by, and the author's events to emit."""

    value: Any
    port: str = OUT
    emits: tuple[tuple[str, Mapping[str, Any]], ...] = ()


class Journal:
    """Remembers what an execution has done, across restarts of the server."""

    def __init__(self, store: Store, telemetry: Telemetry, execution_id: str, budget: RunBudget) -> None:
        self._store = store
        self._telemetry = telemetry
        self._execution_id = execution_id
        self._budget = budget
        self._steps = {step.path: step for step in store.steps.of(execution_id)}

    def knows(self, path: str) -> bool:
        """Whether the step was begun."""
        return path in self._steps

    def outcome(self, path: str) -> Outcome | None:
        """What the step came to, None if it has not ended. Raises the NodeFailed that it failed with."""
        step = self._steps.get(path)
        if step is None or step.state == "entered":
            return None
        if step.state == "failed":
            raise NodeFailed(step.value["code"], step.value["message"])
        return Outcome(step.value["value"], step.value["port"])

    def exits(self) -> Iterator[tuple[str, Any]]:
        """The paths that ended well and their values, in the order in which they ended."""
        return ((step.path, step.value["value"]) for step in self._steps.values() if step.state == "exited")

    def open_paths(self) -> list[str]:
        """The steps that have begun and not ended, the innermost first."""
        return [step.path for step in reversed(self._steps.values()) if step.state == "entered"]

    def enter(self, path: str, node: Node) -> None:
        if not self.knows(path):
            with self._store.transaction():
                self._put(Step(path, "entered", None))
                self._telemetry.entered(node)

    def exit(self, path: str, node: Node, outcome: Outcome) -> None:
        """Note what a visit came to. Raises NodeFailed where that is more than a run may keep."""
        self._budget.keep(node.id, outcome.value, *(payload for _, payload in outcome.emits))
        with self._store.transaction():
            self._put(Step(path, "exited", {"value": outcome.value, "port": outcome.port}))
            for kind, payload in outcome.emits:
                self._telemetry.emit(kind, payload)
            self._telemetry.exited(node, outcome.value)

    def fail(self, path: str, node: Node, failure: NodeFailed) -> None:
        with self._store.transaction():
            self._put(Step(path, "failed", failure.as_error()))
            self._telemetry.block_failed(node, failure.as_error())

    def note(self, path: str, node: Node, find: Callable[[], Any]) -> Any:
        """What `find` says the first time, and ever after: for facts that depend on when one asks.

        Raises NodeFailed where that is more than a run may keep.
        """
        if not self.knows(path):
            value = find()
            self._budget.keep(node.id, value)
            self._put(Step(path, "noted", value))
        return self._steps[path].value

    def _put(self, step: Step) -> None:
        self._store.steps.put(self._execution_id, step)
        self._steps.pop(step.path, None)  # its place is the end: order tells when a step reached its last state
        self._steps[step.path] = step
