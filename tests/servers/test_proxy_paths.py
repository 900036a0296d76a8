"""Only the API's routes can reach the upstream: the four about runs, and those that read flows."""

from __future__ import annotations

import json

import pytest

from tests.support.proxy import CHECKPOINTS, EVENTS, INVOKE, RESOLVE, answer, exchange, proxied, raw_request

DANGEROUS_IDS = [
    b"..",
    b".",
    b"%2e%2e",
    b"%2E",
    b"..%2f..%2fadmin",
    b"a%2f..%2fb",
    b"a%2F%2E%2E",
    b"a%5c..%5cb",
    b"..%5cb",
    b"%2e%2e%2fa",
    b"%2f.",
    b"%252e%252e",
    b"a%252f..%252fb",
    b"a%25252f%25252e%25252e",
    b"%" + b"25" * 9 + b"2e",
    b"..;",
    b"..;a=b",
    b"a%2f..;%2fb",
    b"..%20",
    b"a%00b",
    b"a%0d%0aX-Evil:%201",
    b"a%0ab",
    b"a%7fb",
    b"a%c2%85b",
    b"%c0%ae%c0%ae",
    b"%c0%af",
    b"%ff",
    b"%ed%a0%80",
    b"a#b",
    b"a\\b",
    b"%",
    b"%zz",
    b"a%2",
    b'"',
    b"<a>",
    b"{a}",
]
# Each is a single id in spite of its special characters.
SAFE_IDS = [
    b"ckpt_1",
    b"0b6f7a52-91c5-4d0e-b6a3-1f2e3d4c5b6a",
    b"a.b~c",
    b"%63kpt_1",
    b"a%20b",
    b"gr%C3%BCn",
    b"a:b@c;d=e",
    b"a%23b",
    b"a%3Fb",
    b"a%3fb=c&d",
    b"a%25b",
    b"100%25",
    b"%252f",
    b"a%2Fb",
    b"a%2fb%2Fc",
    b"a%2F%2Fb",
    b"%2Fa%2F",
    b"a%5cb",
    b"a..b",
    b"..a",
    b"...",
    b".hidden",
    b"a.",
    b"%e2%80%a8",
    b"%E6%97%A5%E6%9C%AC",
    b"%F0%9F%91%A9%E2%80%8D%F0%9F%92%BB",
    b"%22%3Ca%3E%7B%7D%60%5E%7C",
]
UNKNOWN = [
    b"/v1/scaicore/checkpoints//resolve",
    b"//v1/scaicore/events",
    b"/v1/scaicore",
    b"/v1/scaicore/",
    b"/v1/scaicore/events/",
    b"/v1/scaicore/Events",
    b"/v1/scaicore/events%2f",
    b"/v1/scaicore/events%0a",
    b"/v1%2fscaicore/events",
    b"/v1/scaicore/../scaicore/events",
    b"/v1/scaicore//events",
    b"/api/api/v1/scaicore/events",
    b"/api/v2/scaicore/events",
    b"/v1/scaicore/cores/core_1",
    b"/v1/scaicore/cores/core_1/invoke/x",
    b"/v1/scaicore/checkpoints/a/b/resolve",
    b"/v1/modules/scaicore/events",
    b"/v1/me",
    b"/v1/flows/",
    b"/v1/scaicore/flows",
    b"/v1/flows/flow_1/runs",
    b"/v1/flows/flow_1/deployments/dep_1",
    b"/v1/flows//deployments",
    b"/v1/modules/flows",
    b"/x%0a/",
    b"http://169.254.169.254/latest/meta-data",
    b"http://evil.example/v1/scaicore/events",
    b"*",
]


def _problem_of(response: bytes) -> dict[str, str]:
    detail: dict[str, str] = json.loads(response.partition(b"\r\n\r\n")[2])["detail"]
    return detail


@pytest.mark.parametrize(
    ("method", "shape"),
    [
        (b"POST", b"/v1/scaicore/checkpoints/%s/resolve"),
        (b"POST", b"/api/v1/scaicore/cores/%s/invoke"),
        (b"GET", b"/v1/flows/%s"),
        (b"GET", b"/api/v1/flows/%s/deployments"),
    ],
)
async def test_an_id_that_could_mean_another_path_is_refused(method: bytes, shape: bytes) -> None:
    async with proxied() as (grid, client):
        for name in DANGEROUS_IDS:
            target = shape.replace(b"%s", name)
            response = await exchange(str(client.base_url), raw_request(target, method, b"Content-Length: 0"))
            assert response.startswith(b"HTTP/1.1 400"), target
            assert _problem_of(response)["error"] == "invalid_id"
    assert not grid.received


