"""A simulated feed on a real socket, in a thread of its own. It can leave some requests unanswered."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import httpx
from anyio.from_thread import start_blocking_portal

from tests.support.feed_simulator import FeedSim
from tests.support.proxy import answer
from tests.support.tcp_server import listen


@dataclass
class FeedServer:
    """Serves `sim`. Requests for which `holds` returns True get no response; `held` counts them."""

    sim: FeedSim
    holds: Callable[[httpx.Request], bool] = lambda _: False
    url: str = ""
    held: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve all requests of a connection."""
        try:
            while True:
                await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client closed the connection
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: (\d+)", head, re.IGNORECASE)
        await reader.readexactly(int(length[1]) if length else 0)
        method, target, _ = head.decode().split(" ", 2)
        request = httpx.Request(method, f"http://feed{target}")
        if self.holds(request):
            self.held += 1
            await reader.readexactly(1)
        response = self.sim.respond(request)
        headers = (f"{name}: {value}" for name, value in response.headers.items() if name != "content-length")
        writer.write(answer(response.content, "200 OK", *headers))
        await writer.drain()


@contextmanager
def feed_server(sim: FeedSim) -> Iterator[FeedServer]:
    """Serve the feed on a port of its own."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(_listening(FeedServer(sim))) as server:
        yield server


@asynccontextmanager
async def _listening(server: FeedServer) -> AsyncIterator[FeedServer]:
    async with listen(server.serve) as url:
        server.url = f"{url}/api/v1"
        yield server
