"""The steps of one execution. Each is stored together with its event, in one transaction.

A path names a step: the node's id, the loop iterations and branches around the node, and the attempt. A second pass
over the same graph produces the same paths, so a recorded step is neither executed nor reported again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from scaicore_tui.clock import Clock
from scaicore_tui.servers.grid.engine.failure import NodeFailed
from scaicore_tui.servers.grid.engine.run_limits import RunLimits
from scaicore_tui.servers.grid.flow.graph import OUT_PORT, Node
from scaicore_tui.servers.grid.store import Execution, Store
from scaicore_tui.servers.grid.store.records import Step
from scaicore_tui.servers.grid.timestamps import format_timestamp

EVENT_PREFIX: Final = "scaicore.runtime."
MAX_BINDING_BYTES: Final = 4096


class AuthorEvent(NamedTuple):
    """An event that the flow's author declared for a node."""

    type: str
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class NodeResult:
    """The result of a visit: its value, the port that control leaves by, and the author's events to emit."""

    value: Any
    port: str = OUT_PORT
    emits: tuple[AuthorEvent, ...] = ()


class StepValue(NamedTuple):
    """The value of a step that succeeded."""

    path: str
    value: Any


class StepLog:
    """Records what an execution has done. The record survives restarts of the server."""

    def __init__(self, store: Store, telemetry: Telemetry, execution_id: str, limits: RunLimits) -> None:
        self._store = store
        self._telemetry = telemetry
        self._execution_id = execution_id
        self._limits = limits
        self._steps = {step.path: step for step in store.step_table.of_execution(execution_id)}

    def has(self, path: str) -> bool:
        """Return true if the step was begun."""
        return path in self._steps

    def result_of(self, path: str) -> NodeResult | None:
        """Return the result of a step; None if it has not ended. Raises the NodeFailed that the step failed with."""
        step = self._steps.get(path)
        if step is None or step.state == "entered":
            return None
        if step.state == "failed":
            raise NodeFailed(step.value["code"], step.value["message"])
        return NodeResult(step.value["value"], step.value["port"])

    def exited_values(self) -> Iterator[StepValue]:
        """Return the path and the value of each step that succeeded, in the order in which the steps ended."""
        return (StepValue(step.path, step.value["value"]) for step in self._steps.values() if step.state == "exited")

    def open_paths(self) -> list[str]:
        """Return the paths of the steps that have begun and not ended, innermost first."""
        return [step.path for step in reversed(self._steps.values()) if step.state == "entered"]

    def enter(self, path: str, node: Node) -> None:
        """Record the start of a step, unless it is already recorded."""
        if not self.has(path):
            with self._store.transaction():
                self._put(Step(path, "entered", None))
                self._telemetry.entered(node)

    def exit(self, path: str, node: Node, result: NodeResult) -> None:
        """Record the result of a step. Raises NodeFailed if the run's values become too large."""
        self._limits.count_values(node.id, result.value, *(event.payload for event in result.emits))
        with self._store.transaction():
            self._put(Step(path, "exited", {"value": result.value, "port": result.port}))
            for event in result.emits:
                self._telemetry.emit(event.type, event.payload)
            self._telemetry.exited(node, result.value)

    def fail(self, path: str, node: Node, failure: NodeFailed) -> None:
        """Record the failure of a step."""
        with self._store.transaction():
            self._put(Step(path, "failed", failure.as_error()))
            self._telemetry.block_failed(node, failure.as_error())

    def record_once(self, path: str, node: Node, compute: Callable[[], Any]) -> Any:
        """Return the value recorded at `path`; the first time, call `compute` and record its value.

        For facts that depend on when they are computed, such as a loop condition. Raises NodeFailed if the run's values
        become too large.
        """
        if not self.has(path):
            value = compute()
            self._limits.count_values(node.id, value)
            self._put(Step(path, "noted", value))
        return self._steps[path].value

    def _put(self, step: Step) -> None:
        self._store.step_table.put(self._execution_id, step)
        self._steps.pop(step.path, None)  # moved to the end: the order shows when steps reached their last state
        self._steps[step.path] = step


class Telemetry:
    """Emits the events of one execution into the feed: the six built-in ones, and those of the flow's author."""

    def __init__(self, store: Store, clock: Clock, execution: Execution) -> None:
        self._store = store
        self._clock = clock
        self._execution = execution

    def emit(self, kind: str, payload: Mapping[str, Any]) -> None:
        """Append an event with the clock's time."""
        full = {"execution_id": self._execution.id, **payload}
        self._store.event_table.append(kind, self._execution.core_id, format_timestamp(self._clock.now()), full)

    def started(self) -> None:
        """Emit `invocation.started`."""
        payload = {"input": self._execution.input, **self._instance(), "node_id": None}
        self.emit(f"{EVENT_PREFIX}invocation.started", payload)

    def elapsed_ms(self) -> int:
        """Return the milliseconds since the execution started."""
        return round((self._clock.now() - self._execution.started_at) * 1000)

    def completed(self, output: Any, duration_ms: int) -> None:
        """Emit `invocation.completed`."""
        payload = {"output": output, "duration_ms": duration_ms, **self._instance()}
        self.emit(f"{EVENT_PREFIX}invocation.completed", payload)

    def failed(self, error: Mapping[str, Any]) -> None:
        """Emit `invocation.failed`."""
        self.emit(f"{EVENT_PREFIX}invocation.failed", {"error": error})

    def entered(self, node: Node) -> None:
        """Emit `block.entered`."""
        self.emit(f"{EVENT_PREFIX}block.entered", _block_fields(node))

    def exited(self, node: Node, value: Any) -> None:
        """Emit `block.exited`, with the value if it is short enough."""
        result = _result_fields(value)
        self.emit(f"{EVENT_PREFIX}block.exited", {**_block_fields(node), "result_binding": node.binding, **result})

    def block_failed(self, node: Node, error: Mapping[str, Any]) -> None:
        """Emit `block.failed`."""
        self.emit(f"{EVENT_PREFIX}block.failed", {**_block_fields(node), "error": error})

    def _instance(self) -> dict[str, str]:
        key = self._execution.instance_key
        return {} if key is None else {"instance_key": key}


def _block_fields(node: Node) -> dict[str, str]:
    return {"node_id": node.id, "block_kind": node.block_kind}


def _result_fields(value: Any) -> dict[str, Any]:
    """Return the bound value, or a flag that it is too long to be sent (API §7)."""
    if len(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")) > MAX_BINDING_BYTES:
        return {"result_binding_truncated": True}
    return {"result_binding_value": value}
