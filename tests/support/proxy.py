"""Helpers for proxy tests on real sockets: an upstream that sends exact bytes, and a client."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import uvicorn

from scaicore_tui.clock import Clock, SystemClock
from scaicore_tui.servers.proxy import ProxyConfig, build_proxy
from tests.support.tcp_server import listen
from tests.support.token_leaks import MARK

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

EVENTS = "/v1/scaicore/events"
CHECKPOINTS = "/v1/scaicore/checkpoints"
RESOLVE = "/v1/scaicore/checkpoints/ckpt_1/resolve"
INVOKE = "/v1/scaicore/cores/core_1/invoke"
TOKEN = f"a.{MARK}.c"


def answer(body: bytes = b"{}", status: str = "200 OK", *headers: str) -> bytes:
    """Return an HTTP response with Content-Length, as bytes."""
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", "")
    return "\r\n".join(lines).encode("latin-1") + body


def jwt(**claims: Any) -> str:
    """Return a token with the format of a JWT, without a valid signature."""
    parts = ({"alg": "RS256"}, claims)
    return ".".join([*(_base64(json.dumps(part).encode()) for part in parts), _base64(b"no signature")])


@dataclass(frozen=True)
class Received:
    """A request as it was received: the exact bytes."""

    head: bytes
    body: bytes

    @property
    def line(self) -> bytes:
        return self.head.partition(b"\r\n")[0]

    @property
    def target(self) -> bytes:
        return self.line.split(b" ")[1]

    @property
    def headers(self) -> dict[str, str]:
        """The headers by lower-case name. Values of a repeated header are joined by a line break."""
        found: dict[str, str] = {}
        for line in self.head.decode("latin-1").split("\r\n")[1:-2]:
            name, _, value = line.partition(": ")
            found[name.lower()] = "\n".join(filter(None, (found.get(name.lower()), value)))
        return found


@dataclass
class Grid:
    """A server that records every request, and sends `reply`; if `behave` is set, it responds instead."""

    url: str = ""
    reply: bytes = answer()
    behave: Behaviour | None = None
    received: list[Received] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve all requests of a connection."""
        try:
            while (request := await _read(reader)) is not None:
                self.received.append(request)
                if self.behave is not None:
                    await self.behave(reader, writer)
                    break
                writer.write(self.reply)
                await writer.drain()
                if b"\r\nConnection: close" in self.reply:
                    break
        except ConnectionError:
            pass  # in some tests the proxy closes the connection
        finally:
            writer.close()


@asynccontextmanager
async def grid_server() -> AsyncIterator[Grid]:
    """Serve a grid on a port of its own."""
    grid = Grid()
    async with listen(grid.serve) as grid.url:
        yield grid


@asynccontextmanager
async def proxy_server(config: ProxyConfig, clock: Clock | None = None) -> AsyncIterator[str]:
    """Serve a proxy on a port of its own; yield its URL."""
    # asyncio turns Nagle's algorithm off only if the protocol is named; otherwise each response takes 40 ms longer.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.bind(("127.0.0.1", 0))
    settings = uvicorn.Config(build_proxy(config, clock or SystemClock()), log_config=None, server_header=False)
    settings.load()
    server = uvicorn.Server(settings)
    server.lifespan = settings.lifespan_class(settings)
    await server.startup(sockets=[bound])
    try:
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        await _stop(server)


@asynccontextmanager
async def client_of(url: str, token: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client that sends `token` with every request."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, verify=False) as client:  # noqa: S501  (no TLS)
        yield client


@asynccontextmanager
async def proxied(token: str | None = TOKEN, **settings: Any) -> AsyncIterator[tuple[Grid, httpx.AsyncClient]]:
    """Serve a grid and a proxy; yield the grid, and a client of the proxy."""
    async with (
        grid_server() as grid,
        proxy_server(ProxyConfig(grid.url, **settings)) as url,
        client_of(url, token) as client,
    ):
        yield grid, client


async def exchange(url: str, request: bytes, until: bytes | None = None) -> bytes:
    """Send exact bytes; return all that is received until the connection ends, or up to the bytes `until`."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        writer.write(request)
        return await asyncio.wait_for(reader.readuntil(until) if until else reader.read(), 5)
    finally:
        writer.close()
        await writer.wait_closed()


def raw_request(target: bytes, method: bytes = b"GET", *headers: bytes) -> bytes:
    """Return a request with exactly this target that closes the connection."""
    lines = (method + b" " + target + b" HTTP/1.1", b"Host: 127.0.0.1", b"Connection: close", *headers)
    if not any(line.startswith(b"Authorization") for line in headers):
        lines += (b"Authorization: Bearer " + TOKEN.encode(),)
    return b"\r\n".join((*lines, b"", b""))


async def _stop(server: uvicorn.Server) -> None:
    """Stop like `Server.shutdown`, without its pauses: the clients of the tests have disconnected already."""
    for listener in server.servers:
        listener.close()
    for connection in list(server.server_state.connections):
        connection.shutdown()
    for task in server.server_state.tasks:
        task.cancel()
    await asyncio.gather(*server.server_state.tasks, return_exceptions=True)
    await server.lifespan.shutdown()


async def _read(reader: asyncio.StreamReader) -> Received | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    length = re.search(rb"\r\ncontent-length: (\d+)", head, re.IGNORECASE)
    return Received(head, await reader.readexactly(int(length[1])) if length else b"")


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
