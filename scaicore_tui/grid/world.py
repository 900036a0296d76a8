"""What all runs of one engine share."""

from __future__ import annotations

from dataclasses import dataclass

from scaicore_tui.clock import Clock
from scaicore_tui.grid.answers import Answers
from scaicore_tui.grid.catalog import Cores
from scaicore_tui.grid.store import Store


@dataclass(frozen=True)
class World:
    """The store, the time, the Cores, and the waiting room."""

    store: Store
    clock: Clock
    cores: Cores
    answers: Answers
    speed: float

    async def work(self, seconds: float) -> None:
        """Let a simulated call take its time."""
        await self.clock.sleep(seconds / self.speed)
