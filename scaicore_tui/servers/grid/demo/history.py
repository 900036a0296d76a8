"""Creates the history of a new grid: real runs of the same engine, on a virtual clock that starts forty minutes ago."""

from __future__ import annotations

import asyncio
from typing import Final

from scaicore_tui.servers.grid.checkpoints import CheckpointService
from scaicore_tui.servers.grid.demo.scenarios import FAILING_BATCH
from scaicore_tui.servers.grid.demo.traffic import LoadGenerator, SimulatedReviewers
from scaicore_tui.servers.grid.demo.virtual_clock import VirtualClock, VirtualLoop
from scaicore_tui.servers.grid.engine.engine import Engine
from scaicore_tui.servers.grid.flow.validation import Cores
from scaicore_tui.servers.grid.seeded import seeded_random
from scaicore_tui.servers.grid.store import Store

HISTORY_LENGTH_S: Final = 2400.0
"""Upper bound for the length of the history."""

_BUSY_PERIOD_S: Final = 100.0
_QUIET_GAP_S: Final = (70.0, 110.0)
_BUSY_GAP_S: Final = (8.0, 16.0)
_LAST_GAP_S: Final = 3.0  # shorter than any run


def seed_history(store: Store, cores: Cores, seed: int, until: float) -> None:
    """Fill an empty store with the runs before `until`; unfinished ones can be resumed.

    Blocks for less than a second. Call it from a thread without a running event loop.
    """
    with store.transaction(), asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(_run_past(store, cores, seed, until))


async def _run_past(store: Store, cores: Cores, seed: int, until: float) -> None:
    gaps = _gaps(seed)
    clock = VirtualClock(until - sum(gaps))
    engine = Engine(store, cores, clock, seed=seed)
    checkpoints = CheckpointService(store, engine.waiters, clock)
    load = LoadGenerator(engine, store, clock, seed)
    background = [
        asyncio.create_task(checkpoints.run_expiry()),
        asyncio.create_task(SimulatedReviewers(checkpoints, store, clock).run()),
    ]
    load.start(FAILING_BATCH)  # whatever the seed, there is a failure to look at
    for gap in gaps:
        load.start_one()
        await clock.sleep(gap)
    for task in background:
        task.cancel()
    await asyncio.gather(*background, return_exceptions=True)
    await engine.stop()


def _gaps(seed: int) -> list[float]:
    """Return the seconds after each run's start: long at first, short at the end, so that some runs are still executing
    then.
    """
    rng = seeded_random(seed, "history")
    gaps: list[float] = []
    gap = _LAST_GAP_S
    while sum(gaps) + gap <= HISTORY_LENGTH_S:
        gaps.append(gap)
        gap = rng.uniform(*(_BUSY_GAP_S if sum(gaps) < _BUSY_PERIOD_S else _QUIET_GAP_S))
    return gaps[::-1]
