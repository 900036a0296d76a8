"""An upstream for `serve`, in a thread of this process: it records requests and can delay its responses."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from anyio.from_thread import BlockingPortal, start_blocking_portal

from tests.support.proxy import Grid, answer, grid_server


@dataclass
class Upstream:
    """`request_arrived` is set when a request waits for its response."""

    portal: BlockingPortal
    grid: Grid
    request_arrived: threading.Event = field(default_factory=threading.Event)
    _released: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return self.grid.url

    def hold(self) -> None:
        """Hold all responses until `release`."""
        self.grid.behave = self._respond_late

    def release(self) -> None:
        """Send the held responses."""
        self.portal.call(self._released.set)

    async def _respond_late(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.request_arrived.set()
        await self._released.wait()
        writer.write(answer(b'{"late": true}', "200 OK", "Connection: close"))
        await writer.drain()


@contextmanager
def upstream() -> Iterator[Upstream]:
    """Run an upstream that responds at once."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(grid_server()) as grid:
        yield Upstream(portal, grid)
