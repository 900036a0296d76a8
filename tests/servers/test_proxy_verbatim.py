"""Queries, bodies and responses pass byte for byte."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from scaicore_tui.servers.proxy import ProxyConfig
from tests.support.proxy import (
    CHECKPOINTS,
    EVENTS,
    INVOKE,
    RESOLVE,
    TOKEN,
    answer,
    client_of,
    exchange,
    grid_server,
    proxied,
    proxy_server,
    raw_request,
)

UNUSUAL_BODIES = [
    b'  {"data" :\t{"events":[ ] ,\r\n "next_cursor":null}}  \n',
    b'{"a":1,"a":2,"b":1.0,"c":1e400,"d":12345678901234567890123}',
    '{"k":"Grüße – \U0001f600 \\u00e9 \\ud83d \u2028"}'.encode(),
    b'{"broken": "\xff\xfe\x00 not utf-8"',
    b"<html>bad gateway</html>",
    b"",
]
UNUSUAL_QUERIES = [
    b"core_id=core_a&limit=50&cursor=b3BhcXVl",
    b"cursor=a%2Bb%2fc%20d+e&cursor=&x&=y&&core_id=%C3%A9%ff",
    b"cursor=a/b/../c?d[]={e}|f^g`h\"i'<j>\\k#l",
    b"limit=1&limit=500&%6cimit=7",
    b"%",
]


@pytest.mark.parametrize("prefix", ["", "/api"])
async def test_each_route_reaches_its_upstream_path(prefix: str) -> None:
    async with proxied() as (grid, client):
        for method, path in (("GET", EVENTS), ("GET", CHECKPOINTS), ("POST", RESOLVE), ("POST", INVOKE)):
            response = await client.request(method, prefix + path)
            assert response.status_code == 200
    assert [request.line.decode() for request in grid.received] == [
        "GET /v1/modules/scaicore/events HTTP/1.1",
        "GET /v1/modules/scaicore/checkpoints HTTP/1.1",
        "POST /v1/modules/scaicore/checkpoints/ckpt_1/resolve HTTP/1.1",
        "POST /v1/modules/scaicore/cores/core_1/invoke HTTP/1.1",
    ]


async def test_the_upstream_url_may_have_a_path() -> None:
    async with (
        grid_server() as grid,
        proxy_server(ProxyConfig(f"{grid.url}/grid/")) as url,
        client_of(url, TOKEN) as client,
    ):
        await client.get(EVENTS)
    assert grid.received[0].target == b"/grid/v1/modules/scaicore/events"


async def test_a_response_passes_byte_for_byte() -> None:
    async with proxied() as (grid, client):
        for body in UNUSUAL_BODIES:
            grid.reply = answer(body, "200 OK", "Content-Type: application/json")
            response = await client.get(EVENTS)
            assert response.content == body
            assert response.headers["content-length"] == str(len(body))


async def test_a_body_passes_byte_for_byte() -> None:
    async with proxied() as (grid, client):
        for body in UNUSUAL_BODIES:
            await client.post(INVOKE, content=body, headers={"Content-Type": "application/json; charset=x"})
    assert [request.body for request in grid.received] == UNUSUAL_BODIES
    assert {request.headers["content-type"] for request in grid.received} == {"application/json; charset=x"}


async def test_example_bodies_pass_byte_for_byte() -> None:
    bodies = [path.read_bytes() for path in sorted((Path(__file__).parents[1] / "data").rglob("*.json"))]
    async with proxied() as (grid, client):
        for body in bodies:
            grid.reply = answer(body)
            assert (await client.post(RESOLVE, content=body)).content == body
    assert [request.body for request in grid.received] == bodies


async def test_a_chunked_body_arrives_completely() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b'{"input":'
        yield b' {"n": 1} }'

    async with proxied() as (grid, client):
        await client.post(INVOKE, content=chunks())
    assert grid.received[0].body == b'{"input": {"n": 1} }'
    assert "transfer-encoding" not in grid.received[0].headers


async def test_a_query_passes_byte_for_byte() -> None:
    async with proxied() as (grid, client):
        for query in UNUSUAL_QUERIES:
            received = await exchange(str(client.base_url), raw_request(EVENTS.encode() + b"?" + query))
            assert received.startswith(b"HTTP/1.1 200")
    assert [request.target.partition(b"?")[2] for request in grid.received] == UNUSUAL_QUERIES


async def test_a_compressed_response_stays_compressed() -> None:
    compressed = gzip.compress(b'{"data": {"events": []}}' * 100)
    async with proxied() as (grid, client):
        grid.reply = answer(compressed, "200 OK", "Content-Encoding: gzip", "Vary: Accept-Encoding")
        async with client.stream("GET", EVENTS, headers={"Accept-Encoding": "gzip"}) as response:
            received = b"".join([chunk async for chunk in response.aiter_raw()])
    assert received == compressed
    assert response.headers["content-encoding"] == "gzip"
    assert grid.received[0].headers["accept-encoding"] == "gzip"


async def test_a_status_passes() -> None:
    async with proxied() as (grid, client):
        for status in ("201 Created", "204 No Content", "304 Not Modified", "403 Forbidden", "429 Slow", "503 X"):
            grid.reply = answer(b"" if status[0] in "23" else b'{"status":"error"}', status)
            assert str((await client.get(EVENTS)).status_code) == status[:3]


async def test_a_redirect_passes_and_is_not_followed() -> None:
    async with grid_server() as location, proxied() as (grid, client):
        grid.reply = answer(b"", "307 Temporary Redirect", f"Location: {location.url}/v1/x")
        response = await client.post(INVOKE, content=b"{}")
    assert (response.status_code, response.headers["location"]) == (307, f"{location.url}/v1/x")
    assert not location.received
    assert len(grid.received) == 1
