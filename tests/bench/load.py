"""Cheap clients for load: each keeps one connection and writes its requests as raw bytes."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from tests.bench.upstream import TOKEN

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


class LoadClient:
    """A client with one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def get(self, path: str) -> bytes:
        """Send a request and return the body of its response; fail unless the status is 200."""
        self._writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        assert head.startswith(b"HTTP/1.1 200 "), head
        assert length is not None, head
        return await self._reader.readexactly(int(length[1]))


@asynccontextmanager
async def connected_clients(url: str, count: int) -> AsyncIterator[list[LoadClient]]:
    """Connect `count` clients."""
    parts = urlsplit(url)
    streams = [await asyncio.open_connection(parts.hostname, parts.port, limit=1 << 20) for _ in range(count)]
    try:
        yield [LoadClient(*pair) for pair in streams]
    finally:
        for _, writer in streams:
            writer.close()


async def time_requests(url: str, path: str, count: int, requests: int) -> float:
    """Return the seconds that `count` clients take to send `requests` requests each, without pauses."""

    async def send_all(client: LoadClient) -> None:
        for _ in range(requests):
            await client.get(path)

    async with connected_clients(url, count) as clients:
        begin = time.perf_counter()
        await asyncio.gather(*map(send_all, clients))
        return time.perf_counter() - begin


async def poll_together(url: str, paths: Sequence[str], count: int, polls: int, interval: float) -> None:
    """Let `count` clients poll all paths every `interval` seconds, with evenly spread starting times."""

    async def poll(number: int, client: LoadClient) -> None:
        await asyncio.sleep(interval * number / count)
        for _ in range(polls):
            for path in paths:
                await client.get(path)
            await asyncio.sleep(interval)

    async with connected_clients(url, count) as clients:
        await asyncio.gather(*(poll(number, client) for number, client in enumerate(clients)))
