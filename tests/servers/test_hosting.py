"""Both servers on real sockets, hosted as by the commands `demo` and `serve`."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest

from scaicore_tui.errors import UsageError
from scaicore_tui.servers import hosting
from scaicore_tui.servers.grid import GridConfig, build_grid
from scaicore_tui.servers.hosting import bind, serve_app
from scaicore_tui.servers.proxy import ProxyConfig, build_proxy
from tests.support.grid import MANAGER, TOKENS
from tests.support.log_records import logged_warnings
from tests.support.proxy import EVENTS, INVOKE, RESOLVE, exchange, grid_server, raw_request


async def test_a_proxied_response_has_each_header_once() -> None:
    grid_socket, grid_url = bind("127.0.0.1", 0)
    proxy_socket, proxy_url = bind("127.0.0.1", 0)
    grid = build_grid(GridConfig(rate=0, history=False, tokens=TOKENS))
    proxy = build_proxy(ProxyConfig(grid_url))
    async with serve_app(grid, grid_socket), serve_app(proxy, proxy_socket, date_header=False):
        request = raw_request(EVENTS.encode(), b"GET", b"Authorization: Bearer " + MANAGER.encode())
        answer = await exchange(proxy_url, request)
    head = answer.partition(b"\r\n\r\n")[0].decode("latin-1").lower().split("\r\n")
    names = [line.partition(":")[0] for line in head[1:]]
    assert head[0] == "http/1.1 200 ok"
    assert "date" in names
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        (b"POST", INVOKE, b"504", "outcome_unknown"),
        (b"POST", RESOLVE, b"504", "outcome_unknown"),
        (b"GET", EVENTS, b"503", "stopping"),
    ],
)
async def test_requests_cut_off_at_shutdown_get_a_response_with_their_outcome(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    method: bytes,
    path: str,
    status: bytes,
    error: str,
) -> None:
    monkeypatch.setattr(hosting, "SHUTDOWN_GRACE_S", 0.1)
    async with grid_server() as grid:
        has_arrived = asyncio.Event()

        async def never_respond(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
            has_arrived.set()
            await reader.read()

        grid.behave = never_respond
        bound, url = bind("127.0.0.1", 0)
        async with serve_app(build_proxy(ProxyConfig(grid.url)), bound, date_header=False):
            request_task = asyncio.create_task(exchange(url, raw_request(path.encode(), method, b"Content-Length: 0")))
            await has_arrived.wait()
        head, _, body = (await request_task).partition(b"\r\n\r\n")
    assert head.split()[1] == status
    detail = json.loads(body)["detail"]
    assert detail["error"] == error
    assert ("may have been carried out" in detail["fix"]) is (method == b"POST")
    assert logged_warnings(caplog) == []


async def test_a_response_is_not_delayed_by_nagles_algorithm() -> None:
    bound, _ = bind("127.0.0.1", 0)
    with bound:
        # asyncio turns off Nagle's algorithm, which delays small writes, only for sockets with this protocol.
        assert bound.proto == socket.IPPROTO_TCP


def test_a_port_in_use_is_reported() -> None:
    bound, url = bind("127.0.0.1", 0)
    with bound:
        bound.listen()
        with pytest.raises(UsageError, match="cannot listen"):
            bind("127.0.0.1", int(url.rpartition(":")[2]))
