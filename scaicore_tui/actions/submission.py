"""One write by a person, and how far it got."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from enum import StrEnum
from typing import Any
from uuid import uuid4

from msgspec import Struct, field

from scaicore_tui.errors import ScaicoreError
from scaicore_tui.text import display_name

MAX_TARGET_CELLS = 24
# Why a target takes no other write: the server may still do the first one.
MAY_STILL_ARRIVE = "it was sent before, and what came of that is not known yet: it is looked up"
# Below every place in the feed.
MIN_POSITION = -(2**62)


class Kind(StrEnum):
    """What was asked for."""

    ANSWER = "answer"
    CONTINUE = "continue"
    REPLAY = "replay"


class Progress(StrEnum):
    """How far a write got.

    sending ─┬─ not sent                it failed before the POST: it may be tried again
             ├─ accepted ── confirmed   the server's word; then a later event of the run
             ├─ refused                 nothing changed
             ├─ conflict                somebody was faster, or it expired
             └─ unknown ─┬─ accepted    the answer was lost: looked up, never repeated
                         ├─ conflict
                         └─ absent      no trace of it for longer than any write may take
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
    """A write to `target_id`: a checkpoint, or for a replay the run whose input is used again.

    `execution_id` is the run that should move: the checkpoint's own, or the one that a replay started; of that,
    `likely` says that it was found by its input, and not proven; its place in the feed is `after` that of all runs
    known when it was sent. A replay's input is `value`, and `input_json` as it is sent. `sent_at` is in monotonic
    seconds, and `sent_time` the same moment in seconds since 1970; both are None where nothing went out. `is_recovered`
    where a process that died sent it.
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
    resolved_at: int | None = None
    output: Any = None
    duration_ms: float | None = None
    is_likely_match: bool = False
    position_before: int = MIN_POSITION
    is_recovered: bool = False
    id: str = field(default_factory=lambda: f"sub_{uuid4().hex[:16]}")

    @property
    def is_final(self) -> bool:
        """Whether nothing more is to be learned of it. What did not arrive may still do so, late."""
        return self.progress in (Progress.CONFIRMED, Progress.REFUSED, Progress.CONFLICT, Progress.NOT_SENT)

    @property
    def may_be_repeated(self) -> bool:
        """Whether another write to the same target may follow: this one changed nothing."""
        return self.progress in (Progress.NOT_SENT, Progress.REFUSED, Progress.NOT_RECEIVED)

    @property
    def is_unknown(self) -> bool:
        """Whether it may still arrive. A replay whose run is likely has arrived, unless another process sent it."""
        is_found = self.is_likely_match and not self.is_recovered
        return self.progress is Progress.UNKNOWN and not is_found

    @property
    def progress_text(self) -> str:
        """How far it got, as a row or a notice says it."""
        return f"{self.progress}…" if self.progress is Progress.SENDING else str(self.progress)

    @property
    def description(self) -> str:
        """Name the write and its target, in words for a person."""
        target = display_name(self.target_id, MAX_TARGET_CELLS)
        if self.kind is Kind.ANSWER:
            return f"answer {display_name(self.resolution or '', MAX_TARGET_CELLS)} to {target}"
        return f"{self.kind} {target}"

    @property
    def is_replay(self) -> bool:
        return self.kind is Kind.REPLAY

    def age(self, now: float) -> float:
        """Seconds since it was sent, at `now` in monotonic seconds; 0 where it was not."""
        return 0.0 if self.sent_at is None else max(0.0, now - self.sent_at)


def latest_by_target(submissions: Iterable[Submission]) -> dict[str, Submission]:
    """Return the submission that says how each target stands, of `submissions`, oldest first.

    One that was not sent never hides an earlier one that was, or may have been, taken.
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
    """Call `answer` with each id in turn; return what became of those sent.

    `cautious` stops behind the first that was neither accepted nor confirmed: one that could not be sent ends it by
    raising what `answer` does. Without it the others are sent all the same.
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
