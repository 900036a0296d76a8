"""Starts runs, owns their tasks and resumes them after a restart.

The engine keeps no state of its own: everything it knows about a run can be rebuilt from the store.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from scaicore_tui.clock import Clock
from scaicore_tui.servers.grid.engine.context import CheckpointWaiters, EngineContext
from scaicore_tui.servers.grid.engine.executor import execute, record_start
from scaicore_tui.servers.grid.engine.failure import NodeFailed
from scaicore_tui.servers.grid.engine.run import RunContext
from scaicore_tui.servers.grid.flow.validation import Cores
from scaicore_tui.servers.grid.seeded import seeded_id
from scaicore_tui.servers.grid.store import Execution, Store

_log = logging.getLogger(__name__)

INTERRUPTED = NodeFailed("SERVER_RESTARTED", "server restarted")


class Engine:
    """Runs flows as tasks of one event loop."""

    def __init__(self, store: Store, cores: Cores, clock: Clock, *, seed: int, speed: float = 1.0) -> None:
        self.waiters = CheckpointWaiters(store)
        self._context = EngineContext(store, clock, cores, self.waiters, speed)
        self._seed = seed
        self._tasks: dict[asyncio.Task[None], RunContext] = {}

    @property
    def live_run_count(self) -> int:
        """Return how many runs are executing or suspended."""
        return len(self._tasks)

    def start(
        self,
        core_id: str,
        values: Mapping[str, Any],
        *,
        instance_key: str | None = None,
        origin: str = "api",
        entry: str | None = None,
    ) -> RunContext:
        """Start a run of the Core `core_id` in the background and return it.

        `entry` is the id of the entry node; the default is the Core's API entry. `origin` is `api` or `traffic`.
        """
        engine = self._context
        execution_id = seeded_id("exec", self._seed, core_id, engine.store.execution_table.count_roots(core_id))
        execution = Execution(
            id=execution_id,
            core_id=core_id,
            root_id=execution_id,
            origin=origin,
            entry=entry or engine.cores[core_id].entry.id,
            status="running",
            started_at=engine.clock.now(),
            instance_key=instance_key,
            input=values,
        )
        return self._spawn(record_start(engine, execution))

    def resume(self) -> None:
        """Resume every run that has not ended."""
        for execution in self._context.store.execution_table.roots("running", "suspended"):
            self._spawn(execution)

    def fail_interrupted(self) -> None:
        """Fail the runs that were executing when an earlier server process died. Suspended runs are consistent and
        stay.
        """
        for root in self._context.store.execution_table.roots("running"):
            self._abandon(root.id, INTERRUPTED)

    async def stop(self) -> None:
        """Cancel all tasks. The store keeps the runs in their present state, so they can be resumed."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _spawn(self, execution: Execution) -> RunContext:
        run = RunContext(self._context, execution)
        task = asyncio.create_task(_run_to_end(run), name=execution.id)
        self._tasks[task] = run
        task.add_done_callback(self._on_done)
        return run

    def _on_done(self, task: asyncio.Task[None]) -> None:
        run = self._tasks.pop(task)
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            _log.error("internal error in execution %s", run.execution.id, exc_info=error)
            self._abandon(run.execution.id, NodeFailed("INTERNAL_ERROR", f"{type(error).__name__}: {error}"))
        run.finished_or_suspended.set()

    def _abandon(self, root_id: str, failure: NodeFailed) -> None:
        """Fail a run that cannot continue and its sub-flow runs, and cancel their checkpoints."""
        store = self._context.store
        with store.transaction():
            for execution in store.execution_table.unfinished_of(root_id):
                RunContext(self._context, execution).abandon(failure)
                store.checkpoint_table.cancel_for(execution.id)


async def _run_to_end(run: RunContext) -> None:
    try:
        await execute(run)
    except NodeFailed:
        # The failure is already in the store and in the feed. Any other exception is a bug, which `_on_done` logs.
        return
