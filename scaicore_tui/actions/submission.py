"""One write by a person, and how far it got."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from scaicore_tui.errors import ScaicoreError


class Kind(StrEnum):
    """What was asked for."""

    ANSWER = "answer"
    CONTINUE = "continue"
    REPLAY = "replay"


class Progress(StrEnum):
    """How far a write got. Accepted is the server's word; confirmed is a later event of the run."""

    SENDING = "sending"
    ACCEPTED = "accepted"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    CONFLICT = "conflict"
    UNKNOWN = "unknown"


@dataclass
class Submission:
    """A write to `target_id`: a checkpoint, or for a replay the run whose input is used again.

    `execution_id` is the run that should move: the checkpoint's own, or the one that a replay started; of that,
    `likely` says that it was found by its input, and not proven.
    """

    kind: Kind
    target_id: str
    core_id: str | None
    execution_id: str | None = None
    resolution: str | None = None
    comment: str | None = None
    value: Any = None
    progress: Progress = Progress.SENDING
    message: str = ""
    request_id: str | None = None
    failure: ScaicoreError | None = None
    events_before: int = 0
    likely: bool = False
    known_runs: frozenset[str] = frozenset()

    @property
    def is_settled(self) -> bool:
        return self.progress not in (Progress.SENDING, Progress.ACCEPTED, Progress.UNKNOWN)