async def test_a_harmless_id_passes_unchanged() -> None:
    async with proxied() as (grid, client):
        for name in SAFE_IDS:
            target = b"/v1/scaicore/checkpoints/" + name + b"/resolve"
            response = await exchange(str(client.base_url), raw_request(target, b"POST", b"Content-Length: 0"))
            assert response.startswith(b"HTTP/1.1 200"), target
    assert [request.target for request in grid.received] == [
        b"/v1/modules/scaicore/checkpoints/" + name + b"/resolve" for name in SAFE_IDS
    ]


async def test_an_unknown_path_is_not_found() -> None:
    async with proxied() as (grid, client):
        for target in UNKNOWN:
            response = await exchange(str(client.base_url), raw_request(target))
            assert response.startswith(b"HTTP/1.1 404"), target
            assert _problem_of(response)["error"] == "not_found"
    assert not grid.received


async def test_bytes_that_are_not_http_are_not_passed_on() -> None:
    async with proxied() as (grid, client):
        for target in (b"/v1/scaicore/checkpoints/a\rb/resolve", b"/v1/scaicore/events?\xff", b"/v1/scaicore/ev ents"):
            response = await exchange(str(client.base_url), raw_request(target, b"POST"))
            assert response.startswith(b"HTTP/1.1 400"), target
    assert not grid.received


async def test_flows_have_the_same_path_at_the_upstream() -> None:
    async with proxied() as (grid, client):
        for path in ("/v1/flows?search=invoice&limit=100", "/v1/flows/flow_1", "/v1/flows/a%2fb/deployments"):
            for prefix in ("", "/api"):
                grid.received.clear()
                assert (await client.get(prefix + path)).status_code == 200
                assert [request.line for request in grid.received] == [f"GET {path} HTTP/1.1".encode()]
        assert (await client.get("/v1/flows?limit=501")).status_code == 422
    async with proxied(token=None) as (grid, client):
        assert (await client.get("/v1/flows")).status_code == 412
        assert not grid.received


async def test_a_read_route_accepts_only_get() -> None:
    async with proxied() as (grid, client):
        for method in ("POST", "PUT", "DELETE", "BREW"):
            for path in (EVENTS, CHECKPOINTS, "/v1/flows", "/v1/flows/flow_1", "/healthz", "/"):
                response = await client.request(method, path)
                assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
                assert response.json()["detail"]["error"] == "method_not_allowed"
    assert not grid.received


async def test_a_write_route_accepts_only_post() -> None:
    async with proxied() as (grid, client):
        for path in (RESOLVE, INVOKE):
            for method in ("GET", "HEAD", "PUT", "PATCH"):
                response = await client.request(method, path)
                assert (response.status_code, response.headers["allow"]) == (405, "POST, OPTIONS")
    assert not grid.received


async def test_options_needs_no_credential_and_allows_no_other_origin() -> None:
    async with proxied(token=None) as (grid, client):
        reads = ((path, "GET, HEAD, OPTIONS") for path in ("/", "/healthz", EVENTS, f"/api{CHECKPOINTS}"))
        for path, allowed in (*reads, (RESOLVE, "POST, OPTIONS"), (INVOKE, "POST, OPTIONS")):
            response = await client.options(path, headers={"Origin": "https://evil.example"})
            assert (response.status_code, response.headers["allow"]) == (204, allowed)
            assert not [name for name in response.headers if name.startswith("access-control")]
        assert (await client.options("/v1/me")).status_code == 404
        assert (await client.options("/v1/scaicore/cores/%2e%2e/invoke")).status_code == 400
    assert not grid.received


async def test_head_is_a_read_without_a_body() -> None:
    async with proxied() as (grid, client):
        grid.reply = answer(b'{"data": []}', "200 OK", "X-Scaigrid-Ratelimit-Limit: 60")
        response = await client.head(f"{EVENTS}?limit=5")
        assert (response.status_code, response.content) == (200, b"")
        assert response.headers["content-length"] == "12"
        assert response.headers["x-scaigrid-ratelimit-limit"] == "60"
        assert (await client.head(f"{EVENTS}?limit=0")).status_code == 422
        for path in ("/", "/healthz"):
            assert (await client.head(path)).status_code == 200
    assert [request.line for request in grid.received] == [b"GET /v1/modules/scaicore/events?limit=5 HTTP/1.1"]


async def test_the_health_check_does_not_call_the_upstream() -> None:
    async with proxied(token=None) as (grid, client):
        # Balancers check `/` by default.
        for path in ("/healthz", "/"):
            response = await client.get(path)
            assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert not grid.received
