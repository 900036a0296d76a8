"""Waiting in tests: for facts, never for time."""

from __future__ import annotations

from collections.abc import Callable

from anyio.lowlevel import checkpoint

TURNS = 500


async def turn() -> None:
    """Let the loop turn once."""
    await checkpoint()


async def until(fact: Callable[[], object]) -> None:
    """Let the loop turn until `fact` holds."""
    for _ in range(TURNS):
        if fact():
            return
        await turn()
    raise AssertionError("it never came to hold")
