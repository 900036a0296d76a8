"""A TCP proxy between client and grid that counts every POST, and can drop, delay or falsify requests and responses."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from urllib.parse import urlsplit

from tests.support.tcp_server import listen


class Fault(Enum):
    """A fault of a POST request or of its response."""

    NONE = auto()
    DROP_BEFORE = auto()  # the request is dropped
    DROP_AFTER = auto()  # the grid executes the request; its response is dropped
    HOLD_BEFORE = auto()  # the request is held until `release` is set
    HOLD_AFTER = auto()  # the grid executes the request; its response is held until `release` is set
    FORGED = auto()  # the request is dropped; the response is `forged`


@dataclass
class FaultyProxy:
    """Forwards requests to `upstream`, one per connection. `on_post` is called before a POST is forwarded."""

    upstream: str
    url: str = ""
    fault: Fault = Fault.NONE
    forged: bytes = b""
    on_post: Callable[[], object] = lambda: None
    posts: list[bytes] = field(default_factory=list)
    path: str = ""  # of the latest POST
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one request and its response."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"\r\ncontent-length: (\d+)", head, re.IGNORECASE)
            body = await reader.readexactly(int(length[1])) if length else b""
            is_post = head.startswith(b"POST")
            if is_post:
                self.posts.append(body)
                self.path = head.split(b" ", 2)[1].decode()
                self.on_post()
                self.arrived.set()
            writer.write(await self._answer(head + body, self.fault if is_post else Fault.NONE))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # some tests close the connection early
        finally:
            writer.close()

    async def _answer(self, request: bytes, fault: Fault) -> bytes:
        if fault is Fault.FORGED:
            return self.forged
        if fault is Fault.HOLD_BEFORE:
            await self.release.wait()
        if fault is Fault.DROP_BEFORE:
            return b""
        answer = await self._forward(request)
        if fault is Fault.HOLD_AFTER:
            await self.release.wait()
        return b"" if fault is Fault.DROP_AFTER else answer

    async def _forward(self, request: bytes) -> bytes:
        """Send the request to the grid and return its response. Each request has a connection of its own."""
        parts = urlsplit(self.upstream)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(
            re.sub(rb"\r\nconnection: [^\r]*", b"", request, count=1, flags=re.IGNORECASE).replace(
                b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1
            )
        )
        try:
            return await reader.read()
        finally:
            writer.close()


@asynccontextmanager
async def faulty_proxy(upstream: str) -> AsyncIterator[FaultyProxy]:
    """Run a proxy to `upstream` on a port of its own."""
    proxy = FaultyProxy(upstream)
    async with listen(proxy.serve) as proxy.url:
        yield proxy


def forged_response(status: str, body: bytes, kind: str = "application/json") -> bytes:
    """Return a complete HTTP response."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body
