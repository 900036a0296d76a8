"""The read routes of the embedded ScaiGrid over a real socket: permissions, rate limits, pages and cursors."""

from __future__ import annotations

import json
import re
from importlib import resources
from itertools import product
from typing import Any

import httpx
import pytest

from scaicore_tui.servers.grid import GridConfig, build_grid
from scaicore_tui.servers.grid.http.rate_limits import REQUESTS_PER_API_KEY, REQUESTS_PER_USER
from tests.support.grid import MANAGER, MODULE, REVIEWER, TOKENS, VIEWER, Served, serving
from tests.support.grid_api import expect_error
from tests.support.manual_clock import ManualClock

CALLS = [
    ("GET", "/v1/me"),
    ("GET", f"{MODULE}/events"),
    ("GET", f"{MODULE}/checkpoints"),
    ("GET", f"{MODULE}/checkpoints/ckpt_1"),
    ("POST", f"{MODULE}/checkpoints/ckpt_1/resolve"),
    ("GET", f"{MODULE}/cores"),
    ("GET", f"{MODULE}/cores/core_research"),
    ("POST", f"{MODULE}/cores/core_research/invoke"),
    ("GET", "/v1/flows"),
    ("GET", "/v1/flows/flow_research"),
    ("GET", "/v1/flows/flow_research/deployments"),
]


async def read_pages(client: httpx.AsyncClient, resource: str, **query: Any) -> list[list[dict[str, Any]]]:
    """Return the rows of all pages of `events` or `checkpoints`."""
    found: list[list[dict[str, Any]]] = []
    cursor = None
    while True:
        response = await client.get(f"{MODULE}/{resource}", params={**query, **({"cursor": cursor} if cursor else {})})
        assert response.status_code == 200, response.text
        data = response.json()["data"]
        found.append(data[resource])
        cursor = data["next_cursor"]
        if cursor is None:
            return found


async def test_health_needs_no_credentials() -> None:
    async with serving() as grid, grid.client(None) as client:
        response = await client.get("/health")
        assert (response.status_code, response.json()["status"]) == (200, "ok")
        assert response.headers["X-Request-Id"].startswith("req_")


async def test_every_other_route_needs_a_known_token() -> None:
    async with serving() as grid, grid.client(None) as client:
        for method, path in CALLS:
            expect_error(await client.request(method, path), 401, "AUTH_TOKEN_MISSING")
            for wrong in (b"sgk_wrong", MANAGER[:-1].encode(), b"\xff"):
                response = await client.request(method, path, headers={b"Authorization": b"Bearer " + wrong})
                expect_error(response, 401, "AUTH_TOKEN_INVALID")
                assert response.headers["WWW-Authenticate"] == "Bearer"
        response = await client.get("/v1/me", headers={"Authorization": f"Basic {MANAGER}"})
        expect_error(response, 401, "AUTH_TOKEN_MISSING")


async def test_me_lists_the_permissions_of_each_role() -> None:
    async with serving() as grid:
        permissions_by_role = {}
        for token in TOKENS:
            async with grid.client(token) as client:
                data = (await client.get("/v1/me")).json()["data"]
                permissions_by_role[data["role"]] = {name.removeprefix("scaicore:") for name in data["permissions"]}
    assert permissions_by_role == {
        "manager": {"view", "manage", "checkpoint_resolve"},
        "reviewer": {"view", "checkpoint_resolve"},
        "viewer": {"view"},
    }


@pytest.mark.parametrize(
    ("token", "path", "status"),
    [
        (VIEWER, "checkpoints/ckpt_1/resolve", 403),
        (VIEWER, "cores/core_research/invoke", 403),
        (REVIEWER, "cores/core_research/invoke", 403),
        (REVIEWER, "checkpoints/ckpt_1/resolve", 404),
        (MANAGER, "checkpoints/ckpt_1/resolve", 404),
    ],
)
async def test_the_role_decides_who_may_write(token: str, path: str, status: int) -> None:
    async with serving() as grid, grid.client(token) as client:
        response = await client.post(f"{MODULE}/{path}", json={"resolution": "yes"})
        code = "AUTHZ_PERMISSION_DENIED" if status == 403 else "NOT_FOUND"
        assert "scaicore:" in expect_error(response, status, code)["message"] or status == 404


