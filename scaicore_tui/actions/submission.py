"""One write by a person (a submission) and its progress."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from enum import StrEnum
from typing import Any
from uuid import uuid4

from msgspec import Struct, field

from scaicore_tui.errors import ScaicoreError
from scaicore_tui.text import display_name
from scaicore_tui.units import Micros

MAX_TARGET_CELLS = 24
# Shown when another write to the same target is blocked: the server may still execute the first one.
MAY_STILL_ARRIVE = "an earlier write was sent and its outcome is not known yet: looking it up"
# Less than every position in the journal.
MIN_POSITION = -(2**62)


class Kind(StrEnum):
    """The kind of a write."""

    ANSWER = "answer"
    CONTINUE = "continue"
    REPLAY = "replay"


class Progress(StrEnum):
    """The progress of a write. The values are shown to people and stored in the ledger.

    sending ─┬─ not sent                failed before the POST; may be tried again
             ├─ accepted ── confirmed   the server accepted it; then a later event of the run shows the effect
             ├─ refused                 the server rejected it; nothing changed
             ├─ conflict                already answered by somebody else, or expired
             └─ unknown ─┬─ accepted    the response was lost; the outcome is looked up, the write never repeated
                         ├─ conflict
                         └─ absent      no sign of it for longer than any write may take
    """

    SENDING = "sending"
    NOT_SENT = "not sent"
    ACCEPTED = "accepted"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    CONFLICT = "conflict"
    UNKNOWN = "unknown"
    NOT_RECEIVED = "absent"


class Submission(Struct):
    """A write to `target_id`: a checkpoint, or for a replay the original run.

    execution_id: the run that should progress: the checkpoint's run, or the run that a replay started.
    is_likely_match: `execution_id` was found by its input and is not proven.
    value, input_json: the input of a replay, and its JSON text as sent.
    sent_at, sent_time: when it was sent, in monotonic seconds and in seconds since 1970; None if nothing was sent.
    arrivals_before, position_before: number of live events of the run, and the newest run's position, when it was sent.
    is_resolved, resolved_at: the server showed the checkpoint as resolved, and when (microseconds since 1970).
    is_recovered: it was sent by a process that has ended.
    subject: what the checkpoint asks, in words, as one safe line; empty if that is not known.
    """

    kind: Kind
    target_id: str
    core_id: str | None
    execution_id: str | None = None
    resolution: str | None = None
    comment: str | None = None
    value: Any = None
    input_json: bytes | None = None
    entity_id: str | None = None
    progress: Progress = Progress.SENDING
    message: str = ""
    request_id: str | None = None
    failure: ScaicoreError | None = None
    sent_at: float | None = None
    sent_time: float | None = None
    arrivals_before: int = 0
    is_resolved: bool = False
    resolved_at: Micros | None = None
    output: Any = None
    duration_ms: float | None = None
    is_likely_match: bool = False
    position_before: int = MIN_POSITION
    is_recovered: bool = False
    subject: str = ""
    id: str = field(default_factory=lambda: f"sub_{uuid4().hex[:16]}")

    @property
    def is_final(self) -> bool:
        """True if the progress cannot change any more. A write that is `absent` may still arrive late."""
        return self.progress in (Progress.CONFIRMED, Progress.REFUSED, Progress.CONFLICT, Progress.NOT_SENT)

    @property
    def may_be_repeated(self) -> bool:
        """True if another write to the same target may follow, because this one changed nothing."""
        return self.progress in (Progress.NOT_SENT, Progress.REFUSED, Progress.NOT_RECEIVED)

    @property
    def is_unknown(self) -> bool:
        """True if it may still arrive. A replay with a likely run has arrived, unless another process sent it."""
        is_found = self.is_likely_match and not self.is_recovered
        return self.progress is Progress.UNKNOWN and not is_found

    @property
    def progress_text(self) -> str:
        """The progress, as rows and notices show it."""
        return f"{self.progress}…" if self.progress is Progress.SENDING else str(self.progress)

    @property
    def description(self) -> str:
        """The write and its target, as text for a person."""
        target = display_name(self.target_id, MAX_TARGET_CELLS)
        if self.kind is Kind.ANSWER:
            return f"answer {display_name(self.resolution or '', MAX_TARGET_CELLS)} to {target}"
        return f"{self.kind} {target}"

    @property
    def is_replay(self) -> bool:
        return self.kind is Kind.REPLAY

    def age(self, now: float) -> float:
        """Return the seconds since it was sent, at `now` in monotonic seconds; 0 if it was not sent."""
        return 0.0 if self.sent_at is None else max(0.0, now - self.sent_at)


def latest_by_target(submissions: Iterable[Submission]) -> dict[str, Submission]:
    """Return the submission to show for each target id, given all `submissions`, oldest first.

    It is the newest one; but one that was not sent never hides an earlier one that took effect or may do so.
    """
    latest: dict[str, Submission] = {}
    for submission in submissions:
        before = latest.get(submission.target_id)
        if before is None or before.may_be_repeated or submission.progress is not Progress.NOT_SENT:
            latest[submission.target_id] = submission
    return latest


async def answer_many(
    answer: Callable[[str], Awaitable[Submission]], checkpoint_ids: Sequence[str], *, stop_on_failure: bool = True
) -> list[Submission]:
    """Call `answer` with each id in turn and return the submissions that were sent.

    With `stop_on_failure`, stop after the first that is neither accepted nor confirmed, and raise the error of one that
    could not be sent. Otherwise skip it and go on.
    """
    sent: list[Submission] = []
    for checkpoint_id in checkpoint_ids:
        try:
            sent.append(await answer(checkpoint_id))
        except ScaicoreError:
            if stop_on_failure:
                raise
            continue
        if stop_on_failure and sent[-1].progress not in (Progress.ACCEPTED, Progress.CONFIRMED):
            break
    return sent
