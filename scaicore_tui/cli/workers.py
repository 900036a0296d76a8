"""Several processes that share one listening socket: each that dies is replaced, and all are stopped together.

A worker ends when its standard input does. So it also ends with whoever started it, however that ended.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence

from scaicore_tui.clock import Clock
from scaicore_tui.errors import UsageError

# Seconds before a worker that died is replaced: doubled each time, until one has lived for a while.
LEAST, MOST, STEADY = 0.5, 30.0, 60.0
BACKLOG = 2048

_log = logging.getLogger(__name__)


class Workers:
    """`count` processes of one `command`, to which the numbers of the descriptors are added that they share: of the
    socket, and of what tells them of writes."""

    def __init__(self, command: Sequence[str], count: int, bound: socket.socket, writes: int, clock: Clock) -> None:
        if os.name == "nt":
            raise UsageError("processes share no socket on this system", hint="--workers 1")
        bound.listen(BACKLOG)
        self._shared = [bound.fileno(), writes]
        self._command = [*command, *map(str, self._shared)]
        self._bound = bound
        self._count = count
        self._clock = clock
        self._alive: set[Process] = set()

    async def run(self) -> None:
        """Keep them all running, until cancelled; they go on then, until they are stopped."""
        async with asyncio.TaskGroup() as keeping:
            for _ in range(self._count):
                keeping.create_task(self._keep())

    async def stop(self, seconds: float) -> None:
        """Take no more connections, and tell all to stop; end those that are still there after so many seconds."""
        self._bound.close()
        ends = [asyncio.create_task(process.wait()) for process in self._alive]
        for process in self._alive:
            assert process.stdin is not None  # noqa: S101  (a pipe was asked for)
            process.stdin.close()
        try:
            if ends:
                await asyncio.wait(ends, timeout=seconds)
        finally:
            for process in self._alive:
                if process.returncode is None:
                    process.kill()
        await asyncio.gather(*ends)

    async def _keep(self) -> None:
        """One of them, again and again."""
        wait = LEAST
        while True:
            begun = self._clock.monotonic()
            how = await self._ended()
            wait = LEAST if self._clock.monotonic() - begun > STEADY else wait
            _log.warning("%s: another in %g s", how, wait)
            await self._clock.sleep(wait)
            wait = min(MOST, 2 * wait)

    async def _ended(self) -> str:
        """Start one, and wait for its end; how that came."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command, stdin=PIPE, stdout=DEVNULL, pass_fds=self._shared
            )
        except OSError as error:
            return f"no worker could be started, {error.strerror}"
        self._alive.add(process)
        code = await process.wait()
        self._alive.discard(process)
        return f"worker {process.pid} ended, " + (f"by signal {-code}" if code < 0 else f"with code {code}")