async def test_a_viewer_may_read() -> None:
    async with serving() as grid, grid.client(VIEWER) as client:
        for path in ("events", "checkpoints", "cores"):
            assert (await client.get(f"{MODULE}/{path}")).status_code == 200


async def test_the_cores_and_their_flows() -> None:
    async with serving() as grid, grid.client() as client:
        cores = (await client.get(f"{MODULE}/cores")).json()["data"]["cores"]
        names = ["debug-session", "expense-approval", "fact-check", "invoice-batch", "research", "support-triage"]
        assert [core["name"] for core in cores] == names
        core = (await client.get(f"{MODULE}/cores/core_debug-session")).json()["data"]
        assert [node["id"] for node in core["flow"]["nodes"] if node.get("breakpoint")] == ["run_script", "propose"]
        file = resources.files("scaicore_tui.servers.grid") / "flows" / "debug-session.json"
        assert core["flow"] == json.loads(file.read_text("utf-8"))
        expect_error(await client.get(f"{MODULE}/cores/core_none"), 404, "NOT_FOUND")


async def test_the_flows_are_listed_without_a_wrapper() -> None:
    async with serving() as grid, grid.client(VIEWER) as client:
        listing = (await client.get("/v1/flows")).json()
        assert listing["total"] == len(listing["items"]) == len(grid.grid.cores)
        assert listing["items"][0].keys() == {
            *("id", "name", "description", "owner_id", "tenant_id", "version", "created_at", "updated_at")
        }
        found = (await client.get("/v1/flows", params={"search": "BATCH", "limit": 1})).json()
        assert ([row["name"] for row in found["items"]], found["total"]) == (["invoice-batch"], 1)
        assert (await client.get("/v1/flows", params={"search": "none"})).json() == {"items": [], "total": 0}
        for limit in ("0", "101", "ten", "1.5", ""):
            expect_error(await client.get("/v1/flows", params={"limit": limit}), 422, "VALIDATION_ERROR")


async def test_a_flow_has_its_graph_and_its_deployments() -> None:
    async with serving() as grid, grid.client() as client:
        core = (await client.get(f"{MODULE}/cores/core_research")).json()["data"]
        found = (await client.get(f"/v1/flows/{core['flow_id']}")).json()
        assert (found["id"], found["version"], found["content"]) == (core["flow_id"], core["version"], core["flow"])
        deployed = (await client.get(f"/v1/flows/{core['flow_id']}/deployments")).json()
        assert [row["core_id"] for row in deployed["items"]] == ["core_research"]
        for path in ("/v1/flows/flow_none", "/v1/flows/flow_none/deployments"):
            expect_error(await client.get(path), 404, "NOT_FOUND")


async def test_a_page_is_newest_first_and_wrapped() -> None:
    async with serving(history=True) as grid, grid.client() as client:
        body = (await client.get(f"{MODULE}/events", params={"limit": 500})).json()
        events = body["data"]["events"]
        assert (body["status"], len(events)) == ("ok", 500)
        stamps = [event["timestamp"] for event in events]
        assert stamps == sorted(stamps, reverse=True)
        assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", stamp) for stamp in stamps)
        assert events[0].keys() == {"type", "core_id", "timestamp", "payload"}
        assert len((await client.get(f"{MODULE}/events")).json()["data"]["events"]) == 50


@pytest.mark.parametrize("limit", [1, 7, 500])
async def test_pages_hold_every_row_once(limit: int) -> None:
    async with serving(history=True, speed=0.001) as grid, grid.client() as client:
        found = await read_pages(client, "checkpoints", status="resolved", limit=limit)
        rows = [row["id"] for page in found for row in page]
        assert rows == [row.id for row in reversed(grid.grid.store.checkpoints()) if row.status == "resolved"]
        if limit > 1:
            events = [event for page in await read_pages(client, "events", limit=limit) for event in page]
            assert events == json.loads(json.dumps(grid.grid.store.events()[::-1]))


