"""The clock, passed to everything that needs the time. No other module reads the time or sleeps."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Source of wall-clock time, monotonic time and delays."""

    def now(self) -> float:
        """Return the wall-clock time in seconds since 1970 UTC, for comparing with timestamps."""

    def monotonic(self) -> float:
        """Return monotonic seconds that include time spent suspended, for measuring ages and delays."""

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds`, not counting time suspended; zero or less only yields to the event loop."""


# time.monotonic() stops while a laptop is suspended, on Linux and on macOS: data from the evening would look fresh in
# the morning. CLOCK_BOOTTIME (Linux) and CLOCK_MONOTONIC (macOS) keep running.
_BOOTTIME = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic() if _BOOTTIME is None else time.clock_gettime(_BOOTTIME)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


async def wait_for_event(clock: Clock, seconds: float, event: asyncio.Event) -> None:
    """Wait until `event` is set, at most for `seconds`."""
    sleep = asyncio.ensure_future(clock.sleep(seconds))
    wake = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait((sleep, wake), return_when=asyncio.FIRST_COMPLETED)
    finally:
        # Not awaited: that would swallow a cancellation of this task that arrives meanwhile.
        sleep.cancel()
        wake.cancel()
