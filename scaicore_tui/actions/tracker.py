"""What came of the writes: each state is written down and told; evidence confirms, and what was lost is looked up.

It asks and compares, and never writes to the API.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable

from scaicore_tui import timefmt
from scaicore_tui.actions import evidence
from scaicore_tui.actions.ledger import LONGEST_WAIT, OPEN, Entry, Ledger
from scaicore_tui.actions.ledger_worker import LedgerWorker
from scaicore_tui.actions.submission import Kind, Progress, Submission
from scaicore_tui.api.budget import Priority
from scaicore_tui.api.client import Client
from scaicore_tui.clock import Clock
from scaicore_tui.errors import Conflict, ScaicoreError
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.protocol.checkpoints import RESOLVED
from scaicore_tui.runs import RunIndex
from scaicore_tui.text import display_name

# How a checkpoint may end without an answer, likelier ones first. A backend that does not know one of them refuses it,
# or answers with pending ones.
_OTHERS = ("expired", "cancelled", "failed")
# Seconds from one look-up that found nothing to the next: it doubles.
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 60.0


class ResolutionLookup:
    """Looks up several checkpoints with one listing, and less often the longer that finds nothing new."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._pause = FIRST_PAUSE
        self._next_at = 0.0
        self._asked: Collection[str] = ()
        self._ended: Collection[str] = ()

    async def find(self, wanted: Collection[str], ended: Collection[str]) -> dict[str, Checkpoint]:
        """Return those of `wanted` that were found, as they ended.

        `ended` are those of them that are known to be pending no longer: only for these it asks for other ends than an
        answer. Asks nothing before its time, unless there is a new one in either.
        """
        is_new = bool(set(wanted) - set(self._asked) or set(ended) - set(self._ended))
        if not wanted or not (is_new or self._clock.monotonic() >= self._next_at):
            return {}
        self._asked, self._ended = wanted, ended
        self._pause = FIRST_PAUSE if is_new else min(LONGEST_PAUSE, 2 * self._pause)
        found = await self._find_in(RESOLVED, wanted)
        for status in _OTHERS:
            if missing := set(ended) - found.keys():
                found |= await self._find_in(status, missing)
        self._next_at = self._clock.monotonic() + self._pause
        return found

    async def _find_in(self, status: str, wanted: Collection[str]) -> dict[str, Checkpoint]:
        """Return those that the listing of one status has; none where the server can't be asked."""
        try:
            return await self._client.find_checkpoints(wanted, status, priority=Priority.BACKFILL)
        except ScaicoreError:
            return {}


async def find_closed(client: Client, checkpoint_id: str) -> Checkpoint | None:
    """The checkpoint, as it ended; None where it is not found, or where the server can't be asked."""
    for status in (RESOLVED, *_OTHERS):
        try:
            found = await client.find_checkpoints([checkpoint_id], status, priority=Priority.CHECKPOINTS)
        except ScaicoreError:
            continue
        if checkpoint_id in found:
            return found[checkpoint_id]
    return None


def describe_resolution(row: Checkpoint) -> str:
    """Who answered it, when, and how; or what else became of it."""
    if row.resolution is None:
        return f"it is {display_name(row.status)}"
    who = display_name(row.resolved_by) if row.resolved_by else "somebody"
    when = display_name(row.resolved_at) if row.resolved_at else "some time"
    return f"answered already: {display_name(row.resolution)} by {who} at {when}"


# Seconds without a trace after which a write whose answer was lost counts as not arrived: longer than any may take. Its
# answer being late proves nothing: whoever did not wait for it may still have it done.
ABSENT_AFTER = LONGEST_WAIT
# After so many seconds nobody looks any more for what became of a write: each look costs requests, or reads runs.
LOOKUP_WINDOW_S = 3_600.0


