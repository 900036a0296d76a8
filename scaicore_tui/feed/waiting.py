"""Waiting for a moment or an event, whichever comes first."""

from __future__ import annotations

import asyncio

from scaicore_tui.clock import Clock


async def sleep_or(clock: Clock, seconds: float, event: asyncio.Event) -> None:
    """Return after `seconds`, or when `event` is set."""
    sleep = asyncio.ensure_future(clock.sleep(seconds))
    wake = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait((sleep, wake), return_when=asyncio.FIRST_COMPLETED)
    finally:
        # Not awaited: a cancellation that came meanwhile would be taken for theirs.
        sleep.cancel()
        wake.cancel()
