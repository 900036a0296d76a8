"""Keeps the demo alive: starts runs at a pace that a person can follow."""

from __future__ import annotations

from random import Random
from typing import Final

from scaicore_tui.clock import Clock
from scaicore_tui.grid.dice import dice
from scaicore_tui.grid.engine import Engine
from scaicore_tui.grid.scenarios import SCENARIOS, Scenario
from scaicore_tui.grid.store import Store

ORIGIN: Final = "traffic"
MAX_PENDING: Final = 6
"""With so many checkpoints unanswered, only runs that will not wait for a person are started."""


class Traffic:
    """Starts one scenario after another; which one follows from the seed and the number of runs so far."""

    def __init__(self, engine: Engine, store: Store, clock: Clock, seed: int) -> None:
        self._engine = engine
        self._store = store
        self._clock = clock
        self._seed = seed

    async def keep_going(self, rate: float) -> None:
        """Start about `rate` runs a minute, evenly enough, until cancelled."""
        while True:
            self.start_one()
            await self._clock.sleep(60 / rate * self._chance("gap").uniform(0.7, 1.3))

    def start_one(self) -> None:
        """Start a run of some scenario."""
        chance = self._chance("scenario")
        crowded = len(self._store.inbox.pending()) >= MAX_PENDING
        possible = [scenario for scenario in SCENARIOS if not (crowded and scenario.waits)]
        chosen: Scenario = chance.choices(possible, [scenario.weight for scenario in possible])[0]
        self.start(chosen)

    def start(self, scenario: Scenario) -> None:
        """Start a run of this scenario."""
        values = scenario.make(self._chance("input"))
        self._engine.start(scenario.core_id, values, origin=ORIGIN, entry=scenario.entry)

    def _chance(self, what: str) -> Random:
        return dice(self._seed, what, self._store.runs.count_roots())
