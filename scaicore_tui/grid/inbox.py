"""Answers checkpoints, and ends those whose deadline has passed: the only place where a checkpoint is settled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from scaicore_tui.clock import Clock
from scaicore_tui.grid.answers import Answers
from scaicore_tui.grid.stamps import stamp
from scaicore_tui.grid.store import Checkpoint, Store

EXPIRY_INTERVAL: Final = 15.0
"""Seconds between two looks at the deadlines: a checkpoint can outlive its own by as much."""


class NotAnOption(ValueError):
    """The resolution is none of the checkpoint's options."""


class AlreadySettled(Exception):
    """Somebody, or the deadline, was faster; `checkpoint` tells who, when and what."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__(f"checkpoint {checkpoint.id} is {checkpoint.status} already")
        self.checkpoint = checkpoint


class Inbox:
    """The checkpoints of one store, and whoever waits for them."""

    def __init__(self, store: Store, answers: Answers, clock: Clock) -> None:
        self._store = store
        self._answers = answers
        self._clock = clock

    def resolve(self, checkpoint: Checkpoint, resolution: str, *, by: str, comment: str | None = None) -> Checkpoint:
        """Answer a checkpoint. Raises AlreadySettled and NotAnOption."""
        if checkpoint.status != "pending":
            raise AlreadySettled(checkpoint)
        if resolution not in checkpoint.option_ids():
            raise NotAnOption(f"{resolution!r} is not an option; choose one of {', '.join(checkpoint.option_ids())}")
        return self._settle(checkpoint, "resolved", {"resolution": resolution, "resolved_by": by, "comment": comment})

    async def keep_deadlines(self) -> None:
        """Expire what is due, again and again, until cancelled."""
        while True:
            self.expire_due()
            await self._clock.sleep(EXPIRY_INTERVAL)

    def expire_due(self) -> None:
        """End every pending checkpoint whose deadline has passed, as its flow declares."""
        now = self._clock.now()
        for checkpoint in self._store.inbox.pending():
            if checkpoint.expires_at is not None and checkpoint.expires_at <= now:
                default = checkpoint.body.get("default_resolution")
                self._settle(checkpoint, "expired", {"resolution": default, "resolved_by": None})

    def _settle(self, checkpoint: Checkpoint, status: str, answer: Mapping[str, Any]) -> Checkpoint:
        body = {**checkpoint.body, **answer, "resolved_at": stamp(self._clock.now())}
        settled = replace(checkpoint, status=status, body=body)
        self._store.inbox.settle(settled)
        self._answers.announce(checkpoint.id)
        return settled
