"""Keeps the demo active: starts runs at a pace that a person can follow, and answers their older checkpoints."""

from __future__ import annotations

from random import Random
from typing import Final

from scaicore_tui.clock import Clock
from scaicore_tui.servers.grid.checkpoints import CheckpointService
from scaicore_tui.servers.grid.demo.scenarios import SCENARIOS, Scenario
from scaicore_tui.servers.grid.engine.engine import Engine
from scaicore_tui.servers.grid.seeded import seeded_random
from scaicore_tui.servers.grid.store import Checkpoint, Store

TRAFFIC_ORIGIN: Final = "traffic"
MAX_PENDING_CHECKPOINTS: Final = 6
"""With this many pending checkpoints, only runs that need no person are started."""

UNANSWERED_COUNT: Final = 3
"""The newest checkpoints are left for the person at the screen."""
ANSWER_AFTER_S: Final = (180.0, 600.0)
"""Others are answered after a time between these bounds, which depends on the checkpoint."""
_REVIEW_INTERVAL_S: Final = 20.0
_REVIEWER_IDS: Final = ("usr_ada", "usr_grace", "usr_edsger", "usr_barbara", "usr_tony")
_COMMENTS: Final = (None, None, "Checked with the team lead.", "Fine, within budget.", "See my note in the ticket.")


class LoadGenerator:
    """Starts one scenario after another. The choice depends on the seed and the number of runs so far."""

    def __init__(self, engine: Engine, store: Store, clock: Clock, seed: int) -> None:
        self._engine = engine
        self._store = store
        self._clock = clock
        self._seed = seed

    async def run(self, rate: float) -> None:
        """Start about `rate` runs per minute, at slightly varied intervals, until cancelled."""
        while True:
            self.start_one()
            await self._clock.sleep(60 / rate * self._random("gap").uniform(0.7, 1.3))

    def start_one(self) -> None:
        """Start a run of a random scenario."""
        rng = self._random("scenario")
        is_crowded = len(self._store.checkpoint_table.pending()) >= MAX_PENDING_CHECKPOINTS
        possible = [scenario for scenario in SCENARIOS if not (is_crowded and scenario.needs_review)]
        chosen: Scenario = rng.choices(possible, [scenario.weight for scenario in possible])[0]
        self.start(chosen)

    def start(self, scenario: Scenario) -> None:
        """Start a run of `scenario`."""
        values = scenario.make_input(self._random("input"))
        self._engine.start(scenario.core_id, values, origin=TRAFFIC_ORIGIN, entry=scenario.entry)

    def _random(self, purpose: str) -> Random:
        return seeded_random(self._seed, purpose, self._store.execution_table.count_roots())


class SimulatedReviewers:
    """Answers checkpoints of the traffic that have been pending for long. Never touches runs started through the
    API.
    """

    def __init__(self, checkpoints: CheckpointService, store: Store, clock: Clock) -> None:
        self._checkpoints = checkpoints
        self._store = store
        self._clock = clock

    async def run(self) -> None:
        """Answer overdue checkpoints periodically, until cancelled."""
        while True:
            self.answer_overdue()
            await self._clock.sleep(_REVIEW_INTERVAL_S)

    def answer_overdue(self) -> None:
        """Answer every overdue checkpoint, except the newest UNANSWERED_COUNT."""
        ours = [checkpoint for checkpoint in self._store.checkpoint_table.pending() if self._from_traffic(checkpoint)]
        for checkpoint in ours[UNANSWERED_COUNT:]:
            rng = seeded_random(checkpoint.id)
            if self._clock.now() - checkpoint.created_at >= rng.uniform(*ANSWER_AFTER_S):
                option, name = rng.choice(checkpoint.option_ids()), rng.choice(_REVIEWER_IDS)
                self._checkpoints.resolve(checkpoint, option, by=name, comment=rng.choice(_COMMENTS))

    def _from_traffic(self, checkpoint: Checkpoint) -> bool:
        execution = self._store.execution_table.find(checkpoint.execution_id)
        return execution is not None and execution.origin == TRAFFIC_ORIGIN
