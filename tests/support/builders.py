"""Events and checkpoints for tests, written as the API writes them."""

from __future__ import annotations

import json
from typing import Any

from scaicore_tui.protocol import Checkpoint, Event, decode_event, read_checkpoint
from scaicore_tui.timefmt import format_iso

RUNTIME = "scaicore.runtime."
NOON = 1_777_464_000_000_000  # 2026-04-29T12:00:00Z, in microseconds
MILLISECOND = 1_000
SECOND = 1_000_000


def event(kind: str, at: int = NOON, execution: str | None = "exec_1", core: str = "core_a", **payload: Any) -> Event:
    """Return an event of type `kind`, with the prefix of the runtime unless it starts with `custom.`."""
    name = kind if kind.startswith("custom.") else RUNTIME + kind
    body = ({"execution_id": execution} if execution else {}) | payload
    stamp = format_iso(at)
    return decode_event(json.dumps({"type": name, "core_id": core, "timestamp": stamp, "payload": body}).encode())


def started(at: int = NOON, execution: str = "exec_1", **payload: Any) -> Event:
    return event("invocation.started", at, execution, **({"input": {"n": 1}, "node_id": None} | payload))


def entered(node: str | None, at: int = NOON, execution: str = "exec_1", kind: str = "rigid") -> Event:
    return event("block.entered", at, execution, node_id=node, block_kind=kind)


def exited(node: str | None, at: int = NOON, execution: str = "exec_1", kind: str = "rigid", **payload: Any) -> Event:
    return event("block.exited", at, execution, node_id=node, block_kind=kind, **payload)


def completed(at: int = NOON, execution: str = "exec_1", **payload: Any) -> Event:
    return event("invocation.completed", at, execution, **({"output": {"ok": True}} | payload))


def checkpoint(identity: str = "ckpt_1", **fields: Any) -> dict[str, Any]:
    """Return the JSON of a pending checkpoint, with these fields added or replaced."""
    return {
        "id": identity,
        "core_id": "core_a",
        "checkpoint_type": "hitl_review",
        "status": "pending",
        "presentation": {"title": "Review needed", "message": "Approve the refund?"},
        "options": ["approve", "reject"],
        "created_at": "2026-04-29T12:00:01.000Z",
        "execution_id": "exec_1",
    } | fields


def started_with_raw_input(source: bytes, execution: str = "exec_1", at: int = 0) -> Event:
    """Return a start event whose input is `source`, even if that is not JSON."""
    head = b'{"type": "scaicore.runtime.invocation.started", "core_id": "core_a",'
    stamp = b' "timestamp": "2026-04-29T12:00:0%d.000Z",' % at
    payload = b' "payload": {"execution_id": "%s", "input": %s}}' % (execution.encode(), source)
    return decode_event(head + stamp + payload)


def run_events(execution: str, at: int) -> list[Event]:
    return [
        started(at, execution),
        entered("a", at + 1 * MILLISECOND, execution),
        exited("a", at + 2 * MILLISECOND, execution),
        completed(at + 3 * MILLISECOND, execution),
    ]


def many_runs(count: int) -> list[Event]:
    return [step for n in range(count) for step in run_events(f"exec_{n:04}", NOON + n * 10 * MILLISECOND)]


def read_row(**fields: Any) -> Checkpoint:
    """Return a checkpoint as the client reads it from the API."""
    return read_checkpoint(json.dumps(checkpoint(**fields)).encode())
