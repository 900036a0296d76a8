"""Work in a thread, one piece at a time: of the pieces that wait, only the newest is done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")
Work = Callable[[], Result]


class NewestWork(Generic[Result]):
    """Does work in a thread and gives each result to `on_done`.

    `start` runs a coroutine function on the event loop for as long as the result is of use.
    """

    def __init__(
        self, start: Callable[[Callable[[], Coroutine[Any, Any, None]]], object], on_done: Callable[[Result], None]
    ) -> None:
        self._start = start
        self._on_done = on_done
        self._prepare: Callable[[], Work[Result] | None] | None = None
        self._is_working = False

    @property
    def is_waiting(self) -> bool:
        """True if a result is still to come."""
        return self._is_working or self._prepare is not None

    def request(self, prepare: Callable[[], Work[Result] | None]) -> None:
        """Do what `prepare` returns, in place of what waits. It is called on the event loop when a thread is free.

        With None there is nothing to do any more.
        """
        self._prepare = prepare
        if not self._is_working:
            self._is_working = True
            self._start(self._run)

    def cancel(self) -> None:
        """Forget what waits."""
        self._prepare = None

    async def _run(self) -> None:
        try:
            while self._prepare is not None:
                prepare, self._prepare = self._prepare, None
                work = prepare()
                if work is not None:
                    self._on_done(await asyncio.to_thread(work))
        finally:
            self._is_working = False
