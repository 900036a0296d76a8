"""Helpers that wait for a condition, never for a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from anyio.lowlevel import checkpoint

from scaicore_tui.session import Session

# A thread that writes to a busy disk has so many seconds: how often the loop turns meanwhile says nothing.
TIMEOUT_S = 30.0


@asynccontextmanager
async def running_session(session: Session) -> AsyncIterator[Session]:
    """The session, polling meanwhile."""
    task = asyncio.create_task(session.run())
    try:
        yield session
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def yield_once() -> None:
    """Let the loop turn once."""
    await checkpoint()


async def let_run(session: Session, count: int) -> None:
    """Let the loop turn so often, each time until what came was taken in: that is done in a thread."""
    for _ in range(count):
        await yield_once()
        while session._ingestor.lock.locked():
            await asyncio.to_thread(bool)


async def wait_until(condition: Callable[[], object]) -> None:
    """Let the loop turn until `fact` holds, and other threads work meanwhile."""
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, "it never came to hold"
        await asyncio.to_thread(bool)