async def test_new_rows_do_not_shift_later_pages() -> None:
    async with serving(history=True, speed=0.001) as grid, grid.client() as client:
        rest = [json.loads(json.dumps(event)) for event in reversed(grid.grid.store.events())]
        cursor = None
        for start in (0, 10, 20):
            query = {"limit": 10, **({"cursor": cursor} if cursor else {})}
            data = (await client.get(f"{MODULE}/events", params=query)).json()["data"]
            assert data["events"] == rest[start : start + 10]
            cursor = data["next_cursor"]
            grid.grid.engine.start("core_fact-check", {})


async def test_pages_can_be_limited_to_one_core() -> None:
    async with serving(history=True, speed=0.001) as grid, grid.client() as client:
        found = await read_pages(client, "events", core_id="core_research", limit=40)
        events = [event for page in found for event in page]
        assert {event["core_id"] for event in events} == {"core_research"}
        assert len(events) == sum(event["core_id"] == "core_research" for event in grid.grid.store.events())
        assert await read_pages(client, "events", core_id="core_none") == [[]]


async def test_a_limit_is_a_number_from_1_to_500() -> None:
    async with serving() as grid, grid.client() as client:
        for limit, resource in product(
            ("0", "501", "-1", "ten", "1.5", "", "٣", "9" * 5000), ("events", "checkpoints")
        ):
            response = await client.get(f"{MODULE}/{resource}", params={"limit": limit})
            assert expect_error(response, 422, "VALIDATION_ERROR")["details"] == {"parameter": "limit"}


async def _cursor(client: httpx.AsyncClient, **query: Any) -> str:
    data = (await client.get(f"{MODULE}/events", params={"limit": 1, **query})).json()["data"]
    return str(data["next_cursor"])


async def test_an_invalid_cursor_is_refused() -> None:
    async with serving() as grid, grid.client() as client:
        for cursor in ("", "zzz", "WzFd", "bnVsbA==", "W1tbW1s=", "é", "WzEsICJ4Il0=", "A" * 9000):
            response = await client.get(f"{MODULE}/events", params={"cursor": cursor})
            assert expect_error(response, 422, "VALIDATION_ERROR")["details"] == {"parameter": "cursor"}


async def test_a_cursor_is_valid_for_one_query_of_one_store() -> None:
    async with serving(history=True) as grid, grid.client() as client:
        cursor = await _cursor(client)
        assert (await client.get(f"{MODULE}/events", params={"cursor": cursor, "limit": 3})).status_code == 200
        for path, query in (("events", {"core_id": "core_research"}), ("checkpoints", {})):
            response = await client.get(f"{MODULE}/{path}", params={"cursor": cursor, **query})
            expect_error(response, 422, "VALIDATION_ERROR")
    async with serving(history=True) as other, other.client() as client:
        expect_error(await client.get(f"{MODULE}/events", params={"cursor": cursor}), 422, "VALIDATION_ERROR")


async def test_checkpoints_lists_pending_ones_by_default() -> None:
    async with serving(history=True, speed=0.001) as grid, grid.client() as client:
        for status in ("pending", "resolved", "failed", "expired", "cancelled"):
            (page,) = await read_pages(client, "checkpoints", status=status, limit=500)
            assert {row["status"] for row in page} <= {status}
            if status == "pending":
                assert page == (await read_pages(client, "checkpoints"))[0] != []
                one = await client.get(f"{MODULE}/checkpoints/{page[0]['id']}")
                assert one.json()["data"] == page[0]
        response = await client.get(f"{MODULE}/checkpoints", params={"status": "open"})
        assert expect_error(response, 422, "VALIDATION_ERROR")["details"] == {"parameter": "status"}


