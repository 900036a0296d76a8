"""Time, as a thing that is handed in: the system's, or one that a test moves by hand.

Nothing else in the project reads a clock or sleeps.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from itertools import count
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
_AWAKE_OR_NOT = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic() if _AWAKE_OR_NOT is None else time.clock_gettime(_AWAKE_OR_NOT)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


class ManualClock:
    """A clock that stands still until `advance` moves it, and then wakes its sleepers in order."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self._start = now
        self._elapsed = 0.0
        self._slept = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Event]] = []
        self._ticket = count()

    def now(self) -> float:
        return self._start + self.monotonic()

    def monotonic(self) -> float:
        return self._elapsed + self._slept

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.Event()
        sleeper = (self._elapsed + seconds, next(self._ticket), woken)
        heapq.heappush(self._sleepers, sleeper)
        try:
            await woken.wait()
        except asyncio.CancelledError:
            # Whoever gave up waiting sleeps no longer.
            self._sleepers = [other for other in self._sleepers if other is not sleeper]
            heapq.heapify(self._sleepers)
            raise

    @property
    def sleepers(self) -> int:
        """How many sleep now."""
        return len(self._sleepers)

    def advance(self, seconds: float) -> None:
        """Move time on by `seconds`, waking whoever is due."""
        self._elapsed += seconds
        self._wake()

    def suspend(self, seconds: float) -> None:
        """The machine sleeps for so long, and whoever waits on it waits as long as before."""
        self._slept += seconds

    def _wake(self) -> None:
        while self._sleepers and self._sleepers[0][0] <= self._elapsed:
            heapq.heappop(self._sleepers)[2].set()

    def skip(self) -> bool:
        """Move on to when the next sleeper is due; False where nobody sleeps."""
        if not self._sleepers:
            return False
        # Set and not added to: a sum may round to just before it.
        self._elapsed = max(self._elapsed, self._sleepers[0][0])
        self._wake()
        return True
