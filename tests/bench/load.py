"""Clients that cost next to nothing themselves: each a connection that is kept, and requests written by hand."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from tests.bench.upstream import TOKEN

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


class Caller:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def get(self, path: str) -> bytes:
        """The body of a good answer."""
        self._writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        assert head.startswith(b"HTTP/1.1 200 "), head
        assert length is not None, head
        return await self._reader.readexactly(int(length[1]))


@asynccontextmanager
async def callers(url: str, count: int) -> AsyncIterator[list[Caller]]:
    """So many, connected."""
    parts = urlsplit(url)
    ends = [await asyncio.open_connection(parts.hostname, parts.port, limit=1 << 20) for _ in range(count)]
    try:
        yield [Caller(*end) for end in ends]
    finally:
        for _, writer in ends:
            writer.close()


async def hammered(url: str, path: str, count: int, requests: int) -> float:
    """Seconds for so many requests of each of so many callers, one right after the other."""

    async def ask(caller: Caller) -> None:
        for _ in range(requests):
            await caller.get(path)

    async with callers(url, count) as asking:
        begin = time.perf_counter()
        await asyncio.gather(*map(ask, asking))
        return time.perf_counter() - begin


async def polled(url: str, paths: Sequence[str], count: int, polls: int, interval: float) -> None:
    """So many callers, each of whom asks for all paths every `interval` seconds, beginning at a time of their own."""

    async def poll(place: int, caller: Caller) -> None:
        await asyncio.sleep(interval * place / count)
        for _ in range(polls):
            for path in paths:
                await caller.get(path)
            await asyncio.sleep(interval)

    async with callers(url, count) as asking:
        await asyncio.gather(*(poll(place, caller) for place, caller in enumerate(asking)))
