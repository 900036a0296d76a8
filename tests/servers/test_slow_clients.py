"""Clients that occupy connections: unfinished heads and bodies, unread responses, too many connections at once."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scaicore_tui.servers import connection_limits
from scaicore_tui.servers.grid import GridConfig, build_grid
from scaicore_tui.servers.hosting import bind, serve_app
from tests.support.grid import MANAGER, MODULE, TOKENS
from tests.support.hosted_proxy import hosted_proxy, request, status
from tests.support.log_records import logged_warnings
from tests.support.proxy import EVENTS, INVOKE, client_of, exchange, raw_request
from tests.support.waiting import wait_until

HEAD = b"GET /v1/scaicore/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer a.b.c\r\n"
# Pieces to send, one every 20 ms: far more than fit into the shortened timeouts.
MAX_PIECES = 250
# Size of the system's socket buffers, and of a response that exceeds them but fits into the server's buffer.
BUFFER_BYTES, RESPONSE_BYTES = 4_096, 60_000


@pytest.fixture(autouse=True)
def _short_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_limits, "REQUEST_TIMEOUT_S", 0.3)
    monkeypatch.setattr(connection_limits, "REFUSAL_GRACE_S", 0.2)
    monkeypatch.setattr(connection_limits, "CHECK_INTERVAL_S", 0.05)


@pytest.fixture
def _short_idle_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the time between two requests for the check only, as if uvicorn had seen bytes of the next request."""
    monkeypatch.setattr(connection_limits, "IDLE_CONNECTION_S", 0.2)


async def read_to_end(reader: asyncio.StreamReader) -> bytes:
    """Return all that is received, until the connection is closed or reset."""
    received = b""
    with suppress(ConnectionError):
        while part := await reader.read(65_536):
            received += part
    return received


async def send_in_pieces(url: str, begin: bytes, chunk: bytes = b"a") -> bytes:
    """Send an endless request in small pieces until the connection ends; return the response."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    answer = asyncio.create_task(read_to_end(reader))
    writer.write(begin)
    for _ in range(MAX_PIECES):
        writer.write(chunk)
        if (await asyncio.wait({answer}, timeout=0.02))[0]:
            break
    writer.close()
    assert answer.done()
    return answer.result()


async def unread_client(url: str, sent: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send a request from a client with tiny buffers, and read only the first byte of the response."""
    address = urlsplit(url)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
    client.connect((address.hostname, address.port))
    reader, writer = await asyncio.open_connection(sock=client, limit=1024)
    writer.write(sent)
    await reader.readexactly(1)
    return reader, writer


async def request_timeout_passes(url: str) -> None:
    """Wait as long as the server waits for a request, by sending none."""
    await exchange(url, b"")


@asynccontextmanager
async def large_responses() -> AsyncIterator[str]:
    """Run a server whose responses are written at once, and too large for the system's buffers."""

    async def answer(_: Request) -> Response:
        return Response(b"x" * RESPONSE_BYTES)

    bound, url = bind("127.0.0.1", 0)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
    async with serve_app(Starlette(routes=[Route("/", answer)]), bound):
        yield url


@pytest.mark.parametrize("begin", [b"", HEAD, HEAD + b"X-A: "])
async def test_an_unfinished_head_ends_the_connection(begin: bytes) -> None:
    async with hosted_proxy() as grid:
        assert await send_in_pieces(grid.url, begin) == b""
        assert not grid.received


async def test_a_connection_without_a_request_ends() -> None:
    async with hosted_proxy() as grid:
        assert await exchange(grid.url, b"") == b""


