"""Requests to the embedded ScaiGrid's HTTP API, and checks of its answers."""

from __future__ import annotations

import re
from typing import Any

import httpx

from tests.support.grid import MODULE, Served


def expect_error(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The error of a refusal, which must be in ScaiGrid's style."""
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
    """The checkpoint at which a new run waits; a simulated failure on the way just means another try."""
    for _ in range(20):
        response = await invoke(client, core, values)
        if response.status_code == 200:
            return str(response.json()["checkpoint_id"])
    raise AssertionError("it never got so far")


async def run_to_end(served: Served, core_id: str, values: dict[str, Any]) -> str:
    """Run a Core until it ends or waits; the run's id."""
    run = served.grid.engine.start(core_id, values)
    await run.finished_or_suspended.wait()
    return run.execution.id
