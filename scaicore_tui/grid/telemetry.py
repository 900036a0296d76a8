"""What the runtime says about itself: the six built-in events, their payloads and their limits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from scaicore_tui.clock import Clock
from scaicore_tui.grid.graph import Node
from scaicore_tui.grid.stamps import stamp
from scaicore_tui.grid.store import Execution, Store

PREFIX: Final = "scaicore.runtime."
MAX_BINDING_BYTES: Final = 4096


class Telemetry:
    """Writes one execution's events into the feed, stamped with the clock's time."""

    def __init__(self, store: Store, clock: Clock, execution: Execution) -> None:
        self._store = store
        self._clock = clock
        self._execution = execution

    def emit(self, kind: str, payload: Mapping[str, Any]) -> None:
        """Any event of this execution; authors' own ones come here too."""
        full = {"execution_id": self._execution.id, **payload}
        self._store.feed.append(kind, self._execution.core_id, stamp(self._clock.now()), full)

    def started(self) -> None:
        payload = {"input": self._execution.input, **self._instance(), "node_id": None}
        self.emit(f"{PREFIX}invocation.started", payload)

    def elapsed_ms(self) -> int:
        """How long ago the execution started."""
        return round((self._clock.now() - self._execution.started_at) * 1000)

    def completed(self, output: Any, duration_ms: int) -> None:
        payload = {"output": output, "duration_ms": duration_ms, **self._instance()}
        self.emit(f"{PREFIX}invocation.completed", payload)

    def failed(self, error: Mapping[str, Any]) -> None:
        self.emit(f"{PREFIX}invocation.failed", {"error": error})

    def entered(self, node: Node) -> None:
        self.emit(f"{PREFIX}block.entered", _block(node))

    def exited(self, node: Node, value: Any) -> None:
        result = _result(value)
        self.emit(f"{PREFIX}block.exited", {**_block(node), "result_binding": node.binding, **result})

    def block_failed(self, node: Node, error: Mapping[str, Any]) -> None:
        self.emit(f"{PREFIX}block.failed", {**_block(node), "error": error})

    def _instance(self) -> dict[str, str]:
        key = self._execution.instance_key
        return {} if key is None else {"instance_key": key}


def _block(node: Node) -> dict[str, str]:
    return {"node_id": node.id, "block_kind": node.block_kind}


def _result(value: Any) -> dict[str, Any]:
    """The bound value, or that it was too long to be sent."""
    if len(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")) > MAX_BINDING_BYTES:
        return {"result_binding_truncated": True}
    return {"result_binding_value": value}
