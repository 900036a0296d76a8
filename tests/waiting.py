"""Waiting in tests: for facts, never for time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from anyio.lowlevel import checkpoint

TURNS = 5_000


async def turn() -> None:
    """Let the loop turn once."""
    await checkpoint()


async def until(fact: Callable[[], object]) -> None:
    """Let the loop turn until `fact` holds, and other threads work meanwhile."""
    for _ in range(TURNS):
        if fact():
            return
        await asyncio.to_thread(bool)
    raise AssertionError("it never came to hold")
