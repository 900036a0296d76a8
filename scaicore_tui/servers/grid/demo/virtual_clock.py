"""Virtual time: an event loop that jumps to its next timer instead of waiting for it.

Only for work that waits for timers and its own tasks. It would not wait for sockets, threads or child processes.
"""

from __future__ import annotations

import asyncio
import selectors


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time starts at zero and advances only when all its tasks wait."""

    def __init__(self) -> None:
        self._time_selector = _JumpingSelector()
        super().__init__(self._time_selector)

    def time(self) -> float:
        return self._time_selector.elapsed


class _JumpingSelector(selectors.SelectSelector):
    """Advances the time where asyncio asks its selector to sleep until the next timer."""

    def __init__(self) -> None:
        super().__init__()
        self.elapsed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("deadlock: every task waits, and none of them for a timer")
        self.elapsed += max(0.0, timeout)
        return super().select(0)


class VirtualClock:
    """The Clock of a running VirtualLoop; `start` is its time when the loop began."""

    def __init__(self, start: float) -> None:
        self._start = start

    def now(self) -> float:
        return self._start + self.monotonic()

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))
