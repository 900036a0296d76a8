"""How the demo and `serve` put the two servers on sockets."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest

from scaicore_tui.cli import servers
from scaicore_tui.cli.servers import listen, serving
from scaicore_tui.errors import UsageError
from scaicore_tui.grid import GridConfig, build_grid
from scaicore_tui.proxy import ProxyConfig, build_proxy
from tests.support.grid import MANAGER, TOKENS
from tests.support.log_records import complaints
from tests.support.proxy import EVENTS, INVOKE, RESOLVE, exchange, grid_server, raw_request


async def test_an_answer_through_the_proxy_has_each_header_once() -> None:
    grid_socket, grid_url = listen("127.0.0.1", 0)
    proxy_socket, proxy_url = listen("127.0.0.1", 0)
    grid = build_grid(GridConfig(rate=0, history=False, tokens=TOKENS))
    proxy = build_proxy(ProxyConfig(grid_url))
    async with serving(grid, grid_socket), serving(proxy, proxy_socket, dates=False):
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
async def test_what_is_cut_off_at_the_end_is_told_what_is_known_of_it(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    method: bytes,
    path: str,
    status: bytes,
    error: str,
) -> None:
    monkeypatch.setattr(servers, "GRACE_SECONDS", 0.1)
    async with grid_server() as grid:
        is_asked = asyncio.Event()

        async def never(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
            is_asked.set()
            await reader.read()

        grid.behave = never
        bound, url = listen("127.0.0.1", 0)
        async with serving(build_proxy(ProxyConfig(grid.url)), bound, dates=False):
            asking = asyncio.create_task(exchange(url, raw_request(path.encode(), method, b"Content-Length: 0")))
            await is_asked.wait()
        head, _, body = (await asking).partition(b"\r\n\r\n")
    assert head.split()[1] == status
    detail = json.loads(body)["detail"]
    assert detail["error"] == error
    assert ("may have happened" in detail["fix"]) is (method == b"POST")
    assert complaints(caplog) == []


async def test_an_answer_does_not_wait_for_an_acknowledgement() -> None:
    bound, _ = listen("127.0.0.1", 0)
    with bound:
        # By which asyncio tells that Nagle's algorithm, which holds small writes back, is to be off.
        assert bound.proto == socket.IPPROTO_TCP


def test_a_port_that_is_taken_is_told() -> None:
    bound, url = listen("127.0.0.1", 0)
    with bound:
        bound.listen()
        with pytest.raises(UsageError, match="cannot listen"):
            listen("127.0.0.1", int(url.rpartition(":")[2]))
