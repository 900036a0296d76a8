"""The objects that all runs of one engine share, and the waiting for checkpoints."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from scaicore_tui.clock import Clock
from scaicore_tui.servers.grid.flow.validation import Cores
from scaicore_tui.servers.grid.store import Checkpoint, Store


@dataclass(frozen=True)
class EngineContext:
    """The store, clock and Cores of one engine. `speed` divides every simulated latency."""

    store: Store
    clock: Clock
    cores: Cores
    waiters: CheckpointWaiters
    speed: float

    async def simulate_latency(self, seconds: float) -> None:
        """Sleep for the duration of a simulated call."""
        await self.clock.sleep(seconds / self.speed)


class CheckpointWaiters:
    """Wakes the branches that wait for a checkpoint. The store holds the answer, so nothing is lost if no branch
    waits.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: dict[str, asyncio.Event] = {}

    async def wait(self, checkpoint_id: str) -> Checkpoint:
        """Wait until an existing checkpoint is closed, and return it."""
        while True:
            checkpoint = self._store.checkpoint_table.find(checkpoint_id)
            if checkpoint is not None and checkpoint.status != "pending":
                return checkpoint
            await self._waiting.setdefault(checkpoint_id, asyncio.Event()).wait()

    def notify(self, checkpoint_id: str) -> None:
        """Wake the branch that waits for a checkpoint. Called after the store has recorded the end of it."""
        woken = self._waiting.pop(checkpoint_id, None)
        if woken is not None:
            woken.set()