class SubmissionTracker:
    """The submissions of one session, oldest first. `changed` is called whenever one moved on, and `on_problem` when
    trouble of the `records` with the ledger began or ended."""

    def __init__(
        self,
        client: Client,
        book: RunIndex,
        clock: Clock,
        changed: Callable[[Submission], None],
        ledger: Ledger,
        on_problem: Callable[[], None] = lambda: None,
    ) -> None:
        self.submissions: list[Submission] = []
        self.ledger = ledger
        self.records = LedgerWorker(ledger, on_problem)
        self.changed = changed
        self._client = client
        self._book = book
        self._clock = clock
        self._began = clock.monotonic()
        self._pending: Collection[str] = ()
        self._pending_at = 0.0
        self._is_left = False
        self._look_up = ResolutionLookup(client, clock)
        self._turn = asyncio.Lock()

    @property
    def unknown(self) -> frozenset[str]:
        """The targets with a write that may still arrive."""
        return frozenset(submission.target_id for submission in self.submissions if submission.is_unknown)

    def add(self, submission: Submission) -> None:
        """It is on its way."""
        self.submissions.append(submission)
        self.changed(submission)

    def set_progress(self, submission: Submission, progress: Progress, message: str) -> None:
        """It got this far: write that down, and tell."""
        submission.progress, submission.message = progress, message
        # A likely run must not be what lets others send again a write that another process began.
        is_sure = submission.is_replay and not (submission.is_likely_match and submission.is_recovered)
        found = submission.execution_id if is_sure else None
        facts = {"message": message, "request_id": submission.request_id, "execution_id": found}
        if submission.sent_at is not None:
            self.records.record(submission.id, self._clock.now(), progress, **facts)
        self.changed(submission)

    def mark_failed(self, submission: Submission, error: ScaicoreError, progress: Progress) -> None:
        """The server, or the way to it, said no."""
        submission.request_id, submission.failure = error.request_id, error
        self.set_progress(submission, progress, str(error))

    def not_sent(self, submission: Submission, error: ScaicoreError) -> None:
        """It failed before the POST: nothing was sent. Where that is because somebody was faster, it is a conflict."""
        is_late = isinstance(error, Conflict)
        self.mark_failed(submission, error, Progress.CONFLICT if is_late else Progress.NOT_SENT)

    async def judge(self, submission: Submission, row: Checkpoint, message: str) -> None:
        """Compare what the server answered with what was sent: it is accepted only where `row` says the same."""
        if row.id != submission.target_id:
            submission.request_id = None
            words = f"sent, but the answer is about {display_name(row.id)}: what came of it is looked up"
            self.set_progress(submission, Progress.UNKNOWN, words)
            await self.look_up()
        elif evidence.contradiction(row, submission) is not None:
            self.set_progress(submission, Progress.CONFLICT, describe_resolution(row))
        else:
            self.mark_accepted(submission, row, message)
            self.observe()

    def mark_accepted(self, submission: Submission, row: Checkpoint, message: str) -> None:
        """The server took the answer."""
        submission.is_resolved = row.status == RESOLVED
        submission.resolved_at = timefmt.parse(row.resolved_at)
        self.set_progress(submission, Progress.ACCEPTED, message)

    async def mark_conflict(self, submission: Submission, reason: str) -> None:
        """Somebody was faster, or it expired: say what the checkpoint says now."""
        row = await find_closed(self._client, submission.target_id)
        self.set_progress(submission, Progress.CONFLICT, describe_resolution(row) if row else reason)

    def recover(self, entries: Iterable[Entry] | None = None) -> list[Submission]:
        """Take over what others had sent to this API, and were gone before they told the end of.

        `entries` are those of the ledger, as `records` read them off the event loop; None reads them here.
        """
        now, identity = self._clock.now(), self._client.identity
        known = {submission.id for submission in self.submissions}
        kept = self.records.entries_now() if entries is None else entries
        # What was accepted so long ago that its input is shortened is not looked for any more.
        open_ones = [entry for entry in kept if entry.is_open and entry.input_size is None and entry.id not in known]
        found = [self._recovered(entry) for entry in open_ones if entry.is_sent_to(identity) and entry.is_orphan(now)]
        for submission in found:
            self.add(submission)
            self.set_progress(submission, submission.progress, "whoever sent it is gone: looking it up")
        return found

    def release(self) -> None:
        """Nobody waits for what came of these any more: the next session takes them over. Said once: it may have."""
        if self._is_left:
            return
        self._is_left = True
        for submission in self.submissions:
            if submission.sent_at is not None and submission.progress in OPEN:
                self.records.release(submission.id)

    def observe(
        self, pending: Collection[str] | None = None, asked_at: float = 0.0, read_at: float | None = None
    ) -> None:
        """Compare what is under way with what the feed shows now; evidence confirms.

        `pending` are the ids of the pending checkpoints, as they were asked for at `asked_at`. All events until
        `read_at` were read; None where some are missing. Both are in monotonic seconds.
        """
        if pending is not None:
            self._pending, self._pending_at = pending, asked_at
        for submission in filter(self._is_observed, self.submissions):
            if submission.is_replay:
                self._observe_replay(submission, read_at)
            elif self._is_absent(submission, pending, asked_at):
                submission.failure = None
                self.set_progress(
                    submission, Progress.NOT_RECEIVED, "it did not arrive: the checkpoint is pending still"
                )
            elif self._is_confirmed(submission):
                has_run = submission.execution_id is not None
                words = "the run moved on" if has_run else "it is resolved, and names no run to follow"
                self.set_progress(submission, Progress.CONFIRMED, words)

    async def look_up(self) -> None:
        """Ask the server about all answers that are not known to have been taken, with one listing; trouble leaves
        things as they are."""
        async with self._turn:
            asked = {submission.target_id for submission in filter(self._is_asked_about, self.submissions)}
            ended = {
                submission.target_id
                for submission in filter(self._is_asked_about, self.submissions)
                if self._is_listed_since(submission) and submission.target_id not in self._pending
            }
            found = await self._look_up.find(asked, ended)
            for submission in filter(self._is_asked_about, tuple(self.submissions)):
                if (row := found.get(submission.target_id)) is not None:
                    self._take_found(submission, row)
        self.observe()

    def _take_found(self, submission: Submission, row: Checkpoint) -> None:
        """The checkpoint of a write whose answer was lost was found, as it ended."""
        submission.failure = None
        if evidence.contradiction(row, submission) is not None:
            self.set_progress(submission, Progress.CONFLICT, describe_resolution(row))
        elif row.resolution is not None or submission.progress is Progress.ACCEPTED:
            self.mark_accepted(submission, row, f"it did arrive: {describe_resolution(row)}")
        else:
            # Nothing more will be told of it.
            submission.is_resolved = True
            words = "it is resolved, but the server does not tell with which answer"
            self.set_progress(submission, submission.progress, words)

    def _is_asked_about(self, submission: Submission) -> bool:
        is_known = submission.is_resolved or submission.progress is Progress.SENDING or self._is_pending(submission)
        return self._is_looked_for(submission) and not is_known and not submission.is_replay

    def _is_observed(self, submission: Submission) -> bool:
        """Whether evidence may still move it: that costs no request, and what is unknown must not stay so for ever."""
        is_open = submission.progress is Progress.UNKNOWN or self._is_looked_for(submission)
        return is_open and submission.sent_at is not None

    def _is_looked_for(self, submission: Submission) -> bool:
        since = max(self._began, submission.sent_at or 0.0)
        return not submission.is_settled and self._clock.monotonic() - since < LOOKUP_WINDOW_S

    def _is_pending(self, submission: Submission) -> bool:
        """Whether its checkpoint was still pending after it was sent: then nobody answered it, as far as is known."""
        return submission.target_id in self._pending and self._is_listed_since(submission)

    def _is_listed_since(self, submission: Submission) -> bool:
        """Whether what is pending was listed after it was sent."""
        return self._pending_at > (submission.sent_at or 0.0)

    def _is_absent(self, submission: Submission, pending: Collection[str] | None, asked_at: float) -> bool:
        is_pending = pending is not None and submission.target_id in pending
        waited = submission.age(asked_at)
        return submission.progress is Progress.UNKNOWN and is_pending and waited >= ABSENT_AFTER

    def _is_confirmed(self, submission: Submission) -> bool:
        is_taken = submission.progress is Progress.ACCEPTED and submission.is_resolved
        return is_taken and evidence.run_progressed(submission, self._book)

    def _observe_replay(self, submission: Submission, read_at: float | None) -> None:
        skew, taken = self._client.clock_skew, self._started_by_others(submission)
        self._drop_wrong_run(submission, skew)
        proven = evidence.proven_replay(submission, self._book, skew, taken)
        if proven is not None:
            submission.execution_id, submission.is_likely_match = proven, False
            self.set_progress(submission, Progress.CONFIRMED, "the run is on the feed")
        elif submission.execution_id is None:
            found = evidence.likely_replay(submission, self._book, skew, taken)
            if found is not None:
                submission.execution_id, submission.is_likely_match = found, True
                self.set_progress(submission, submission.progress, submission.message)
            elif submission.progress is Progress.UNKNOWN and submission.age(read_at or 0.0) >= ABSENT_AFTER:
                self.set_progress(
                    submission, Progress.NOT_RECEIVED, "no run of it was seen: it seems not to have arrived"
                )

    def _drop_wrong_run(self, submission: Submission, skew: float) -> None:
        """Believe no answer that names a run which can't be the replay."""
        is_named = submission.execution_id is not None and not submission.is_likely_match
        reason = evidence.why_not_named(submission, self._book, skew) if is_named else None
        if reason is not None:
            words = f"{submission.message} · not as {display_name(submission.execution_id or '')}: {reason}"
            submission.execution_id, submission.is_likely_match = None, False
            self.set_progress(submission, submission.progress, words)

    def _started_by_others(self, submission: Submission) -> set[str]:
        """The runs that other replays started, for sure or likely: no run is the replay of two."""
        others = (other for other in self.submissions if other is not submission and other.is_replay)
        return {other.execution_id for other in others if other.execution_id is not None}

    def _recovered(self, entry: Entry) -> Submission:
        return Submission(
            entry.kind,
            entry.target_id,
            entry.core_id,
            # Of a replay it is found again: what was written down may have been likely only.
            execution_id=None if entry.kind is Kind.REPLAY else entry.execution_id,
            resolution=entry.resolution,
            comment=entry.comment,
            value=entry.input,
            entity_id=entry.entity_id,
            # What the server took it did take; of all else nobody knows.
            progress=Progress.ACCEPTED if entry.progress is Progress.ACCEPTED else Progress.UNKNOWN,
            sent_at=self._clock.monotonic() - (self._clock.now() - entry.at),
            sent_time=entry.at,
            is_recovered=True,
            id=entry.id,
        )
