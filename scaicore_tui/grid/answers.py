"""Where suspended branches wait, until the store says that their checkpoint is settled."""

from __future__ import annotations

import asyncio

from scaicore_tui.grid.store import Checkpoint, Store


class Answers:
    """Wakes whoever waits for a checkpoint. The store holds the answer; nothing is lost if nobody waits."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: dict[str, asyncio.Event] = {}

    async def wait(self, checkpoint_id: str) -> Checkpoint:
        """Return the checkpoint, which exists, once it is settled."""
        while True:
            checkpoint = self._store.inbox.find(checkpoint_id)
            if checkpoint is not None and checkpoint.status != "pending":
                return checkpoint
            await self._waiting.setdefault(checkpoint_id, asyncio.Event()).wait()

    def announce(self, checkpoint_id: str) -> None:
        """The checkpoint was settled, and the store knows it."""
        woken = self._waiting.pop(checkpoint_id, None)
        if woken is not None:
            woken.set()