async def test_unknown_paths_and_methods_are_refused() -> None:
    async with serving() as grid, grid.client() as client:
        expect_error(await client.get("/v1/nothing"), 404, "NOT_FOUND")
        expect_error(await client.get(f"{MODULE}/checkpoints/ckpt_none"), 404, "NOT_FOUND")
        expect_error(await client.delete(f"{MODULE}/events"), 405, "METHOD_NOT_ALLOWED")


async def test_an_internal_error_is_a_proper_response(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving() as grid, grid.client() as client:
        monkeypatch.setattr(grid.grid.store, "event_table", None)
        response = await client.get(f"{MODULE}/events")
        expect_error(response, 500, "INTERNAL_ERROR")
        assert response.headers["X-Request-Id"] in caplog.text


async def _use_up(client: httpx.AsyncClient, limit: int) -> None:
    for left in reversed(range(limit)):
        response = await client.get("/v1/me")
        assert response.status_code == 200
        assert response.headers["X-Scaigrid-Ratelimit-Limit"] == str(limit)
        assert response.headers["X-Scaigrid-Ratelimit-Remaining"] == str(left)


@pytest.mark.parametrize(("token", "limit"), [(MANAGER, REQUESTS_PER_API_KEY), (VIEWER, REQUESTS_PER_USER)])
async def test_the_rate_limit_is_a_sliding_window(token: str, limit: int) -> None:
    clock = ManualClock()
    async with serving(clock, rate_limits=True) as grid, grid.client(token) as client:
        await client.get("/v1/me")
        clock.advance(20.5)
        for _ in range(limit - 1):
            await client.get("/v1/me")
        response = await client.get("/v1/me")
        assert expect_error(response, 429, "RATE_LIMITED")["retry_after"] == 40
        assert response.headers["Retry-After"] == "40"
        assert response.headers["X-Scaigrid-Ratelimit-Remaining"] == "0"
        assert response.headers["X-Scaigrid-Ratelimit-Reset"] == str(1_800_000_060)
        clock.advance(39.5)
        assert (await client.get("/v1/me")).headers["X-Scaigrid-Ratelimit-Remaining"] == "0"
        expect_error(await client.get("/v1/me"), 429, "RATE_LIMITED")
        clock.advance(60)
        await _use_up(client, limit)


async def test_each_token_has_its_own_rate_limit() -> None:
    async with serving(ManualClock(), rate_limits=True) as grid:
        async with grid.client() as client:
            await _use_up(client, REQUESTS_PER_API_KEY)
            expect_error(await client.get(f"{MODULE}/events"), 429, "RATE_LIMITED")
            assert (await client.get("/health")).status_code == 200
        async with grid.client(VIEWER) as client:
            assert (await client.get("/v1/me")).status_code == 200


async def test_rate_limits_can_be_switched_off() -> None:
    async with serving() as grid, grid.client() as client:
        for _ in range(REQUESTS_PER_API_KEY + 1):
            assert (await client.get("/v1/me")).status_code == 200


def test_the_default_tokens_are_random_and_do_not_print() -> None:
    one, other = GridConfig(), GridConfig()
    assert sorted(one.tokens.values()) == ["manager", "viewer"]
    assert one.tokens.keys().isdisjoint(other.tokens)
    assert all(token.startswith("sgk_demo_") for token in one.tokens)
    assert "sgk_" not in repr(one)


@pytest.mark.parametrize("setting", [{"rate": -1.0}, {"rate": float("inf")}, {"speed": 0.0}, {"speed": float("nan")}])
def test_an_invalid_setting_is_refused(setting: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        GridConfig(**setting)  # type: ignore[arg-type]


def test_an_unknown_role_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown role 'emperor'"):
        build_grid(GridConfig(tokens={"sgk_x": "emperor"}))


async def test_a_new_grid_has_runs_in_every_state() -> None:
    async with serving(history=True, rate=6, speed=1) as grid, grid.client() as client:
        states = {execution.status for execution in _roots(grid)}
        assert states == {"running", "suspended", "completed", "failed"}
        (pending,) = await read_pages(client, "checkpoints")
        assert pending


def _roots(grid: Served) -> list[Any]:
    return [execution for execution in grid.grid.store.executions() if execution.id == execution.root_id]
