"""The write routes of the embedded ScaiGrid over a real socket, and restarts of the server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from scaicore_tui.servers.grid.checkpoints import CheckpointService
from scaicore_tui.servers.grid.http.json_body import MAX_BODY_BYTES
from tests.support.core_inputs import INCIDENT, TRIP
from tests.support.grid import MANAGER, MODULE, REVIEWER, Served, assert_sound, poll_until, serving
from tests.support.grid_api import expect_error, invoke, invoke_until_suspended, pending, resolve
from tests.support.log_records import logged_warnings
from tests.support.manual_clock import ManualClock


async def test_invoke_returns_the_output() -> None:
    async with serving() as grid, grid.client() as client:
        response = await invoke(client, "fact-check", {"claim": "Trains are late."}, entity_id="user_7")
        body = response.json()
        assert response.status_code == 200
        assert body.keys() == {"output", "request_id", "duration_ms"}
        assert body["output"]["sources"] == 3
        assert body["request_id"] == response.headers["X-Request-Id"]
        events = (await client.get(f"{MODULE}/events")).json()["data"]["events"]
        last, first = events[0]["payload"], events[-1]["payload"]
        assert (first["input"], first["instance_key"]) == ({"claim": "Trains are late."}, "user_7")
        assert (last["output"], last["instance_key"]) == (body["output"], "user_7")


async def test_invoke_reports_a_failed_run() -> None:
    async with serving() as grid, grid.client() as client:
        invoice = {"number": "1", "vendor": "Unknown Trading Ltd", "amount": 10.0, "currency": "EUR"}
        response = await invoke(client, "invoice-batch", {"batch": "B-1", "invoices": [invoice]})
        details = expect_error(response, 502, "BACKEND_ERROR")["details"]
        assert details["error"]["code"] == "VENDOR_UNKNOWN"
        assert details["execution_id"] == grid.grid.store.executions()[0].id


async def test_invoke_responds_at_once_when_the_run_is_suspended() -> None:
    async with serving() as grid, grid.client() as client:
        response = await invoke(client, "debug-session", INCIDENT)
        body = response.json()
        assert (body["output"], body["status"]) == (None, "suspended")
        (row,) = await pending(client)
        assert (row["id"], row["execution_id"]) == (body["checkpoint_id"], body["execution_id"])


async def test_an_unsuitable_input_fails_the_run_without_a_crash() -> None:
    async with serving() as grid, grid.client() as client:
        for core in grid.grid.cores:
            response = await invoke(
                client, core.removeprefix("core_"), {"amount": "ten", "invoices": "none", "editor": []}
            )
            assert response.status_code in {200, 502}
        codes = {(execution.error or {}).get("code") for execution in grid.grid.store.executions()}
        assert "INTERNAL_ERROR" not in codes
        assert_sound(event for event in grid.grid.store.events())


NOT_BODIES = (
    b"",
    b"{",
    b"[]",
    b"\xff\xfe",
    b'{"input": []}',
    b'{"input": "text"}',
    b'{"input": {"n": NaN}}',
    b'{"input": {"n": 1e999}}',
    b'{"input": {}, "entity_id": 7}',
    b'{"input": ' + b'{"a":' * 70 + b"1" + b"}" * 70 + b"}",
    b"[" * 100_000,
)


async def test_an_invalid_body_is_refused_and_starts_nothing() -> None:
    async with serving() as grid, grid.client() as client:
        for content in NOT_BODIES:
            response = await client.post(f"{MODULE}/cores/core_fact-check/invoke", content=content)
            expect_error(response, 422, "VALIDATION_ERROR")
        too_much = b'{"input": {"text": "' + b"x" * MAX_BODY_BYTES + b'"}}'
        response = await client.post(f"{MODULE}/cores/core_fact-check/invoke", content=too_much)
        expect_error(response, 413, "PAYLOAD_TOO_LARGE")
        assert grid.grid.store.executions() == []


async def test_text_that_is_not_valid_unicode_passes_unchanged() -> None:
    async with serving() as grid, grid.client() as client:
        content = b'{"input": {"claim": "\\ud800 \\u0000 \\u001b[31m"}, "entity_id": "\\udfff"}'
        assert (await client.post(f"{MODULE}/cores/core_fact-check/invoke", content=content)).status_code in {200, 502}
        events = (await client.get(f"{MODULE}/events")).json()["data"]["events"]
        assert events[-1]["payload"]["input"] == {"claim": "\ud800 \0 \x1b[31m"}
        assert events[-1]["payload"]["instance_key"] == "\udfff"


async def test_an_unknown_core_cannot_be_invoked() -> None:
    async with serving() as grid, grid.client() as client:
        expect_error(await invoke(client, "none", {}), 404, "NOT_FOUND")


async def test_a_disconnecting_client_does_not_stop_its_run() -> None:
    clock = ManualClock()
    async with serving(clock) as grid, grid.client() as client:
        request = asyncio.create_task(invoke(client, "fact-check", {"claim": "x"}))
        await poll_until(lambda: pending(client), lambda _: grid.grid.store.executions())
        request.cancel()
        await asyncio.gather(request, return_exceptions=True)
        await wait_until_ended(client, grid, clock)


async def wait_until_ended(client: httpx.AsyncClient, grid: Served, clock: ManualClock | None = None) -> None:
    """Wait until no run is executing, advancing the clock if there is one."""

    async def have_all_ended() -> bool:
        if clock is not None:
            clock.advance(1.0)
        await client.get("/health")
        return all(execution.status in {"completed", "failed"} for execution in grid.grid.store.executions())

    await poll_until(have_all_ended, bool)


async def test_a_review_is_resolved_and_its_run_completes() -> None:
    async with serving() as grid, grid.client() as client:
        checkpoint_id = await invoke_until_suspended(client, "expense-approval", TRIP)
        row = (await client.get(f"{MODULE}/checkpoints/{checkpoint_id}")).json()["data"]
        assert [section["type"] for section in row["presentation"]["sections"]] == ["context", "input", "decision"]
        answered = await resolve(client, checkpoint_id, "reject", comment="Too expensive.")
        body = answered.json()["data"]
        assert (body["status"], body["resolution"], body["comment"]) == ("resolved", "reject", "Too expensive.")
        assert body["resolved_by"] == (await client.get("/v1/me")).json()["data"]["id"]
        await wait_until_ended(client, grid)
        assert grid.grid.store.executions()[-1].output["decision"] == "reject"
        assert_sound(grid.grid.store.events())


async def test_the_reviewer_role_may_resolve() -> None:
    async with serving() as grid, grid.client() as client, grid.client(REVIEWER) as reviewer:
        checkpoint_id = await invoke_until_suspended(client, "expense-approval", TRIP)
        assert (await resolve(reviewer, checkpoint_id, "approve")).status_code == 200


async def test_a_second_resolution_is_refused_with_the_first_one() -> None:
    async with serving() as grid, grid.client() as client:
        checkpoint_id = await invoke_until_suspended(client, "expense-approval", TRIP)
        both = await asyncio.gather(resolve(client, checkpoint_id, "approve"), resolve(client, checkpoint_id, "reject"))
        first, second = sorted(both, key=lambda response: response.status_code)
        row = first.json()["data"]
        details = expect_error(second, 409, "CHECKPOINT_ALREADY_RESOLVED")["details"]
        assert details == {key: row[key] for key in ("status", "resolution", "resolved_by", "resolved_at")}


async def test_an_invalid_resolution_changes_nothing() -> None:
    bodies: list[dict[str, Any]] = [
        {"resolution": "maybe"},
        {"resolution": 1},
        {"resolution": ""},
        {"resolution": "approve", "comment": ["no"]},
        {},
    ]
    async with serving() as grid, grid.client() as client:
        checkpoint_id = await invoke_until_suspended(client, "expense-approval", TRIP)
        for body in bodies:
            response = await client.post(f"{MODULE}/checkpoints/{checkpoint_id}/resolve", json=body)
            expect_error(response, 422, "VALIDATION_ERROR")
        assert [row["id"] for row in await pending(client)] == [checkpoint_id]


async def test_a_breakpoint_accepts_only_continue() -> None:
    async with serving() as grid, grid.client() as client:
        checkpoint_id = await invoke_until_suspended(client, "debug-session", INCIDENT)
        expect_error(await resolve(client, checkpoint_id, "approve"), 422, "VALIDATION_ERROR")
        assert (await resolve(client, checkpoint_id, "continue")).status_code == 200


async def test_checkpoints_expire_at_their_deadline() -> None:
    clock = ManualClock()
    async with serving(clock) as grid, grid.client() as client:
        grid.grid.engine.start("core_expense-approval", TRIP)

        async def waiting() -> list[dict[str, Any]]:
            clock.advance(1.0)
            return await pending(client)

        (row,) = await poll_until(waiting, bool)
        clock.advance(3600)
        await wait_until_ended(client, grid, clock)
        late = await resolve(client, row["id"], "approve")
        assert expect_error(late, 409, "CHECKPOINT_ALREADY_RESOLVED")["details"]["status"] == "expired"
        (execution,) = grid.grid.store.executions()
        assert (execution.error or {})["code"] == "CHECKPOINT_EXPIRED"


async def test_a_suspended_run_survives_a_restart(tmp_path: Path) -> None:
    db = tmp_path / "grid.db"
    async with serving(db=db) as grid, grid.client() as client:
        checkpoint_id = await invoke_until_suspended(client, "debug-session", INCIDENT)
        cursor = (await client.get(f"{MODULE}/events", params={"limit": 2})).json()["data"]["next_cursor"]
        feed = grid.grid.store.events()
    async with serving(db=db) as grid, grid.client() as client:
        assert grid.grid.store.events() == feed
        assert (await client.get(f"{MODULE}/events", params={"cursor": cursor})).status_code == 200
        assert [row["id"] for row in await pending(client)] == [checkpoint_id]
        await resolve(client, checkpoint_id, "continue")
        await poll_until(lambda: pending(client), lambda rows: rows or grid.grid.store.executions()[0].error)
        assert_sound(grid.grid.store.events())


async def test_an_executing_run_fails_at_a_restart(tmp_path: Path) -> None:
    db = tmp_path / "grid.db"
    async with serving(ManualClock(), db=db) as grid:
        grid.grid.engine.start("core_fact-check", {"claim": "x"})
    async with serving(db=db) as grid, grid.client() as client:
        events = (await client.get(f"{MODULE}/events")).json()["data"]["events"]
        assert events[0]["type"].endswith("invocation.failed")
        assert events[0]["payload"]["error"]["message"] == "server restarted"


async def test_history_is_not_created_twice(tmp_path: Path) -> None:
    async with serving(db=tmp_path / "grid.db", history=True, speed=0.001) as grid:
        before = len(grid.grid.store.executions())
    async with serving(db=tmp_path / "grid.db", history=True, speed=0.001) as grid:
        assert len(grid.grid.store.executions()) == before


async def test_no_task_is_left_after_the_server_has_stopped() -> None:
    before = asyncio.all_tasks()
    async with serving(history=True, rate=60, speed=1):
        assert len(asyncio.all_tasks()) > len(before)
    assert asyncio.all_tasks() == before


async def test_a_client_that_disconnects_while_sending_is_no_internal_error(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as grid:
        host, port = grid.url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        head = f"POST {MODULE}/cores/core_research/invoke HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {MANAGER}\r\n"
        writer.write(f"{head}Content-Length: 100\r\n\r\n{{".encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        async with grid.client() as client:
            assert (await client.get("/health")).status_code == 200
        assert grid.grid.store.executions() == []
    assert logged_warnings(caplog) == []


async def test_a_failed_background_job_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_inbox: CheckpointService) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(CheckpointService, "expire_due", fail)
    async with serving() as grid, grid.client() as client:
        assert (await client.get("/health")).status_code == 200
    assert "the background job 'deadlines' failed" in caplog.text
