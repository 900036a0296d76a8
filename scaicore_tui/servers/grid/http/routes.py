"""The calls of the API: each authenticates, counts against the rate limit, checks the permission, then responds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scaicore_tui.servers.grid.checkpoints import AlreadyClosed, NotAnOption
from scaicore_tui.servers.grid.flow.graph import Graph
from scaicore_tui.servers.grid.http.auth import Authenticator, Principal
from scaicore_tui.servers.grid.http.json_body import read_json_object
from scaicore_tui.servers.grid.http.paging import read_page_query
from scaicore_tui.servers.grid.http.problems import GridProblem, invalid, json_response, not_found, request_id_of
from scaicore_tui.servers.grid.http.rate_limits import RateLimiter
from scaicore_tui.servers.grid.service import Grid
from scaicore_tui.servers.grid.store import Checkpoint, Execution

STATUSES: Final = ("pending", "resolved", "failed", "expired", "cancelled")
_RETRY_AFTER_S: Final = 5
"""Seconds after which there may be room for another run."""

Handler = Callable[[Grid, Request, Principal], Awaitable[Any]]
"""Returns the body of a 200 response, or raises GridProblem."""


@dataclass(frozen=True)
class Api:
    """Creates the authenticated routes of one grid; without a `rate_limiter` requests are unlimited."""

    grid: Grid
    authenticator: Authenticator
    rate_limiter: RateLimiter | None

    def route(self, method: str, path: str, permission: str | None, handler: Handler) -> Route:
        """Create a route for known tokens; with `permission` None, any role may use it."""

        async def endpoint(request: Request) -> Response:
            principal = self.authenticator.authenticate(request)
            if self.rate_limiter is not None:
                request.state.rate_limit_headers = self.rate_limiter.count(principal).as_headers()
            if permission is not None:
                principal.require(permission)
            return json_response(request, await handler(self.grid, request, principal))

        return Route(path, endpoint, methods=[method])


def _success(request: Request, data: Any) -> dict[str, Any]:
    """Wrap `data` as ScaiGrid does."""
    return {"status": "ok", "data": data, "meta": {"request_id": request_id_of(request)}}


async def events(grid: Grid, request: Request, _principal: Principal) -> dict[str, Any]:
    """Return a page of the feed, newest first."""
    query = read_page_query(request, grid.store.identity)
    rows = grid.store.event_table.page(query.core_id, query.before, query.limit + 1)
    page, cursor = query.slice(rows, lambda event: event)
    return _success(request, {"events": page, "next_cursor": cursor})


async def checkpoints(grid: Grid, request: Request, _principal: Principal) -> dict[str, Any]:
    """Return a page of the checkpoints with one status, newest first."""
    status = request.query_params.get("status", "pending")
    if status not in STATUSES:
        raise invalid(f"status must be one of {', '.join(STATUSES)}", parameter="status")
    query = read_page_query(request, grid.store.identity, status)
    rows = grid.store.checkpoint_table.page(query.core_id, status, query.before, query.limit + 1)
    page, cursor = query.slice(rows, Checkpoint.as_row)
    return _success(request, {"checkpoints": page, "next_cursor": cursor})


async def checkpoint(grid: Grid, request: Request, _principal: Principal) -> dict[str, Any]:
    """Return one checkpoint."""
    return _success(request, _find_checkpoint(grid, request).as_row())


async def cores(grid: Grid, request: Request, _principal: Principal) -> dict[str, Any]:
    """List the hosted Cores."""
    listed = [_core_row(core_id, graph) for core_id, graph in grid.cores.items()]
    return _success(request, {"cores": listed, "next_cursor": None})


async def core(grid: Grid, request: Request, _principal: Principal) -> dict[str, Any]:
    """Return one Core with its flow graph."""
    core_id = _find_core(grid, request)
    graph = grid.cores[core_id]
    return _success(request, {**_core_row(core_id, graph), "flow": graph.model_dump(mode="json", exclude_unset=True)})


async def me(_grid: Grid, request: Request, principal: Principal) -> dict[str, Any]:
    """Return the caller's id, role and permissions."""
    facts = {"id": principal.user_id, "role": principal.role, "permissions": principal.permissions}
    return _success(request, facts)


