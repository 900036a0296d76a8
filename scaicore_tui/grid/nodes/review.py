"""The nodes that stop for a person: reviews, decisions, approvals, and breakpoints in front of any node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from scaicore_tui.grid.dice import seeded_id
from scaicore_tui.grid.failure import NodeFailed
from scaicore_tui.grid.graph import OUT
from scaicore_tui.grid.journal import Outcome
from scaicore_tui.grid.nodes.frame import Frame
from scaicore_tui.grid.store import Checkpoint

_TYPES: Final = {"hitl_review": "hitl_review", "hitl_decision": "choice", "checkpoint": "approval"}
_UNANSWERED: Final = {"resolution": None, "resolved_by": None, "resolved_at": None, "comment": None}


async def review(frame: Frame) -> Outcome:
    """Ask, and leave by the port named like the answer, where there is one. Raises NodeFailed when it expired."""
    checkpoint = await _answered(frame, _question(frame), frame.node.config.get("deadline"))
    if checkpoint.status == "expired" and checkpoint.body["expiry_action"] == "fail":
        raise NodeFailed("CHECKPOINT_EXPIRED", f"nobody answered {checkpoint.body['presentation']['title']!r} in time")
    answer = {key: checkpoint.body[key] for key in ("resolution", "resolved_by", "comment")}
    port = str(answer["resolution"])
    return Outcome(answer, port if frame.run.graph.after(frame.node.id, port) is not None else OUT)


async def pause_at_breakpoint(frame: Frame) -> None:
    """Stop in front of a node until somebody lets the run go on."""
    presentation = {"title": "Breakpoint", "message": f"before {frame.node.id}"}
    seen = {name: frame.names[name] for name in frame.names if name not in {"inputs", "attempt"}}
    await _answered(
        frame,
        {
            "checkpoint_type": "debug_breakpoint",
            "presentation": presentation,
            "options": ["continue"],
            "context": seen,
            "priority": "normal",
        },
    )


def _question(frame: Frame) -> dict[str, Any]:
    config = frame.node.config
    presentation = {"title": frame.setting("title", frame.node.label), "message": frame.setting("message", "")}
    if "sections" in config:
        presentation["sections"] = frame.setting("sections")
    return {
        "checkpoint_type": config.get("checkpoint_type", _TYPES[frame.node.type]),
        "presentation": presentation,
        "options": config["options"],
        "context": frame.setting("context", {}),
        "priority": frame.setting("priority", "normal"),
        **_assignee(frame.setting("assignee")),
        "expiry_action": config.get("expiry_action"),
        "default_resolution": config.get("default_resolution"),
    }


def _assignee(raw: str | None) -> dict[str, str | None]:
    return {"assignee_raw": raw, "assignee_type": None if raw is None else raw.partition(":")[0]}


async def _answered(frame: Frame, question: Mapping[str, Any], deadline: float | None = None) -> Checkpoint:
    """The settled checkpoint of this visit; it is asked only once, however often the run is walked."""
    world, activity = frame.run.world, frame.run.activity
    checkpoint_id = seeded_id("ckpt", frame.run.execution.id, frame.path, question["checkpoint_type"])
    if world.store.inbox.find(checkpoint_id) is None:
        _ask(frame, checkpoint_id, question, deadline)
    activity.wait()
    settled = await world.answers.wait(checkpoint_id)
    activity.go_on()
    return settled


def _ask(frame: Frame, checkpoint_id: str, question: Mapping[str, Any], deadline: float | None) -> None:
    run = frame.run
    now = run.world.clock.now()
    body = {
        "flow_name": run.graph.name,
        "node_id": frame.node.id,
        "instance_key": run.execution.instance_key,
        "prompt": question["presentation"]["message"],
        **question,
        **_UNANSWERED,
    }
    expires_at = None if deadline is None else now + deadline
    run.world.store.inbox.add(
        Checkpoint(checkpoint_id, run.execution.core_id, run.execution.id, "pending", now, expires_at, body)
    )
