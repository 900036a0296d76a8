"""The calls about flows: list them, read one with its graph, and list its deployments (API §6).

The responses have no wrapper, as ScaiFlow's. ScaiFlow does not document what a deployment looks like: the fields here
are a guess, and clients should rely on no more than that the Core's id is somewhere in it.
"""

from __future__ import annotations

import re
from typing import Any, Final

from starlette.requests import Request

from scaicore_tui.servers.grid.flow.graph import Graph
from scaicore_tui.servers.grid.http.auth import Principal
from scaicore_tui.servers.grid.http.problems import invalid, not_found
from scaicore_tui.servers.grid.seeded import seeded_id
from scaicore_tui.servers.grid.service import Grid
from scaicore_tui.servers.grid.timestamps import format_timestamp

MAX_FLOWS: Final = 100
OWNER_ID: Final = "usr_demo_author"
TENANT_ID: Final = "tnt_demo"


async def flows(grid: Grid, request: Request, _principal: Principal) -> dict[str, Any]:
    """List the flows whose name or id contains `search`, at most `limit` of them; `total` counts all of these."""
    search = request.query_params.get("search", "").casefold()
    found = [flow for flow in grid.cores.values() if search in f"{flow.name}\n{flow.id}".casefold()]
    return {"items": [_flow_row(grid, flow) for flow in found[: _limit(request)]], "total": len(found)}


async def flow(grid: Grid, request: Request, _principal: Principal) -> dict[str, Any]:
    """Return one flow with its graph."""
    _, graph = _find_flow(grid, request)
    return {**_flow_row(grid, graph), "content": graph.model_dump(mode="json", exclude_unset=True)}


async def deployments(grid: Grid, request: Request, _principal: Principal) -> dict[str, Any]:
    """List the deployments of one flow: here each flow is deployed once, to the Core that this grid hosts."""
    core_id, graph = _find_flow(grid, request)
    deployed_at = format_timestamp(grid.started_at)
    row = {
        "id": seeded_id("dep", graph.id, graph.version),
        "flow_id": graph.id,
        "flow_version": graph.version,
        "core_id": core_id,
        "status": "active",
        "deployed_by": OWNER_ID,
        "deployed_at": deployed_at,
    }
    return {"items": [row], "total": 1}


def _find_flow(grid: Grid, request: Request) -> tuple[str, Graph]:
    """Return the flow named in the path, with its Core's id. Raises GridProblem 404."""
    flow_id: str = request.path_params["flow_id"]
    for core_id, graph in grid.cores.items():
        if graph.id == flow_id:
            return core_id, graph
    raise not_found("flow", flow_id)


def _flow_row(grid: Grid, graph: Graph) -> dict[str, Any]:
    changed_at = format_timestamp(grid.started_at)
    return {
        "id": graph.id,
        "name": graph.name,
        "description": "",
        "owner_id": OWNER_ID,
        "tenant_id": TENANT_ID,
        "version": graph.version,
        "created_at": changed_at,
        "updated_at": changed_at,
    }


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(MAX_FLOWS))
    if not re.fullmatch(r"[0-9]{1,3}", text) or not 1 <= int(text) <= MAX_FLOWS:
        raise invalid(f"limit must be a number from 1 to {MAX_FLOWS}", parameter="limit")
    return int(text)
