"""The proxy can't be made to ask its upstream for anything but the four calls."""

from __future__ import annotations

import json

import pytest

from tests.server.proxy_fixtures import CHECKPOINTS, EVENTS, INVOKE, RESOLVE, exchange, proxied, raw_request

DANGEROUS_IDS = [
    b"..",
    b".",
    b"%2e%2e",
    b"%2E",
    b"..%2f..%2fadmin",
    b"a%2Fb",
    b"a%2fb",
    b"a\\b",
    b"a%5cb",
    b"a%00b",
    b"a%0d%0aX-Evil:%201",
    b"a%0ab",
    b"a%7fb",
    b"a%c2%85b",
    b"a%e2%80%a8b",
    b"%252e%252e",
    b"%252f",
    b"%c0%ae%c0%ae",
    b"%c0%af",
    b"%ff",
    b"..;",
    b"a%3fb",
    b"a%23b",
    b"a#b",
    b"%",
    b"%zz",
    b'"',
    b"<a>",
    b"",
]
SAFE_IDS = [
    b"ckpt_1",
    b"0b6f7a52-91c5-4d0e-b6a3-1f2e3d4c5b6a",
    b"a.b~c",
    b"%63kpt_1",
    b"a%20b",
    b"gr%C3%BCn",
    b"a:b@c;d=e",
]
UNKNOWN = [
    b"/",
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
    b"/x%0a/",
    b"http://169.254.169.254/latest/meta-data",
    b"http://evil.example/v1/scaicore/events",
    b"*",
]


def _problem(got: bytes) -> dict[str, str]:
    detail: dict[str, str] = json.loads(got.partition(b"\r\n\r\n")[2])["detail"]
    return detail


@pytest.mark.parametrize("shape", [b"/v1/scaicore/checkpoints/%s/resolve", b"/api/v1/scaicore/cores/%s/invoke"])
async def test_a_dangerous_id_is_not_found(shape: bytes) -> None:
    async with proxied() as (grid, client):
        for name in DANGEROUS_IDS:
            target = shape.replace(b"%s", name)
            got = await exchange(str(client.base_url), raw_request(target, b"POST", b"Content-Length: 0"))
            assert got.startswith(b"HTTP/1.1 404"), target
            assert _problem(got)["error"] == "not_found"
    assert not grid.received


async def test_a_harmless_id_passes_as_it_came() -> None:
    async with proxied() as (grid, client):
        for name in SAFE_IDS:
            target = b"/v1/scaicore/checkpoints/" + name + b"/resolve"
            got = await exchange(str(client.base_url), raw_request(target, b"POST", b"Content-Length: 0"))
            assert got.startswith(b"HTTP/1.1 200"), target
    assert [request.target for request in grid.received] == [
        b"/v1/modules/scaicore/checkpoints/" + name + b"/resolve" for name in SAFE_IDS
    ]


async def test_an_unknown_path_is_not_found() -> None:
    async with proxied() as (grid, client):
        for target in UNKNOWN:
            got = await exchange(str(client.base_url), raw_request(target))
            assert got.startswith(b"HTTP/1.1 404"), target
            assert _problem(got)["error"] == "not_found"
    assert not grid.received


async def test_bytes_that_are_no_http_go_nowhere() -> None:
    async with proxied() as (grid, client):
        for target in (b"/v1/scaicore/checkpoints/a\rb/resolve", b"/v1/scaicore/events?\xff", b"/v1/scaicore/ev ents"):
            got = await exchange(str(client.base_url), raw_request(target, b"POST"))
            assert got.startswith(b"HTTP/1.1 400"), target
    assert not grid.received


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "BREW"])
async def test_a_read_takes_get_only(method: str) -> None:
    async with proxied() as (grid, client):
        for path in (EVENTS, CHECKPOINTS, "/healthz"):
            if (method, path) == ("HEAD", "/healthz"):
                continue
            response = await client.request(method, path)
            assert (response.status_code, response.headers["allow"]) == (405, "GET")
            assert method == "HEAD" or response.json()["detail"]["error"] == "method_not_allowed"
    assert not grid.received


async def test_a_write_takes_post_only() -> None:
    async with proxied() as (grid, client):
        for path in (RESOLVE, INVOKE):
            for method in ("GET", "PUT", "PATCH"):
                response = await client.request(method, path)
                assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert not grid.received


async def test_the_proxys_own_health_asks_nobody() -> None:
    async with proxied(token=None) as (grid, client):
        response = await client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert not grid.received
