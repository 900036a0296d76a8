"""The two calls that change something: answering a checkpoint, and invoking a Core."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request

from scaicore_tui.grid.auth import Caller
from scaicore_tui.grid.bodies import read_object
from scaicore_tui.grid.inbox import AlreadySettled, NotAnOption
from scaicore_tui.grid.problems import Problem, id_of, invalid
from scaicore_tui.grid.routes.reading import find_checkpoint, find_core, wrapped
from scaicore_tui.grid.service import Grid
from scaicore_tui.grid.store import Execution

_AGAIN: Final = 5
"""Seconds after which there may be room for one more run."""


async def resolve(grid: Grid, request: Request, caller: Caller) -> dict[str, Any]:
    body = await read_object(request)
    resolution, comment = _text(body, "resolution", required=True), _text(body, "comment")
    checkpoint = find_checkpoint(grid, request)
    try:
        settled = grid.inbox.resolve(checkpoint, str(resolution), by=caller.user_id, comment=comment)
    except AlreadySettled as late:
        row = late.checkpoint.as_row()
        details = {key: row[key] for key in ("status", "resolution", "resolved_by", "resolved_at")}
        raise Problem(409, "CHECKPOINT_ALREADY_RESOLVED", str(late), details) from late
    except NotAnOption as error:
        raise invalid(str(error), options=checkpoint.option_ids()) from error
    return wrapped(request, settled.as_row())


async def invoke(grid: Grid, request: Request, _caller: Caller) -> dict[str, Any]:
    """Answers when the run has ended, or stops to wait for a person."""
    core_id = find_core(grid, request)
    body = await read_object(request)
    values = body.get("input", {})
    if not isinstance(values, dict):
        raise invalid("input must be an object", field="input")
    if grid.engine.live_runs >= grid.config.max_runs:
        raise _crowded(grid.config.max_runs)
    run = grid.engine.start(core_id, values, instance_key=_text(body, "entity_id"))
    await run.settled.wait()
    return {**_result(grid, run.execution.id), "request_id": id_of(request), "duration_ms": run.duration_ms}


def _result(grid: Grid, execution_id: str) -> dict[str, Any]:
    execution = grid.store.runs.find(execution_id)
    assert execution is not None  # noqa: S101 -- it was begun by this request
    if execution.status == "completed":
        return {"output": execution.output}
    if execution.status == "failed":
        raise _failed(execution)
    waiting = grid.store.inbox.pending_under(execution_id)
    checkpoint_id = None if waiting is None else waiting.id
    return {"output": None, "status": "suspended", "execution_id": execution_id, "checkpoint_id": checkpoint_id}


def _failed(execution: Execution) -> Problem:
    error = execution.error or {}
    details = {"execution_id": execution.id, "error": error}
    return Problem(502, "BACKEND_ERROR", f"the run failed: {error.get('message')}", details)


def _crowded(most: int) -> Problem:
    message = f"{most} runs are under way or wait for a person: nothing was started"
    return Problem(429, "RATE_LIMITED", message, retry_after=_AGAIN, headers={"Retry-After": str(_AGAIN)})


def _text(body: dict[str, Any], field: str, *, required: bool = False) -> str | None:
    value = body.get(field)
    if isinstance(value, str) or (value is None and not required):
        return value
    raise invalid(f"{field} must be a string", field=field)
