"""Runs flows: starts executions, keeps their tasks, and takes them up again after a restart.

It holds no state that matters: whatever it knows of a run can be rebuilt from the store.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from scaicore_tui.clock import Clock
from scaicore_tui.grid.answers import Answers
from scaicore_tui.grid.catalog import Cores
from scaicore_tui.grid.dice import seeded_id
from scaicore_tui.grid.execution import begin, execute
from scaicore_tui.grid.failure import NodeFailed
from scaicore_tui.grid.run import Run
from scaicore_tui.grid.store import Execution, Store
from scaicore_tui.grid.world import World

_log = logging.getLogger(__name__)

INTERRUPTED = NodeFailed("SERVER_RESTARTED", "server restarted")


class Engine:
    """All runs of one event loop."""

    def __init__(self, store: Store, cores: Cores, clock: Clock, *, seed: int, speed: float = 1.0) -> None:
        self.answers = Answers(store)
        self._world = World(store, clock, cores, self.answers, speed)
        self._seed = seed
        self._tasks: dict[asyncio.Task[None], Run] = {}

    @property
    def live_runs(self) -> int:
        """How many are under way, or wait."""
        return len(self._tasks)

    def start(
        self,
        core_id: str,
        values: Mapping[str, Any],
        *,
        instance_key: str | None = None,
        origin: str = "api",
        entry: str | None = None,
    ) -> Run:
        """Begin a run of a Core that exists, from its API entry or the one given; it goes on in the background."""
        world = self._world
        execution_id = seeded_id("exec", self._seed, core_id, world.store.runs.count_roots(core_id))
        execution = Execution(
            id=execution_id,
            core_id=core_id,
            root_id=execution_id,
            origin=origin,
            entry=entry or world.cores[core_id].entry.id,
            status="running",
            started_at=world.clock.now(),
            instance_key=instance_key,
            input=values,
        )
        return self._launch(begin(world, execution))

    def resume(self) -> None:
        """Take up every run that has not ended, where it stands."""
        for execution in self._world.store.runs.roots("running", "suspended"):
            self._launch(execution)

    def fail_interrupted(self) -> None:
        """End the runs that were under way when an earlier server died; suspended ones are whole, and stay."""
        for root in self._world.store.runs.roots("running"):
            self._abandon(root.id, INTERRUPTED)

    async def stop(self) -> None:
        """Let go of all runs; the store keeps them as they are."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _launch(self, execution: Execution) -> Run:
        run = Run(self._world, execution)
        task = asyncio.create_task(_to_the_end(run), name=execution.id)
        self._tasks[task] = run
        task.add_done_callback(self._ended)
        return run

    def _ended(self, task: asyncio.Task[None]) -> None:
        run = self._tasks.pop(task)
        if task.cancelled():
            return
        if (fault := task.exception()) is not None:
            _log.error("execution %s broke the engine", run.execution.id, exc_info=fault)
            self._abandon(run.execution.id, NodeFailed("INTERNAL_ERROR", f"{type(fault).__name__}: {fault}"))
        run.settled.set()

    def _abandon(self, root_id: str, failure: NodeFailed) -> None:
        """Fail a run that cannot go on, with its sub-flows, and take its questions back."""
        store = self._world.store
        with store.transaction():
            for execution in store.runs.unfinished_of(root_id):
                Run(self._world, execution).abandon(failure)
                store.inbox.cancel_of(execution.id)


async def _to_the_end(run: Run) -> None:
    try:
        await execute(run)
    except NodeFailed:
        # The run's own end: it is in the store and in the feed. Anything else is a bug, and `_ended` tells of it.
        return
