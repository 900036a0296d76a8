"""One grid, assembled from its parts: the object that the routes use."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from scaicore_tui.clock import Clock
from scaicore_tui.servers.grid.checkpoints import CheckpointService
from scaicore_tui.servers.grid.config import GridConfig
from scaicore_tui.servers.grid.demo.history import seed_history
from scaicore_tui.servers.grid.demo.traffic import LoadGenerator, SimulatedReviewers
from scaicore_tui.servers.grid.engine.engine import Engine
from scaicore_tui.servers.grid.flow.validation import load_shipped_cores
from scaicore_tui.servers.grid.store import Store

_log = logging.getLogger(__name__)


class Grid:
    """One embedded ScaiGrid. It runs inside `running()`; its store is open from the start until the end of that."""

    def __init__(self, config: GridConfig, clock: Clock) -> None:
        self.config = config
        self.clock = clock
        self.started_at = clock.now()
        self.cores = load_shipped_cores()
        self.store = Store(config.db)
        self.engine = Engine(self.store, self.cores, clock, seed=config.seed, speed=config.speed)
        self.checkpoints = CheckpointService(self.store, self.engine.waiters, clock)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Create the history, resume suspended runs, and run the background jobs."""
        if self.store.execution_table.count_roots() > 0:
            self.engine.fail_interrupted()
        elif self.config.history:
            await asyncio.to_thread(seed_history, self.store, self.cores, self.config.seed, self.clock.now())
        self.engine.resume()
        jobs = self._start_jobs()
        try:
            yield
        finally:
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
            await self.engine.stop()
            self.store.close()

    def _start_jobs(self) -> list[asyncio.Task[None]]:
        jobs = [asyncio.create_task(self.checkpoints.run_expiry(), name="deadlines")]
        if self.config.rate > 0:
            load = LoadGenerator(self.engine, self.store, self.clock, self.config.seed)
            reviewers = SimulatedReviewers(self.checkpoints, self.store, self.clock)
            jobs.append(asyncio.create_task(load.run(self.config.rate), name="traffic"))
            jobs.append(asyncio.create_task(reviewers.run(), name="reviewers"))
        for job in jobs:
            job.add_done_callback(_log_failure)
        return jobs


def _log_failure(job: asyncio.Task[None]) -> None:
    """Log a background job that ended by itself: jobs run until they are cancelled."""
    if not job.cancelled() and (error := job.exception()) is not None:
        _log.error("the background job %r failed", job.get_name(), exc_info=error)
