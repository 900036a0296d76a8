"""Worker processes that share a socket: when they are replaced, and how they are stopped.

The workers in these tests serve nothing.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from tempfile import TemporaryFile

import pytest

from scaicore_tui.servers.hosting import bind
from scaicore_tui.servers.workers import MAX_RESTART_DELAY_S, STABLE_AFTER_S, Workers
from tests.support.log_records import logged_warnings
from tests.support.manual_clock import ManualClock
from tests.support.waiting import wait_until

ENDS_AT_ONCE = ("sh", "-c", "exit 3")
ENDS_AT_END_OF_INPUT = ("sh", "-c", "cat > /dev/null")
NEVER_ENDS = ("sh", "-c", "exec sleep 1000")


@asynccontextmanager
async def running_workers(
    command: Sequence[str], count: int, clock: ManualClock
) -> AsyncIterator[tuple[Workers, socket.socket]]:
    bound, _ = bind("127.0.0.1", 0)
    with bound, TemporaryFile() as writes:
        workers = Workers(command, count, bound, writes.fileno(), clock)
        supervision = asyncio.create_task(workers.run())
        try:
            yield workers, bound
        finally:
            supervision.cancel()
            await asyncio.gather(supervision, return_exceptions=True)
            await workers.stop(0)


def restart_delays(caplog: pytest.LogCaptureFixture) -> list[float]:
    """Return the delay before each replacement, in seconds."""
    return [
        float(warning.rpartition("starting another in ")[2].removesuffix(" s")) for warning in logged_warnings(caplog)
    ]


async def test_a_worker_that_keeps_ending_is_replaced_with_growing_delays(caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock()
    async with running_workers(ENDS_AT_ONCE, 1, clock):
        for _ in range(9):
            await wait_until(lambda: clock.sleepers)
            clock.skip()
        await wait_until(lambda: clock.sleepers)
    assert restart_delays(caplog) == [
        0.5,
        1,
        2,
        4,
        8,
        16,
        MAX_RESTART_DELAY_S,
        MAX_RESTART_DELAY_S,
        MAX_RESTART_DELAY_S,
        MAX_RESTART_DELAY_S,
    ]
    assert "ended with code 3" in caplog.text


async def test_the_delay_is_reset_for_a_worker_that_was_stable(caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock()
    async with running_workers(NEVER_ENDS, 1, clock) as (workers, _):
        for lifetime_s in (0.0, 0.0, STABLE_AFTER_S + 1):
            await wait_until(lambda: workers._alive)
            clock.advance(lifetime_s)
            (process,) = workers._alive
            process.kill()
            await wait_until(lambda: clock.sleepers)
            clock.skip()
    assert restart_delays(caplog) == [0.5, 1, 0.5]
    assert "ended by signal 9" in caplog.text


async def test_a_worker_that_cannot_be_started_is_retried(caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock()
    async with running_workers(("/no/such/program",), 1, clock):
        await wait_until(lambda: clock.sleepers)
        clock.skip()
        await wait_until(lambda: len(logged_warnings(caplog)) == 2)
    assert "a worker could not be started (No such file" in caplog.text


@pytest.mark.parametrize("command", [ENDS_AT_END_OF_INPUT, NEVER_ENDS])
async def test_all_workers_are_stopped_even_if_they_ignore_the_end_of_input(command: tuple[str, ...]) -> None:
    clock = ManualClock()
    async with running_workers(command, 3, clock) as (workers, bound):
        await wait_until(lambda: len(workers._alive) == 3)
        processes = list(workers._alive)
        await workers.stop(0.5 if command is NEVER_ENDS else 30)
        assert bound.fileno() == -1
        assert {process.returncode for process in processes} == {-9 if command is NEVER_ENDS else 0}
