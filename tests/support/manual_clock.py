"""A clock that a test moves by hand."""

from __future__ import annotations

import asyncio
import heapq
from itertools import count


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
            # A cancelled task is not a sleeper any more.
            self._sleepers = [other for other in self._sleepers if other is not sleeper]
            heapq.heapify(self._sleepers)
            raise

    @property
    def sleepers(self) -> int:
        """The number of tasks that sleep on this clock."""
        return len(self._sleepers)

    def advance(self, seconds: float) -> None:
        """Move the time on by `seconds`, and wake the sleepers that are due."""
        self._elapsed += seconds
        self._wake()

    def suspend(self, seconds: float) -> None:
        """Let the machine sleep for `seconds`: the time moves on, but the sleepers wait as long as before."""
        self._slept += seconds

    def _wake(self) -> None:
        while self._sleepers and self._sleepers[0][0] <= self._elapsed:
            heapq.heappop(self._sleepers)[2].set()

    def skip(self) -> bool:
        """Move the time on until the next sleeper is due. Return False if there is none."""
        if not self._sleepers:
            return False
        # Assigned instead of added: a rounded sum could be just before the due time.
        self._elapsed = max(self._elapsed, self._sleepers[0][0])
        self._wake()
        return True
