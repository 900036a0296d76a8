"""The parts of one grid, put together: what the routes talk to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from scaicore_tui.clock import Clock
from scaicore_tui.grid.auth import Guard
from scaicore_tui.grid.catalog import shipped_cores
from scaicore_tui.grid.config import GridConfig
from scaicore_tui.grid.engine import Engine
from scaicore_tui.grid.history import make_history
from scaicore_tui.grid.inbox import Inbox
from scaicore_tui.grid.limits import RateLimits
from scaicore_tui.grid.people import Colleagues
from scaicore_tui.grid.store import Store
from scaicore_tui.grid.traffic import Traffic

_log = logging.getLogger(__name__)


class Grid:
    """One embedded ScaiGrid. It lives inside `running()`; the store is open from the start until then."""

    def __init__(self, config: GridConfig, clock: Clock) -> None:
        self.config = config
        self.clock = clock
        self.cores = shipped_cores()
        self.guard = Guard(config.tokens)
        self.limits = RateLimits(clock) if config.rate_limits else None
        self.store = Store(config.db)
        self.engine = Engine(self.store, self.cores, clock, seed=config.seed, speed=config.speed)
        self.inbox = Inbox(self.store, self.engine.answers, clock)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Make the past, take up what was suspended, and keep the traffic and the deadlines going."""
        if self.store.runs.count_roots() > 0:
            self.engine.fail_interrupted()
        elif self.config.history:
            await asyncio.to_thread(make_history, self.store, self.cores, self.config.seed, self.clock.now())
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
        jobs = [asyncio.create_task(self.inbox.keep_deadlines(), name="deadlines")]
        if self.config.rate > 0:
            traffic = Traffic(self.engine, self.store, self.clock, self.config.seed)
            colleagues = Colleagues(self.inbox, self.store, self.clock)
            jobs.append(asyncio.create_task(traffic.keep_going(self.config.rate), name="traffic"))
            jobs.append(asyncio.create_task(colleagues.keep_answering(), name="colleagues"))
        for job in jobs:
            job.add_done_callback(_tell_of_fault)
        return jobs


def _tell_of_fault(job: asyncio.Task[None]) -> None:
    """Jobs go on until they are cancelled: one that ends by itself has broken down."""
    if not job.cancelled() and (fault := job.exception()) is not None:
        _log.error("the job %r broke down", job.get_name(), exc_info=fault)
