"""A TCP server on a free port of this machine, for test doubles that speak HTTP by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


async def stop_listening(server: asyncio.Server) -> None:
    """Accept nothing more, let connections that were just accepted become known, then close `server`.

    asyncio leaves the socket of a connection open if the server is closed between its `accept` and its transport
    (in CPython 3.11, `Server._attach` fails).
    """
    for listener in server.sockets:
        asyncio.get_running_loop().remove_reader(listener.fileno())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    server.close()


@asynccontextmanager
async def listen(serve: Serve) -> AsyncIterator[str]:
    """Run `serve` for each connection; yield the server's URL. On exit, cancel the connections that are open."""
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        # A task that is cancelled before it begins closes nothing by itself.
        task.add_done_callback(lambda _: writer.close())

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        await stop_listening(server)
        open_tasks = tuple(tasks)
        for task in open_tasks:
            task.cancel()
        await asyncio.gather(*open_tasks, return_exceptions=True)
