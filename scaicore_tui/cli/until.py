"""What `watch` can wait for."""

from __future__ import annotations

from enum import StrEnum


class Until(StrEnum):
    """What a run comes to: a checkpoint, or an end; or any of these."""

    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    ANY = "any"
