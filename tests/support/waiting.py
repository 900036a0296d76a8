"""Helpers that wait for a condition, never for a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from anyio.lowlevel import checkpoint

from scaicore_tui.session import Session

# Counted in seconds and not in turns of the loop, since a thread may have to wait for a busy disk.
TIMEOUT_S = 30.0


@asynccontextmanager
async def in_background(work: Coroutine[Any, Any, object]) -> AsyncIterator[None]:
    """Run `work` in a task while the block is executed, then cancel it."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def running_session(session: Session) -> AsyncIterator[Session]:
    """Run the session in the background while the block is executed."""
    async with in_background(session.run()):
        yield session


async def yield_once() -> None:
    """Let the event loop turn once."""
    await checkpoint()


async def let_run(session: Session, count: int) -> None:
    """Let the event loop turn `count` times, each time until the ingest thread is idle."""
    for _ in range(count):
        await yield_once()
        await session._ingestor.run_in_thread(bool)
        while session._ingestor.lock.locked():
            await asyncio.to_thread(bool)


async def wait_until(condition: Callable[[], object]) -> None:
    """Wait until `condition()` is true, while the event loop and other threads work."""
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, "the condition was not met in time"
        await asyncio.to_thread(bool)
