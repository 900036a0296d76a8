"""Time that costs nothing: an event loop that jumps to its next timer instead of waiting for it.

For work that only waits for timers and for its own tasks. Never for sockets, threads or child processes: nobody would
wait for those.
"""

from __future__ import annotations

import asyncio
import selectors


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose time starts at zero and moves only when all its tasks wait."""

    def __init__(self) -> None:
        self._selector_of_time = _Jumping()
        super().__init__(self._selector_of_time)

    def time(self) -> float:
        return self._selector_of_time.elapsed


class _Jumping(selectors.SelectSelector):
    """asyncio asks its selector to sleep until the next timer; this one only notes that it has."""

    def __init__(self) -> None:
        super().__init__()
        self.elapsed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("every task waits, and none for a timer")
        self.elapsed += max(0.0, timeout)
        return super().select(0)


class VirtualClock:
    """The Clock of a running VirtualLoop; it read `start` when the loop began."""

    def __init__(self, start: float) -> None:
        self._start = start

    def now(self) -> float:
        return self._start + self.monotonic()

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))