async def test_a_client_that_stays_is_disconnected() -> None:
    async with hosted_proxy() as grid:
        address = urlsplit(grid.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        assert await reader.read() == b""

        def is_disconnected() -> bool:
            writer.write(b"a")
            return writer.is_closing()

        await wait_until(is_disconnected)


async def test_an_unfinished_body_times_out_and_is_not_passed_on(caplog: pytest.LogCaptureFixture) -> None:
    async with hosted_proxy() as grid:
        sized = raw_request(INVOKE.encode(), b"POST", b"Content-Length: 100000")
        chunked = raw_request(INVOKE.encode(), b"POST", b"Transfer-Encoding: chunked")
        assert status(await send_in_pieces(grid.url, sized)) == 408
        assert status(await send_in_pieces(grid.url, chunked, b"1\r\na\r\n")) == 408
        assert not grid.received
    assert logged_warnings(caplog) == []


async def test_an_unfinished_body_times_out_at_the_grid_too(caplog: pytest.LogCaptureFixture) -> None:
    bound, url = bind("127.0.0.1", 0)
    token = b"Authorization: Bearer " + MANAGER.encode()
    async with serve_app(build_grid(GridConfig(rate=0, history=False, tokens=TOKENS)), bound):
        head = raw_request(f"{MODULE}/cores/core_fact-check/invoke".encode(), b"POST", b"Content-Length: 9999", token)
        assert status(await send_in_pieces(url, head)) == 408
    assert logged_warnings(caplog) == []


@pytest.mark.usefixtures("_short_idle_time")
async def test_the_body_of_a_refused_request_is_not_read_without_end() -> None:
    head = b"POST /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n"
    async with hosted_proxy() as grid:
        await send_in_pieces(grid.url, head)


@pytest.mark.usefixtures("_short_idle_time")
async def test_the_second_request_of_a_connection_has_a_timeout_too() -> None:
    async with hosted_proxy() as grid:
        assert status(await send_in_pieces(grid.url, HEAD + b"\r\n" + HEAD)) == 200
        assert len(grid.received) == 1


async def test_a_connection_may_be_idle_between_two_requests() -> None:
    async with hosted_proxy() as grid, client_of(grid.url, "a.b.c") as client:
        assert (await client.get(EVENTS)).status_code == 200
        await request_timeout_passes(grid.url)
        (kept,) = client._transport._pool.connections  # type: ignore[attr-defined]
        assert kept.is_idle()
        assert (await client.get(EVENTS)).status_code == 200


async def test_a_slow_application_does_not_time_out() -> None:
    async with hosted_proxy() as grid:

        async def respond_late(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await request_timeout_passes(grid.url)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            await writer.drain()

        grid.behave = respond_late
        assert status(await exchange(grid.url, raw_request(EVENTS.encode()))) == 200


@pytest.mark.parametrize("close", [b"", b"Connection: close\r\n"])
async def test_a_response_that_is_not_read_times_out(close: bytes) -> None:
    async with large_responses() as url:
        reader, writer = await unread_client(url, b"GET / HTTP/1.1\r\nHost: localhost\r\n" + close + b"\r\n")
        await request_timeout_passes(url)
        assert len(await reader.read()) < RESPONSE_BYTES
        writer.close()


async def test_the_upstream_call_ends_with_a_client_that_does_not_read() -> None:
    async with hosted_proxy() as grid:
        is_closed = asyncio.Event()

        async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            try:
                while True:
                    writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
                    await writer.drain()
            except ConnectionError:
                is_closed.set()

        grid.behave = endless
        _, writer = await unread_client(grid.url, raw_request(EVENTS.encode()))
        await asyncio.wait_for(is_closed.wait(), 10)
        writer.close()


async def test_a_response_that_is_read_late_arrives_completely() -> None:
    async with large_responses() as url:
        reader, writer = await unread_client(url, b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        response = await reader.read()
        writer.close()
    assert len(response.partition(b"\r\n\r\n")[2]) == RESPONSE_BYTES


async def test_too_many_connections_get_503_and_those_over_twice_as_many_are_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection_limits, "MAX_CONNECTIONS", 4)
    monkeypatch.setattr(connection_limits, "REQUEST_TIMEOUT_S", 30.0)
    async with hosted_proxy() as grid:
        address = urlsplit(grid.url)
        connections = [await asyncio.open_connection(address.hostname, address.port) for _ in range(4)]
        request_bytes = request(b"GET /v1/scaicore/events")
        assert status(await exchange(grid.url, request_bytes)) == 503
        connections += [await asyncio.open_connection(address.hostname, address.port) for _ in range(7)]
        await wait_until(lambda: sum(reader.at_eof() for reader, _ in connections) == 3)
        assert status(await exchange(grid.url, request_bytes)) == 503
        for _, writer in connections:
            writer.close()
        # Nothing shows when the server has noticed the closed connections, so try several times.
        assert 200 in [await status_or_zero(grid.url, request_bytes) for _ in range(20)]


async def status_or_zero(url: str, request_bytes: bytes) -> int:
    """Return the status of the response; 0 if the connection ended without one."""
    try:
        return status(await exchange(url, request_bytes))
    except ConnectionError:
        return 0
