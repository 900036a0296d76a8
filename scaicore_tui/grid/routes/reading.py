"""The calls that only read."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request

from scaicore_tui.grid.auth import Caller
from scaicore_tui.grid.graph import Graph
from scaicore_tui.grid.pages import read_page_query
from scaicore_tui.grid.problems import id_of, invalid, not_found
from scaicore_tui.grid.service import Grid
from scaicore_tui.grid.store import Checkpoint

STATUSES: Final = ("pending", "resolved", "failed", "expired", "cancelled")


def wrapped(request: Request, data: Any) -> dict[str, Any]:
    """ScaiGrid's success wrapper."""
    return {"status": "ok", "data": data, "meta": {"request_id": id_of(request)}}


async def events(grid: Grid, request: Request, _caller: Caller) -> dict[str, Any]:
    query = read_page_query(request, grid.store.identity)
    rows = grid.store.feed.page(query.core_id, query.before, query.limit + 1)
    page, cursor = query.cut(rows, lambda event: event)
    return wrapped(request, {"events": page, "next_cursor": cursor})


async def checkpoints(grid: Grid, request: Request, _caller: Caller) -> dict[str, Any]:
    status = request.query_params.get("status", "pending")
    if status not in STATUSES:
        raise invalid(f"status must be one of {', '.join(STATUSES)}", parameter="status")
    query = read_page_query(request, grid.store.identity, status)
    rows = grid.store.inbox.page(query.core_id, status, query.before, query.limit + 1)
    page, cursor = query.cut(rows, Checkpoint.as_row)
    return wrapped(request, {"checkpoints": page, "next_cursor": cursor})


async def checkpoint(grid: Grid, request: Request, _caller: Caller) -> dict[str, Any]:
    return wrapped(request, find_checkpoint(grid, request).as_row())


async def cores(grid: Grid, request: Request, _caller: Caller) -> dict[str, Any]:
    listed = [_core(core_id, graph) for core_id, graph in grid.cores.items()]
    return wrapped(request, {"cores": listed, "next_cursor": None})


async def core(grid: Grid, request: Request, _caller: Caller) -> dict[str, Any]:
    core_id = find_core(grid, request)
    graph = grid.cores[core_id]
    return wrapped(request, {**_core(core_id, graph), "flow": graph.model_dump(mode="json", exclude_unset=True)})


async def me(_grid: Grid, request: Request, caller: Caller) -> dict[str, Any]:
    facts = {"id": caller.user_id, "role": caller.role, "permissions": caller.permissions}
    return wrapped(request, facts)


def find_checkpoint(grid: Grid, request: Request) -> Checkpoint:
    """The checkpoint in the path. Raises a 404 Problem."""
    checkpoint_id = request.path_params["checkpoint_id"]
    found = grid.store.inbox.find(checkpoint_id)
    if found is None:
        raise not_found("checkpoint", checkpoint_id)
    return found


def find_core(grid: Grid, request: Request) -> str:
    """The Core's id in the path. Raises a 404 Problem."""
    core_id: str = request.path_params["core_id"]
    if core_id not in grid.cores:
        raise not_found("core", core_id)
    return core_id


def _core(core_id: str, graph: Graph) -> dict[str, Any]:
    return {"id": core_id, "name": graph.name, "version": graph.version, "flow_id": graph.id, "status": "active"}
