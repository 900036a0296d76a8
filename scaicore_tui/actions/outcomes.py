"""What came of the writes: each state is written down and told; evidence confirms, and what was lost is looked up.

It asks and compares, and never writes to the API.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from scaicore_tui.actions import evidence
from scaicore_tui.actions.ledger import OPEN, Entry, Ledger
from scaicore_tui.actions.lookup import find, told
from scaicore_tui.actions.submission import Progress, Submission
from scaicore_tui.clock import Clock
from scaicore_tui.errors import ScaicoreError
from scaicore_tui.feed import Client
from scaicore_tui.runs import RunBook
from scaicore_tui.wire import Checkpoint, timestamps

# After so many seconds without a trace of it, a write whose answer was lost counts as not arrived.
ABSENT_AFTER = 10.0
REPLAY_ABSENT_AFTER = 60.0
# After so many seconds nobody looks any more for what became of a write: each look costs requests, or reads runs.
LOOKED_FOR = 3_600.0


class Outcomes:
    """The submissions of one session, oldest first. `changed` is called whenever one moved on."""

    def __init__(
        self, client: Client, book: RunBook, clock: Clock, changed: Callable[[Submission], None], ledger: Ledger
    ) -> None:
        self.submissions: list[Submission] = []
        self.ledger = ledger
        self.changed = changed
        self._client = client
        self._book = book
        self._clock = clock
        self._began = clock.monotonic()
        self._pending: Collection[str] = ()
        self._pending_at = 0.0
        self._is_left = False

    def add(self, submission: Submission) -> None:
        """It is on its way."""
        self.submissions.append(submission)
        self.changed(submission)

    def close(self, submission: Submission, progress: Progress, message: str) -> None:
        """It got this far: write that down, and tell."""
        submission.progress, submission.message = progress, message
        found = submission.execution_id if submission.is_replay else None
        facts = {"message": message, "request_id": submission.request_id, "execution_id": found}
        if submission.sent_at is not None:
            self.ledger.note(submission.id, self._clock.now(), progress, **facts)
        self.changed(submission)

    def fail(self, submission: Submission, error: ScaicoreError, progress: Progress) -> None:
        """The server, or the way to it, said no."""
        submission.request_id, submission.failure = error.request_id, error
        self.close(submission, progress, str(error))

    def accept(self, submission: Submission, row: Checkpoint, message: str) -> None:
        """The server took the answer."""
        submission.is_resolved = row.status == "resolved"
        submission.resolved_at = timestamps.parse(row.resolved_at)
        self.close(submission, Progress.ACCEPTED, message)

    async def conflict(self, submission: Submission, reason: str) -> None:
        """Somebody was faster, or it expired: say what the checkpoint says now."""
        row = await find(self._client, submission.target_id)
        self.close(submission, Progress.CONFLICT, told(row) if row else reason)

    def recover(self) -> list[Submission]:
        """Take over what others had sent to this API, and were gone before they told the end of."""
        now, identity = self._clock.now(), self._client.identity
        known = {submission.id for submission in self.submissions}
        open_ones = [entry for entry in self.ledger.entries() if entry.is_open and entry.id not in known]
        found = [self._recovered(entry) for entry in open_ones if entry.is_sent_to(identity) and entry.is_orphan(now)]
        for submission in found:
            self.add(submission)
            self.close(submission, submission.progress, "whoever sent it is gone: looking it up")
        return found

    def leave(self) -> None:
        """Nobody waits for what came of these any more: the next session takes them over. Said once: it may have."""
        if self._is_left:
            return
        self._is_left = True
        for submission in self.submissions:
            if submission.sent_at is not None and submission.progress in OPEN:
                self.ledger.leave(submission.id)

    def observe(self, pending: Collection[str] | None = None, asked_at: float = 0.0) -> None:
        """Compare what is under way with what the feed shows now; evidence confirms.

        `pending` are the ids of the pending checkpoints, as they were asked for at `asked_at`, in monotonic seconds.
        """
        if pending is not None:
            self._pending, self._pending_at = pending, asked_at
        for submission in filter(self._is_looked_for, self.submissions):
            if submission.is_replay:
                self._observe_replay(submission, asked_at)
            elif self._is_absent(submission, pending, asked_at):
                submission.failure = None
                self.close(submission, Progress.ABSENT, "it did not arrive: the checkpoint is pending still")
            elif self._is_confirmed(submission):
                self.close(submission, Progress.CONFIRMED, "the run moved on")

    async def look_up(self) -> None:
        """Ask the server about every answer that is not known to have been taken; trouble leaves things as they are."""
        for submission in filter(self._is_asked_about, tuple(self.submissions)):
            row = await find(self._client, submission.target_id)
            submission.failure = submission.failure if row is None else None
            if row is not None and row.resolution == submission.resolution:
                self.accept(submission, row, f"it did arrive: {told(row)}")
            elif row is not None:
                self.close(submission, Progress.CONFLICT, told(row))
        self.observe()

    def _is_asked_about(self, submission: Submission) -> bool:
        is_known = submission.is_resolved or submission.progress is Progress.SENDING or self._is_pending(submission)
        return self._is_looked_for(submission) and not is_known and not submission.is_replay

    def _is_looked_for(self, submission: Submission) -> bool:
        since = max(self._began, submission.sent_at or 0.0)
        return not submission.is_settled and self._clock.monotonic() - since < LOOKED_FOR

    def _is_pending(self, submission: Submission) -> bool:
        """Whether its checkpoint was still pending after it was sent: then nobody answered it, as far as is known."""
        return submission.target_id in self._pending and self._pending_at > (submission.sent_at or 0.0)

    def _is_absent(self, submission: Submission, pending: Collection[str] | None, asked_at: float) -> bool:
        is_pending = pending is not None and submission.target_id in pending
        waited = submission.waited(asked_at)
        return submission.progress is Progress.UNKNOWN and is_pending and waited >= ABSENT_AFTER

    def _is_confirmed(self, submission: Submission) -> bool:
        is_taken = submission.progress is Progress.ACCEPTED and submission.is_resolved
        return is_taken and evidence.has_moved(submission, self._book)

    def _observe_replay(self, submission: Submission, asked_at: float) -> None:
        proven = evidence.proven_replay(submission, self._book)
        if submission.execution_id in self._book.runs and not submission.likely:
            proven = submission.execution_id
        if proven is not None:
            submission.execution_id, submission.likely = proven, False
            self.close(submission, Progress.CONFIRMED, "the run is on the feed")
        elif submission.execution_id is None:
            self._look_for_replay(submission, asked_at)

    def _look_for_replay(self, submission: Submission, asked_at: float) -> None:
        found = evidence.likely_replay(submission, self._book)
        if found is not None:
            submission.execution_id, submission.likely = found, True
            self.close(submission, submission.progress, submission.message)
        elif submission.progress is Progress.UNKNOWN and submission.waited(asked_at) >= REPLAY_ABSENT_AFTER:
            self.close(submission, Progress.ABSENT, "no run of it was seen: it seems not to have arrived")

    def _recovered(self, entry: Entry) -> Submission:
        return Submission(
            entry.kind,
            entry.target_id,
            entry.core_id,
            execution_id=entry.execution_id,
            resolution=entry.resolution,
            comment=entry.comment,
            value=entry.input,
            entity_id=entry.entity_id,
            # What the server took it did take; of all else nobody knows.
            progress=Progress.ACCEPTED if entry.progress is Progress.ACCEPTED else Progress.UNKNOWN,
            sent_at=self._clock.monotonic() - (self._clock.now() - entry.at),
            is_recovered=True,
            id=entry.id,
        )
