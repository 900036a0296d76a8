"""Resolves checkpoints and expires those past their deadline. Only this module closes checkpoints of live runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from scaicore_tui.clock import Clock
from scaicore_tui.servers.grid.engine.context import CheckpointWaiters
from scaicore_tui.servers.grid.store import Checkpoint, Store
from scaicore_tui.servers.grid.timestamps import format_timestamp

EXPIRY_CHECK_INTERVAL_S: Final = 15.0
"""A checkpoint can stay open this much longer than its deadline."""


class NotAnOption(ValueError):
    """The resolution is not one of the checkpoint's options."""


class AlreadyClosed(Exception):
    """The checkpoint was resolved or has expired; `checkpoint` says who resolved it, when and how."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__(f"checkpoint {checkpoint.id} is {checkpoint.status} already")
        self.checkpoint = checkpoint


class CheckpointService:
    """Closes the checkpoints of one store, and wakes the branches that wait for them."""

    def __init__(self, store: Store, waiters: CheckpointWaiters, clock: Clock) -> None:
        self._store = store
        self._waiters = waiters
        self._clock = clock

    def resolve(self, checkpoint: Checkpoint, resolution: str, *, by: str, comment: str | None = None) -> Checkpoint:
        """Resolve a checkpoint. Raises AlreadyClosed or NotAnOption."""
        if checkpoint.status != "pending":
            raise AlreadyClosed(checkpoint)
        if resolution not in checkpoint.option_ids():
            raise NotAnOption(f"{resolution!r} is not an option; choose one of {', '.join(checkpoint.option_ids())}")
        return self._close(checkpoint, "resolved", {"resolution": resolution, "resolved_by": by, "comment": comment})

    async def run_expiry(self) -> None:
        """Expire overdue checkpoints periodically, until cancelled."""
        while True:
            self.expire_due()
            await self._clock.sleep(EXPIRY_CHECK_INTERVAL_S)

    def expire_due(self) -> None:
        """Expire every pending checkpoint whose deadline has passed, as its flow declares."""
        now = self._clock.now()
        for checkpoint in self._store.checkpoint_table.pending():
            if checkpoint.expires_at is not None and checkpoint.expires_at <= now:
                default = checkpoint.body.get("default_resolution")
                self._close(checkpoint, "expired", {"resolution": default, "resolved_by": None})

    def _close(self, checkpoint: Checkpoint, status: str, answer: Mapping[str, Any]) -> Checkpoint:
        body = {**checkpoint.body, **answer, "resolved_at": format_timestamp(self._clock.now())}
        closed = replace(checkpoint, status=status, body=body)
        self._store.checkpoint_table.close(closed)
        self._waiters.notify(checkpoint.id)
        return closed
