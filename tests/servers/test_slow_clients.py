"""Clients that hold what they have: heads and bodies that never end, answers that are never read, too many at once."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scaicore_tui.cli import connection
from scaicore_tui.cli.servers import listen, serving
from tests.support.hosted_proxy import proxied, request, status
from tests.support.log_records import complaints
from tests.support.proxy import EVENTS, INVOKE, client_of, exchange, raw_request
from tests.support.waiting import until

HEAD = b"GET /v1/scaicore/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer a.b.c\r\n"
# More than ever fall within little patience.
DROPS = 250
# What the system itself keeps of an answer; the rest is the server's to keep, and fits into what it may.
FEW_BYTES, LARGE = 4_096, 60_000


@pytest.fixture(autouse=True)
def _little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "PATIENCE", 0.3)
    monkeypatch.setattr(connection, "LINGER", 0.1)


async def dripped(url: str, begin: bytes, drop: bytes = b"a") -> bytes:
    """What is answered to a request that comes a drop at a time, and never ends."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    answer = asyncio.create_task(reader.read())
    writer.write(begin)
    for _ in range(DROPS):
        writer.write(drop)
        if (await asyncio.wait({answer}, timeout=0.02))[0]:
            break
    writer.close()
    assert answer.done()
    return b"" if answer.exception() else answer.result()


async def deaf(url: str, sent: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A client that sends a request, and reads no more of the answer than comes by itself."""
    parts = urlsplit(url)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, FEW_BYTES)
    client.connect((parts.hostname, parts.port))
    reader, writer = await asyncio.open_connection(sock=client, limit=1024)
    writer.write(sent)
    await reader.readexactly(1)
    return reader, writer


async def patience_is_over(url: str) -> None:
    """A request that does not come is waited for just as long."""
    await exchange(url, b"")


@asynccontextmanager
async def large_answers() -> AsyncIterator[str]:
    """A server whose every answer is written at once, and too large for the system to take."""

    async def answer(_: Request) -> Response:
        return Response(b"x" * LARGE)

    bound, url = listen("127.0.0.1", 0)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, FEW_BYTES)
    async with serving(Starlette(routes=[Route("/", answer)]), bound):
        yield url


@pytest.mark.parametrize("begin", [b"", HEAD, HEAD + b"X-A: "])
async def test_a_head_that_never_ends_is_given_up(begin: bytes) -> None:
    async with proxied() as grid:
        assert status(await dripped(grid.url, begin)) == 408
        assert not grid.received


async def test_nothing_at_all_is_given_up() -> None:
    async with proxied() as grid:
        assert status(await exchange(grid.url, b"")) == 408


async def test_whoever_was_refused_and_stays_is_hung_up_on() -> None:
    async with proxied() as grid:
        parts = urlsplit(grid.url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        assert status(await reader.read()) == 408

        def is_hung_up_on() -> bool:
            writer.write(b"a")
            return writer.is_closing()

        await until(is_hung_up_on)


async def test_a_body_that_never_ends_is_given_up_and_goes_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    async with proxied() as grid:
        sized = raw_request(INVOKE.encode(), b"POST", b"Content-Length: 100000")
        chunked = raw_request(INVOKE.encode(), b"POST", b"Transfer-Encoding: chunked")
        assert status(await dripped(grid.url, sized)) == 408
        assert status(await dripped(grid.url, chunked, b"1\r\na\r\n")) == 408
        assert not grid.received
    assert complaints(caplog) == []


async def test_a_body_nobody_wants_is_not_read_for_ever() -> None:
    head = b"POST /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n"
    async with proxied() as grid:
        await dripped(grid.url, head)


async def test_the_second_request_of_a_connection_has_its_time_too() -> None:
    async with proxied() as grid:
        assert status(await dripped(grid.url, HEAD + b"\r\n" + HEAD)) == 200
        assert len(grid.received) == 1


async def test_a_connection_may_be_idle_between_two_requests() -> None:
    async with proxied() as grid, client_of(grid.url, "a.b.c") as client:
        assert (await client.get(EVENTS)).status_code == 200
        await patience_is_over(grid.url)
        (kept,) = client._transport._pool.connections  # type: ignore[attr-defined]
        assert kept.is_idle()
        assert (await client.get(EVENTS)).status_code == 200


async def test_an_answer_that_is_slow_to_come_is_waited_for() -> None:
    async with proxied() as grid:

        async def late(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await patience_is_over(grid.url)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            await writer.drain()

        grid.behave = late
        assert status(await exchange(grid.url, raw_request(EVENTS.encode()))) == 200


@pytest.mark.parametrize("close", [b"", b"Connection: close\r\n"])
async def test_an_answer_that_nobody_reads_is_given_up(close: bytes) -> None:
    async with large_answers() as url:
        reader, writer = await deaf(url, b"GET / HTTP/1.1\r\nHost: localhost\r\n" + close + b"\r\n")
        await patience_is_over(url)
        assert len(await reader.read()) < LARGE
        writer.close()


async def test_the_upstream_is_let_go_of_with_a_caller_who_does_not_read() -> None:
    async with proxied() as grid:
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
        _, writer = await deaf(grid.url, raw_request(EVENTS.encode()))
        await asyncio.wait_for(is_closed.wait(), 10)
        writer.close()


async def test_an_answer_that_is_read_late_but_read_comes_whole() -> None:
    async with large_answers() as url:
        reader, writer = await deaf(url, b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        got = await reader.read()
        writer.close()
    assert len(got.partition(b"\r\n\r\n")[2]) == LARGE


async def test_too_many_connections_are_told_and_far_too_many_are_not_even_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "MOST", 4)
    monkeypatch.setattr(connection, "PATIENCE", 30.0)
    async with proxied() as grid:
        parts = urlsplit(grid.url)
        held = [await asyncio.open_connection(parts.hostname, parts.port) for _ in range(4)]
        ask = request(b"GET /v1/scaicore/events")
        assert status(await exchange(grid.url, ask)) == 503
        held += [await asyncio.open_connection(parts.hostname, parts.port) for _ in range(4)]
        assert await answered(grid.url, ask) == 0
        for _, writer in held:
            writer.close()
        # Nothing tells when the server has noticed that they are closed.
        assert 200 in [await answered(grid.url, ask) for _ in range(20)]


async def answered(url: str, ask: bytes) -> int:
    """The status; 0 where the connection ends without one."""
    try:
        return status(await exchange(url, ask))
    except ConnectionError:
        return 0
