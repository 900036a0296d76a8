"""The past of a fresh grid: real runs of the same engine on a clock that starts forty minutes ago and never waits."""

from __future__ import annotations

import asyncio
from typing import Final

from scaicore_tui.grid.catalog import Cores
from scaicore_tui.grid.dice import dice
from scaicore_tui.grid.engine import Engine
from scaicore_tui.grid.inbox import Inbox
from scaicore_tui.grid.people import Colleagues
from scaicore_tui.grid.scenarios import SPOILED_BATCH
from scaicore_tui.grid.store import Store
from scaicore_tui.grid.traffic import Traffic
from scaicore_tui.grid.virtual_clock import VirtualClock, VirtualLoop

LENGTH: Final = 2400.0
"""Seconds of history, at most."""

_BUSY: Final = 100.0
_QUIET_GAP: Final = (70.0, 110.0)
_BUSY_GAP: Final = (8.0, 16.0)
_LAST_GAP: Final = 3.0  # shorter than any run


def make_history(store: Store, cores: Cores, seed: int, until: float) -> None:
    """Fill an empty store with the runs of the time before `until`; what is unfinished then can be resumed.

    Blocks for less than a second. Needs a thread of its own where an event loop is running.
    """
    with store.transaction(), asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(_past(store, cores, seed, until))


async def _past(store: Store, cores: Cores, seed: int, until: float) -> None:
    gaps = _gaps(seed)
    clock = VirtualClock(until - sum(gaps))
    engine = Engine(store, cores, clock, seed=seed)
    inbox = Inbox(store, engine.answers, clock)
    traffic = Traffic(engine, store, clock, seed)
    others = [
        asyncio.create_task(inbox.keep_deadlines()),
        asyncio.create_task(Colleagues(inbox, store, clock).keep_answering()),
    ]
    traffic.start(SPOILED_BATCH)  # whatever the seed, there is a failure to look at
    for gap in gaps:
        traffic.start_one()
        await clock.sleep(gap)
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await engine.stop()


def _gaps(seed: int) -> list[float]:
    """The seconds after each run's start: long at first, short at the end, so that runs are under way when it ends."""
    chance = dice(seed, "history")
    gaps: list[float] = []
    gap = _LAST_GAP
    while sum(gaps) + gap <= LENGTH:
        gaps.append(gap)
        gap = chance.uniform(*(_BUSY_GAP if sum(gaps) < _BUSY else _QUIET_GAP))
    return gaps[::-1]
