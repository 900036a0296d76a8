"""The clock that everything else gets as an argument. Nothing else in the project reads the time or sleeps."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """What the program knows of time."""

    def now(self) -> float:
        """Wall clock, in seconds since 1970 UTC: to compare with what servers say."""

    def monotonic(self) -> float:
        """Seconds that only grow, also while the machine sleeps: to measure ages and delays."""

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` in which the machine was awake; zero or less only yields."""


# The clock that goes on while a laptop sleeps. Python's own stands still then, on Linux and on macOS, and what is shown
# would look as fresh as it was in the evening: Linux has one more for that, macOS gives that name to the right one.
_BOOTTIME = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic() if _BOOTTIME is None else time.clock_gettime(_BOOTTIME)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


async def wait_for_event(clock: Clock, seconds: float, event: asyncio.Event) -> None:
    """Return after `seconds`, or when `event` is set."""
    sleep = asyncio.ensure_future(clock.sleep(seconds))
    wake = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait((sleep, wake), return_when=asyncio.FIRST_COMPLETED)
    finally:
        # Not awaited: a cancellation that came meanwhile would be taken for theirs.
        sleep.cancel()
        wake.cancel()
