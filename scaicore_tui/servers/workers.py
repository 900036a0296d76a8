"""Runs several worker processes on one listening socket: replaces each that ends, and stops all together.

A worker ends when its standard input ends, and so when its parent process ends for whatever reason.
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

# The delay before a worker is replaced doubles each time, and is reset once a worker has lived for STABLE_AFTER_S.
MIN_RESTART_DELAY_S, MAX_RESTART_DELAY_S, STABLE_AFTER_S = 0.5, 30.0, 60.0
LISTEN_BACKLOG = 2048

_log = logging.getLogger(__name__)


class Workers:
    """`count` processes of one `command`, which is followed by the file descriptors that they share.

    These are the listening socket and `epoch_fd`, the write epoch of the proxies. Raises UsageError where processes
    cannot share a socket.
    """

    def __init__(self, command: Sequence[str], count: int, bound: socket.socket, epoch_fd: int, clock: Clock) -> None:
        if os.name == "nt":
            raise UsageError("this system cannot share a socket between processes", hint="use --workers 1")
        bound.listen(LISTEN_BACKLOG)
        self._shared = [bound.fileno(), epoch_fd]
        self._command = [*command, *map(str, self._shared)]
        self._bound = bound
        self._count = count
        self._clock = clock
        self._alive: set[Process] = set()

    async def run(self) -> None:
        """Keep all workers running until cancelled. Cancelling does not end them; `stop` does."""
        async with asyncio.TaskGroup() as supervision:
            for _ in range(self._count):
                supervision.create_task(self._supervise_one())

    async def stop(self, timeout_s: float) -> None:
        """Close the socket and stop all workers; kill those that have not ended after `timeout_s` seconds."""
        self._bound.close()
        ends = [asyncio.create_task(process.wait()) for process in self._alive]
        for process in self._alive:
            assert process.stdin is not None  # noqa: S101  (a pipe was asked for)
            process.stdin.close()
        try:
            if ends:
                await asyncio.wait(ends, timeout=timeout_s)
        finally:
            for process in self._alive:
                if process.returncode is None:
                    process.kill()
        await asyncio.gather(*ends)

    async def _supervise_one(self) -> None:
        """Run one worker, and replace it each time it ends."""
        delay_s = MIN_RESTART_DELAY_S
        while True:
            started = self._clock.monotonic()
            ending = await self._run_once()
            delay_s = MIN_RESTART_DELAY_S if self._clock.monotonic() - started > STABLE_AFTER_S else delay_s
            _log.warning("%s: starting another in %g s", ending, delay_s)
            await self._clock.sleep(delay_s)
            delay_s = min(MAX_RESTART_DELAY_S, 2 * delay_s)

    async def _run_once(self) -> str:
        """Start a worker, wait for its end, and return a description of that."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command, stdin=PIPE, stdout=DEVNULL, pass_fds=self._shared
            )
        except OSError as error:
            return f"a worker could not be started ({error.strerror})"
        self._alive.add(process)
        code = await process.wait()
        self._alive.discard(process)
        return f"worker {process.pid} ended " + (f"by signal {-code}" if code < 0 else f"with code {code}")
