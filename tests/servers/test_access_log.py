"""The entries of the access log, and the request id that is passed on with each request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from scaicore_tui.servers.access_log import AccessLog
from scaicore_tui.servers.hosting import bind, serve_app
from scaicore_tui.servers.proxy import ProxyConfig, build_proxy
from tests.support.hosted_proxy import request
from tests.support.manual_clock import ManualClock
from tests.support.proxy import EVENTS, INVOKE, TOKEN, Grid, answer, client_of, exchange, grid_server
from tests.support.waiting import wait_until


@dataclass
class LoggedProxy:
    """A proxy hosted as by the command `serve`, and its log entries."""

    url: str
    grid: Grid
    clock: ManualClock
    entries: list[dict[str, Any]] = field(default_factory=list)


@asynccontextmanager
async def logged_proxy(**settings: Any) -> AsyncIterator[LoggedProxy]:
    clock = ManualClock()
    async with grid_server() as grid:
        bound, url = bind("127.0.0.1", 0)
        proxy = LoggedProxy(url, grid, clock)
        with_access_log = partial(AccessLog, clock=clock, write=proxy.entries.append, process=7)
        async with serve_app(
            build_proxy(ProxyConfig(grid.url)), bound, date_header=False, wrap=with_access_log, **settings
        ):
            yield proxy


async def test_an_entry_has_route_status_duration_and_size() -> None:
    async with logged_proxy() as proxy:
        proxy.grid.reply = answer(b"x" * 1000)

        async def respond_late(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            proxy.clock.advance(0.25)
            writer.write(proxy.grid.reply)
            await writer.drain()

        proxy.grid.behave = respond_late
        async with client_of(proxy.url, TOKEN) as client:
            await client.post(f"/api{INVOKE}", json={}, headers={"X-Request-Id": "1"})
    assert proxy.entries == [
        {
            "time": "2027-01-15T08:00:00Z",
            "request_id": "1",
            "method": "POST",
            "route": "/v1/scaicore/cores/{id}/invoke",
            "upstream_calls": 1,
            "coalesced": False,
            "status": 200,
            "ms": 250.0,
            "bytes": 1000,
            "pid": 7,
        }
    ]


@pytest.mark.parametrize("name", ["1", "req_8f21", "3f1e:2-4.b", "a" * 64])
async def test_a_callers_request_id_is_passed_on_and_returned(name: str) -> None:
    async with logged_proxy() as proxy, client_of(proxy.url, TOKEN) as client:
        proxy.grid.reply = answer(b"{}", "200 OK", "X-Request-Id: another")
        response = await client.get(EVENTS, headers={"X-Request-Id": name})
        assert response.headers.get_list("x-request-id") == [name]
        assert proxy.grid.received[0].headers["x-request-id"] == name
    assert proxy.entries[0]["request_id"] == name


@pytest.mark.parametrize(
    "sent",
    [
        [],
        [b"X-Request-Id: "],
        [b"X-Request-Id: a b"],
        [b"X-Request-Id: a\xe4"],
        [b'X-Request-Id: "},{"a":"'],
        [b"X-Request-Id: " + b"a" * 65],
        [b"X-Request-Id: one", b"X-Request-Id: two"],
        [b"X-Request-Id: sgk_something"],
        [b"X-Request-Id: a.b.c.d.e"],
    ],
)
async def test_an_invalid_request_id_is_replaced(sent: list[bytes]) -> None:
    async with logged_proxy() as proxy:
        token = b"Authorization: Bearer a.b.c.d.e\r\n"
        response_bytes = await exchange(
            proxy.url,
            b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
            + b"".join(one + b"\r\n" for one in sent)
            + token
            + b"Connection: close\r\n\r\n",
        )
    name = proxy.entries[0]["request_id"]
    assert name.startswith("req_")
    assert response_bytes.lower().count(b"x-request-id") == 1
    assert f"x-request-id: {name}\r\n".encode() in response_bytes


async def test_each_request_gets_its_own_id() -> None:
    async with logged_proxy() as proxy, client_of(proxy.url, TOKEN) as client:
        for _ in range(3):
            await client.get(EVENTS)
    assert len({entry["request_id"] for entry in proxy.entries}) == 3


async def test_requests_refused_by_the_guard_are_logged() -> None:
    async with logged_proxy() as proxy:
        await exchange(proxy.url, request(b"GET /v1/scaicore/events", host=b"Host: evil.example\r\n"))
    assert [(entry["status"], entry["route"], entry["upstream_calls"]) for entry in proxy.entries] == [(421, None, 0)]


async def test_requests_over_the_connection_limit_are_logged() -> None:
    async with logged_proxy(max_connections=2) as proxy:
        async with client_of(proxy.url, TOKEN) as one, client_of(proxy.url, TOKEN) as other:
            answers = [await client.get(EVENTS) for client in (one, other)]
        assert [response.status_code for response in answers] == [200, 503]
    assert [(entry["status"], entry["upstream_calls"]) for entry in proxy.entries] == [(200, 1), (503, 0)]


async def test_requests_refused_by_the_proxy_are_logged_with_their_route() -> None:
    async with logged_proxy() as proxy, client_of(proxy.url, TOKEN) as client:
        await client.get(f"{EVENTS}?limit=0")
        await client.delete(EVENTS)
    logged_requests = [
        (entry["method"], entry["status"], entry["route"], entry["upstream_calls"]) for entry in proxy.entries
    ]
    assert logged_requests == [("GET", 422, EVENTS, 0), ("DELETE", 405, None, 0)]


async def test_an_incomplete_response_is_logged_with_the_bytes_sent() -> None:
    async with logged_proxy() as proxy:

        async def send_incomplete_response(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
            await writer.drain()

        proxy.grid.behave = send_incomplete_response
        await exchange(proxy.url, request(b"GET /v1/scaicore/events"))
        await wait_until(lambda: proxy.entries)
    assert [(entry["status"], entry["bytes"]) for entry in proxy.entries] == [(200, 4)]
