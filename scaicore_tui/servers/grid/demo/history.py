"""Creates the history of a new grid: real runs of the same engine, on a virtual clock that starts in the past.

It has forty minutes of traffic. Before these, one run waits an hour for a person; whatever the seed, there is also a
run that fails, one whose sub-flow fails, and one with a long loop and retries.
"""

from __future__ import annotations

import asyncio
from typing import Final

from scaicore_tui.servers.grid.checkpoints import CheckpointService
from scaicore_tui.servers.grid.demo.scenarios import FAILING_BATCH, FAILING_SUBFLOW, LARGE_BATCH, LARGE_REFUND
from scaicore_tui.servers.grid.demo.traffic import LoadGenerator, SimulatedReviewers
from scaicore_tui.servers.grid.demo.virtual_clock import VirtualClock, VirtualLoop
from scaicore_tui.servers.grid.engine.engine import Engine
from scaicore_tui.servers.grid.flow.validation import Cores
from scaicore_tui.servers.grid.seeded import seeded_random
from scaicore_tui.servers.grid.store import Store

TRAFFIC_LENGTH_S: Final = 2400.0
"""Upper bound for the length of the traffic in the history."""
LONG_WAIT_S: Final = 3600.0
"""How long the first run of the history waits for a person."""
_LONG_WAIT_LEAD_S: Final = LONG_WAIT_S + 400.0
HISTORY_LENGTH_S: Final = TRAFFIC_LENGTH_S + _LONG_WAIT_LEAD_S
"""Upper bound for the length of the history."""
_UNTIL_PENDING_S: Final = 30.0  # longer than a run takes to its review

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
    traffic_starts_at = until - sum(gaps)
    clock = VirtualClock(traffic_starts_at - _LONG_WAIT_LEAD_S)
    engine = Engine(store, cores, clock, seed=seed)
    checkpoints = CheckpointService(store, engine.waiters, clock)
    load = LoadGenerator(engine, store, clock, seed)
    await _wait_for_a_person(load, store, checkpoints, clock)
    await clock.sleep(traffic_starts_at - clock.now())
    background = [
        asyncio.create_task(checkpoints.run_expiry()),
        asyncio.create_task(SimulatedReviewers(checkpoints, store, clock).run()),
    ]
    for scenario in (FAILING_BATCH, LARGE_BATCH, FAILING_SUBFLOW):
        load.start(scenario)
    for gap in gaps:
        load.start_one()
        await clock.sleep(gap)
    for task in background:
        task.cancel()
    await asyncio.gather(*background, return_exceptions=True)
    await engine.stop()


async def _wait_for_a_person(
    load: LoadGenerator, store: Store, checkpoints: CheckpointService, clock: VirtualClock
) -> None:
    """Let a run wait LONG_WAIT_S for its review. One that fails before is followed by another."""
    while not (pending := store.checkpoint_table.pending()):
        load.start(LARGE_REFUND)
        await clock.sleep(_UNTIL_PENDING_S)
    await clock.sleep(pending[0].created_at + LONG_WAIT_S - clock.now())
    checkpoints.resolve(pending[0], "approve", by="usr_grace", comment="Sorry, I was in a meeting.")


def _gaps(seed: int) -> list[float]:
    """Return the seconds after each run's start: long at first, short at the end, so that some runs are still executing
    then.
    """
    rng = seeded_random(seed, "history")
    gaps: list[float] = []
    gap = _LAST_GAP_S
    while sum(gaps) + gap <= TRAFFIC_LENGTH_S:
        gaps.append(gap)
        gap = rng.uniform(*(_BUSY_GAP_S if sum(gaps) < _BUSY_PERIOD_S else _QUIET_GAP_S))
    return gaps[::-1]
