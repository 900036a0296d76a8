"""The nodes that wait for a person: reviews, decisions, approvals, and breakpoints before any node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from scaicore_tui.servers.grid.engine.failure import NodeFailed
from scaicore_tui.servers.grid.engine.nodes.context import NodeContext
from scaicore_tui.servers.grid.engine.steps import NodeResult
from scaicore_tui.servers.grid.flow.graph import OUT_PORT
from scaicore_tui.servers.grid.seeded import seeded_id
from scaicore_tui.servers.grid.store import Checkpoint

_CHECKPOINT_TYPES: Final = {"hitl_review": "hitl_review", "hitl_decision": "choice", "checkpoint": "approval"}
_UNRESOLVED: Final = {"resolution": None, "resolved_by": None, "resolved_at": None, "comment": None}


async def review(context: NodeContext) -> NodeResult:
    """Open a checkpoint and wait for its resolution. Leave by the port with the resolution's name, if there is one.

    Raises NodeFailed if the checkpoint expired and the flow declares that as a failure.
    """
    checkpoint = await _ask_and_wait(context, _checkpoint_fields(context), context.node.config.get("deadline"))
    if checkpoint.status == "expired" and checkpoint.body["expiry_action"] == "fail":
        raise NodeFailed("CHECKPOINT_EXPIRED", f"nobody answered {checkpoint.body['presentation']['title']!r} in time")
    answer = {key: checkpoint.body[key] for key in ("resolution", "resolved_by", "comment")}
    port = str(answer["resolution"])
    return NodeResult(answer, port if context.run.graph.next_node(context.node.id, port) is not None else OUT_PORT)


async def pause_at_breakpoint(context: NodeContext) -> None:
    """Stop before a node until a person continues the run."""
    presentation = {"title": "Breakpoint", "message": f"before {context.node.id}"}
    visible = {name: context.scope[name] for name in context.scope if name not in {"inputs", "attempt"}}
    await _ask_and_wait(
        context,
        {
            "checkpoint_type": "debug_breakpoint",
            "presentation": presentation,
            "options": ["continue"],
            "context": visible,
            "priority": "normal",
        },
    )


def _checkpoint_fields(context: NodeContext) -> dict[str, Any]:
    config = context.node.config
    presentation = {"title": context.setting("title", context.node.label), "message": context.setting("message", "")}
    if "sections" in config:
        presentation["sections"] = context.setting("sections")
    return {
        "checkpoint_type": config.get("checkpoint_type", _CHECKPOINT_TYPES[context.node.type]),
        "presentation": presentation,
        "options": config["options"],
        "context": context.setting("context", {}),
        "priority": context.setting("priority", "normal"),
        **_assignee(context.setting("assignee")),
        "expiry_action": config.get("expiry_action"),
        "default_resolution": config.get("default_resolution"),
    }


def _assignee(raw: str | None) -> dict[str, str | None]:
    return {"assignee_raw": raw, "assignee_type": None if raw is None else raw.partition(":")[0]}


async def _ask_and_wait(context: NodeContext, fields: Mapping[str, Any], deadline: float | None = None) -> Checkpoint:
    """Return the closed checkpoint of this visit. The checkpoint is created once, however often the run is executed."""
    engine, branches = context.run.engine, context.run.branches
    checkpoint_id = seeded_id("ckpt", context.run.execution.id, context.path, fields["checkpoint_type"])
    if engine.store.checkpoint_table.find(checkpoint_id) is None:
        _add_checkpoint(context, checkpoint_id, fields, deadline)
    branches.suspend()
    closed = await engine.waiters.wait(checkpoint_id)
    branches.resume()
    return closed


def _add_checkpoint(
    context: NodeContext, checkpoint_id: str, fields: Mapping[str, Any], deadline: float | None
) -> None:
    run = context.run
    now = run.engine.clock.now()
    body = {
        "flow_name": run.graph.name,
        "node_id": context.node.id,
        "instance_key": run.execution.instance_key,
        "prompt": fields["presentation"]["message"],
        **fields,
        **_UNRESOLVED,
    }
    expires_at = None if deadline is None else now + deadline
    run.engine.store.checkpoint_table.add(
        Checkpoint(checkpoint_id, run.execution.core_id, run.execution.id, "pending", now, expires_at, body)
    )
