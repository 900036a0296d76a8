"""Requests to the embedded ScaiGrid's HTTP API, and checks of its responses."""

from __future__ import annotations

import re
from typing import Any

import httpx

from tests.support.grid import MODULE, Served


def expect_error(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Check that a response is an error in ScaiGrid's format; return the error."""
    body = response.json()
    assert (response.status_code, body["status"], body["error"]["code"]) == (status, "error", code), response.text
    assert re.fullmatch(r"req_[0-9a-f]{12}", body["meta"]["request_id"])
    assert response.headers["X-Request-Id"] == body["meta"]["request_id"]
    error: dict[str, Any] = body["error"]
    assert error["message"]
    return error


async def invoke(client: httpx.AsyncClient, core: str, values: dict[str, Any], **more: Any) -> httpx.Response:
    return await client.post(f"{MODULE}/cores/core_{core}/invoke", json={"input": values, **more})


async def resolve(client: httpx.AsyncClient, checkpoint_id: str, resolution: str, **more: Any) -> httpx.Response:
    return await client.post(f"{MODULE}/checkpoints/{checkpoint_id}/resolve", json={"resolution": resolution, **more})


async def pending(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (await client.get(f"{MODULE}/checkpoints")).json()["data"]["checkpoints"]
    return rows


async def invoke_until_suspended(client: httpx.AsyncClient, core: str, values: dict[str, Any]) -> str:
    """Invoke a Core until a run is suspended; return its checkpoint's id. Simulated failures are tried again."""
    for _ in range(20):
        response = await invoke(client, core, values)
        if response.status_code == 200:
            return str(response.json()["checkpoint_id"])
    raise AssertionError("no run was suspended")


async def run_to_end(served: Served, core_id: str, values: dict[str, Any]) -> str:
    """Run a Core until it ends or is suspended; return the run's id."""
    run = served.grid.engine.start(core_id, values)
    await run.finished_or_suspended.wait()
    return run.execution.id