def _find_checkpoint(grid: Grid, request: Request) -> Checkpoint:
    """Return the checkpoint named in the path. Raises GridProblem 404."""
    checkpoint_id = request.path_params["checkpoint_id"]
    found = grid.store.checkpoint_table.find(checkpoint_id)
    if found is None:
        raise not_found("checkpoint", checkpoint_id)
    return found


def _find_core(grid: Grid, request: Request) -> str:
    """Return the Core id in the path. Raises GridProblem 404."""
    core_id: str = request.path_params["core_id"]
    if core_id not in grid.cores:
        raise not_found("core", core_id)
    return core_id


def _core_row(core_id: str, graph: Graph) -> dict[str, Any]:
    return {"id": core_id, "name": graph.name, "version": graph.version, "flow_id": graph.id, "status": "active"}


async def resolve(grid: Grid, request: Request, principal: Principal) -> dict[str, Any]:
    """Resolve a checkpoint: 409 if it is already closed, 422 for a resolution that is not an option."""
    body = await read_json_object(request)
    resolution, comment = _string_field(body, "resolution", required=True), _string_field(body, "comment")
    checkpoint = _find_checkpoint(grid, request)
    try:
        closed = grid.checkpoints.resolve(checkpoint, str(resolution), by=principal.user_id, comment=comment)
    except AlreadyClosed as late:
        row = late.checkpoint.as_row()
        details = {key: row[key] for key in ("status", "resolution", "resolved_by", "resolved_at")}
        raise GridProblem(409, "CHECKPOINT_ALREADY_RESOLVED", str(late), details) from late
    except NotAnOption as error:
        raise invalid(str(error), options=checkpoint.option_ids()) from error
    return _success(request, closed.as_row())


async def invoke(grid: Grid, request: Request, _principal: Principal) -> dict[str, Any]:
    """Start a run; respond when it has ended, or is suspended."""
    core_id = _find_core(grid, request)
    body = await read_json_object(request)
    values = body.get("input", {})
    if not isinstance(values, dict):
        raise invalid("input must be an object", field="input")
    if grid.engine.live_run_count >= grid.config.max_runs:
        raise _too_many_runs(grid.config.max_runs)
    run = grid.engine.start(core_id, values, instance_key=_string_field(body, "entity_id"))
    await run.finished_or_suspended.wait()
    return {
        **_invoke_result(grid, run.execution.id),
        "request_id": request_id_of(request),
        "duration_ms": run.duration_ms,
    }


def _invoke_result(grid: Grid, execution_id: str) -> dict[str, Any]:
    execution = grid.store.execution_table.find(execution_id)
    assert execution is not None  # noqa: S101 -- this request started it
    if execution.status == "completed":
        return {"output": execution.output}
    if execution.status == "failed":
        raise _run_failed(execution)
    waiting = grid.store.checkpoint_table.pending_under(execution_id)
    checkpoint_id = None if waiting is None else waiting.id
    return {"output": None, "status": "suspended", "execution_id": execution_id, "checkpoint_id": checkpoint_id}


def _run_failed(execution: Execution) -> GridProblem:
    error = execution.error or {}
    details = {"execution_id": execution.id, "error": error}
    return GridProblem(502, "BACKEND_ERROR", f"the run failed: {error.get('message')}", details)


def _too_many_runs(max_runs: int) -> GridProblem:
    message = f"{max_runs} runs are executing or suspended, which is the limit; nothing was started"
    return GridProblem(
        429, "RATE_LIMITED", message, retry_after=_RETRY_AFTER_S, headers={"Retry-After": str(_RETRY_AFTER_S)}
    )


def _string_field(body: dict[str, Any], field: str, *, required: bool = False) -> str | None:
    value = body.get(field)
    if isinstance(value, str) or (value is None and not required):
        return value
    raise invalid(f"{field} must be a string", field=field)
