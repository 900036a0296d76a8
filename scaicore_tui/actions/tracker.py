"""Track the outcome of writes: record and publish each progress, confirm by evidence, look up lost responses.

It reads from the API, and never writes to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable

from scaicore_tui import timefmt
from scaicore_tui.actions import evidence
from scaicore_tui.actions.ledger import MAX_WRITE_S, OPEN_PROGRESS, Entry, Ledger
from scaicore_tui.actions.ledger_worker import LedgerWorker
from scaicore_tui.actions.submission import Kind, Progress, Submission
from scaicore_tui.actions.team import Team
from scaicore_tui.api.budget import Priority
from scaicore_tui.api.client import Client
from scaicore_tui.clock import Clock
from scaicore_tui.errors import Conflict, ScaicoreError
from scaicore_tui.log import Log, error_fields
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.protocol.checkpoints import RESOLVED
from scaicore_tui.runs import RunIndex
from scaicore_tui.runs.model import json_digest
from scaicore_tui.text import display_name

_log = Log(__name__)

# Statuses of a checkpoint that was closed without an answer, the likelier ones first. A server that does not know one
# rejects the request, or lists pending checkpoints.
_OTHER_CLOSED = ("expired", "cancelled", "failed")
# Pause after a look-up that found nothing. It doubles each time.
FIRST_PAUSE_S, MAX_PAUSE_S = 5.0, 60.0


class ResolutionLookup:
    """Looks up closed checkpoints, many with one listing. The pauses get longer while nothing is found."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._pause_s = FIRST_PAUSE_S
        self._next_at = 0.0
        self._asked_ids: Collection[str] = ()
        self._closed_ids: Collection[str] = ()

    async def find(self, wanted: Collection[str], closed: Collection[str]) -> dict[str, Checkpoint]:
        """Return the closed checkpoints among `wanted` by id.

        `closed` are the ids among them that are no longer pending: only these are also looked for in the other closed
        statuses. Sends nothing during a pause, unless one of the collections has a new id.
        """
        is_new = bool(set(wanted) - set(self._asked_ids) or set(closed) - set(self._closed_ids))
        if not wanted or not (is_new or self._clock.monotonic() >= self._next_at):
            return {}
        self._asked_ids, self._closed_ids = wanted, closed
        self._pause_s = FIRST_PAUSE_S if is_new else min(MAX_PAUSE_S, 2 * self._pause_s)
        found = await self._find_in(RESOLVED, wanted)
        for status in _OTHER_CLOSED:
            if missing := set(closed) - found.keys():
                found |= await self._find_in(status, missing)
        self._next_at = self._clock.monotonic() + self._pause_s
        return found

    async def _find_in(self, status: str, wanted: Collection[str]) -> dict[str, Checkpoint]:
        """Return the `wanted` checkpoints that have that status by id; none if the request fails."""
        try:
            return await self._client.find_checkpoints(wanted, status, priority=Priority.BACKFILL)
        except ScaicoreError:
            return {}


async def find_closed(client: Client, checkpoint_id: str) -> Checkpoint | None:
    """Return the checkpoint if it is closed; None if it is not found or the requests fail."""
    for status in (RESOLVED, *_OTHER_CLOSED):
        try:
            found = await client.find_checkpoints([checkpoint_id], status, priority=Priority.CHECKPOINTS)
        except ScaicoreError:
            continue
        if checkpoint_id in found:
            return found[checkpoint_id]
    return None


def describe_resolution(checkpoint: Checkpoint) -> str:
    """Return a text that says who resolved the checkpoint, when and how; or its status if it has no resolution."""
    if checkpoint.resolution is None:
        return f"the checkpoint is {display_name(checkpoint.status)}"
    who = display_name(checkpoint.resolved_by) if checkpoint.resolved_by else "somebody"
    when = f" at {display_name(checkpoint.resolved_at)}" if checkpoint.resolved_at else ""
    return f"already answered: {display_name(checkpoint.resolution)} by {who}{when}"


# A write whose response was lost counts as not received after this time without evidence: longer than any write may
# take. A timeout alone proves nothing: the server may still execute the write.
NOT_RECEIVED_AFTER_S = MAX_WRITE_S
# After this time the outcome of a write is no longer looked up: each look-up costs requests, or loads runs.
LOOKUP_WINDOW_S = 3_600.0


class SubmissionTracker:
    """The submissions of one session, oldest first.

    `on_changed` is called for each submission whose progress changed, `on_problem` when the ledger cannot be written or
    can be written again. `team` is the ledger that is shared with others, if there is one.
    """

    def __init__(
        self,
        client: Client,
        index: RunIndex,
        clock: Clock,
        on_changed: Callable[[Submission], None],
        ledger: Ledger,
        on_problem: Callable[[], None] = lambda: None,
        team: Team | None = None,
    ) -> None:
        self.submissions: list[Submission] = []
        self.ledger = ledger
        self.ledger_worker = LedgerWorker(ledger, on_problem)
        self.team = team
        self.on_changed = on_changed
        self._client = client
        self._index = index
        self._clock = clock
        self._started_at = clock.monotonic()
        self._pending: Collection[str] = ()
        self._pending_at = 0.0
        self._is_released = False
        self._lookup = ResolutionLookup(client, clock)
        self._lookup_lock = asyncio.Lock()

    @property
    def unknown(self) -> frozenset[str]:
        """The ids of targets with a write that may still arrive."""
        return frozenset(submission.target_id for submission in self.submissions if submission.is_unknown)

    def add(self, submission: Submission) -> None:
        """Add a submission that is about to be sent."""
        self.submissions.append(submission)
        _log_progress(submission)
        self.on_changed(submission)

    def set_progress(self, submission: Submission, progress: Progress, message: str) -> None:
        """Set the progress, record it in the ledger, and publish the change."""
        submission.progress, submission.message = progress, message
        _log_progress(submission)
        # A recorded run allows the next replay. For a write of another process, a likely run is not enough for that.
        is_sure = submission.is_replay and not (submission.is_likely_match and submission.is_recovered)
        execution_id = submission.execution_id if is_sure else None
        facts = {"message": message, "request_id": submission.request_id, "execution_id": execution_id}
        if submission.sent_at is not None:
            self.ledger_worker.record(submission.id, self._clock.now(), progress, **facts)
            if self.team is not None:
                self.team.record(submission)
        self.on_changed(submission)

    def mark_failed(self, submission: Submission, error: ScaicoreError, progress: Progress) -> None:
        """Set `progress` after an error of the server or of the connection."""
        submission.request_id, submission.failure = error.request_id, error
        self.set_progress(submission, progress, str(error))

    def mark_not_sent(self, submission: Submission, error: ScaicoreError) -> None:
        """Mark a submission that failed before the POST: `conflict` if the checkpoint is closed, else `not sent`."""
        is_conflict = isinstance(error, Conflict)
        self.mark_failed(submission, error, Progress.CONFLICT if is_conflict else Progress.NOT_SENT)

    async def check_response(self, submission: Submission, checkpoint: Checkpoint, message: str) -> None:
        """Compare the server's response with what was sent: accept only if `checkpoint` has the same resolution."""
        if checkpoint.id != submission.target_id:
            submission.request_id = None
            text = f"sent, but the response is about {display_name(checkpoint.id)}: looking up the outcome"
            self.set_progress(submission, Progress.UNKNOWN, text)
            await self.look_up()
        elif evidence.why_contradicted(checkpoint, submission) is not None:
            self.set_progress(submission, Progress.CONFLICT, describe_resolution(checkpoint))
        else:
            self.mark_accepted(submission, checkpoint, message)
            self.observe()

    def mark_accepted(self, submission: Submission, checkpoint: Checkpoint, message: str) -> None:
        """Mark the answer as accepted by the server."""
        submission.is_resolved = checkpoint.status == RESOLVED
        submission.resolved_at = timefmt.parse(checkpoint.resolved_at)
        self.set_progress(submission, Progress.ACCEPTED, message)

    async def mark_conflict(self, submission: Submission, reason: str) -> None:
        """Mark a conflict: the checkpoint was already closed. Its current state is the message, else `reason`."""
        row = await find_closed(self._client, submission.target_id)
        self.set_progress(submission, Progress.CONFLICT, describe_resolution(row) if row else reason)

    def recover(self, entries: Iterable[Entry] | None = None) -> list[Submission]:
        """Take over the unfinished writes of processes that have ended, and return them.

        `entries` are all entries of the ledger; None reads them here, which blocks.
        """
        now, identity = self._clock.now(), self._client.identity
        known = {submission.id for submission in self.submissions}
        entries = self.ledger_worker.read_entries() if entries is None else entries
        # An entry with a shortened input is too old to look for its run.
        unfinished = [one for one in entries if one.is_open and one.input_size is None and one.id not in known]
        found = [
            self._from_entry(entry) for entry in unfinished if entry.is_sent_to(identity) and entry.is_orphaned(now)
        ]
        for submission in found:
            if submission.is_replay:
                self.follow_replay(submission)
            self.add(submission)
            self.set_progress(
                submission, submission.progress, "the process that sent it has ended: looking up the outcome"
            )
        return found

    def follow_replay(self, submission: Submission) -> None:
        """Keep the runs with the input of a replay in memory from now on."""
        self._index.follow_input(json_digest(submission.value))

    def release(self) -> None:
        """Release the unfinished writes, so that the next session takes them over. Done once: it may already have."""
        if self._is_released:
            return
        self._is_released = True
        for submission in self.submissions:
            if submission.sent_at is not None and submission.progress in OPEN_PROGRESS:
                self.ledger_worker.release(submission.id)

    def observe(
        self, pending: Collection[str] | None = None, asked_at: float = 0.0, read_at: float | None = None
    ) -> None:
        """Update the progress of all unfinished submissions by the evidence in the feed.

        `pending` are the ids of the pending checkpoints, requested at `asked_at`. `read_at` is the time up to which all
        events were read, None if some are missing. Times are in monotonic seconds.
        """
        if pending is not None:
            self._pending, self._pending_at = pending, asked_at
        for submission in filter(self._is_observed, self.submissions):
            if submission.is_replay:
                self._observe_replay(submission, read_at)
            elif self._is_not_received(submission, pending, asked_at):
                submission.failure = None
                self.set_progress(
                    submission, Progress.NOT_RECEIVED, "not received by the server: the checkpoint is still pending"
                )
            elif self._is_confirmed(submission):
                has_run = submission.execution_id is not None
                message = "the run has continued" if has_run else "the checkpoint is resolved and belongs to no run"
                self.set_progress(submission, Progress.CONFIRMED, message)

    async def look_up(self) -> None:
        """Look up all answers with an open outcome, with one listing. If a request fails, nothing changes."""
        async with self._lookup_lock:
            wanted = {submission.target_id for submission in filter(self._needs_lookup, self.submissions)}
            closed = {
                submission.target_id
                for submission in filter(self._needs_lookup, self.submissions)
                if self._is_listed_since(submission) and submission.target_id not in self._pending
            }
            found = await self._lookup.find(wanted, closed)
            for submission in filter(self._needs_lookup, tuple(self.submissions)):
                if (row := found.get(submission.target_id)) is not None:
                    self._apply_found(submission, row)
        self.observe()

    def _apply_found(self, submission: Submission, checkpoint: Checkpoint) -> None:
        """Update a submission by its closed checkpoint."""
        submission.failure = None
        if evidence.why_contradicted(checkpoint, submission) is not None:
            self.set_progress(submission, Progress.CONFLICT, describe_resolution(checkpoint))
        elif checkpoint.resolution is not None or submission.progress is Progress.ACCEPTED:
            self.mark_accepted(submission, checkpoint, f"the answer was received: {describe_resolution(checkpoint)}")
        else:
            # The server will report nothing more about it.
            submission.is_resolved = True
            message = "the checkpoint is resolved, but the server does not say with which answer"
            self.set_progress(submission, submission.progress, message)

    def _needs_lookup(self, submission: Submission) -> bool:
        is_known = submission.is_resolved or submission.progress is Progress.SENDING or self._is_pending(submission)
        return self._is_in_lookup_window(submission) and not is_known and not submission.is_replay

    def _is_observed(self, submission: Submission) -> bool:
        """Return True if evidence may still change it. Without limit for unknown outcomes: it costs no request."""
        is_open = submission.progress is Progress.UNKNOWN or self._is_in_lookup_window(submission)
        return is_open and submission.sent_at is not None

    def _is_in_lookup_window(self, submission: Submission) -> bool:
        since = max(self._started_at, submission.sent_at or 0.0)
        return not submission.is_final and self._clock.monotonic() - since < LOOKUP_WINDOW_S

    def _is_pending(self, submission: Submission) -> bool:
        """Return True if its checkpoint was still listed as pending after it was sent."""
        return submission.target_id in self._pending and self._is_listed_since(submission)

    def _is_listed_since(self, submission: Submission) -> bool:
        """Return True if the pending checkpoints were listed after it was sent."""
        return self._pending_at > (submission.sent_at or 0.0)

    def _is_not_received(self, submission: Submission, pending: Collection[str] | None, asked_at: float) -> bool:
        is_pending = pending is not None and submission.target_id in pending
        is_due = submission.age(asked_at) >= NOT_RECEIVED_AFTER_S
        return submission.progress is Progress.UNKNOWN and is_pending and is_due

    def _is_confirmed(self, submission: Submission) -> bool:
        is_accepted = submission.progress is Progress.ACCEPTED and submission.is_resolved
        return is_accepted and evidence.run_progressed(submission, self._index)

    def _observe_replay(self, submission: Submission, read_at: float | None) -> None:
        skew, taken = self._client.clock_skew, self._started_by_others(submission)
        if submission.execution_id is not None:
            self._index.follow(submission.execution_id)
        self._drop_wrong_run(submission, skew)
        proven = evidence.proven_replay(submission, self._index, skew, taken)
        if proven is not None:
            submission.execution_id, submission.is_likely_match = proven, False
            self.set_progress(submission, Progress.CONFIRMED, "the new run is in the feed")
        elif submission.execution_id is None:
            found = evidence.likely_replay(submission, self._index, skew, taken)
            if found is not None:
                submission.execution_id, submission.is_likely_match = found, True
                self.set_progress(submission, submission.progress, submission.message)
            elif submission.progress is Progress.UNKNOWN and submission.age(read_at or 0.0) >= NOT_RECEIVED_AFTER_S:
                self.set_progress(
                    submission, Progress.NOT_RECEIVED, "no new run appeared: the server seems not to have received it"
                )

    def _drop_wrong_run(self, submission: Submission, skew: float) -> None:
        """Drop the run that the response named if it cannot be the replay."""
        is_named = submission.execution_id is not None and not submission.is_likely_match
        reason = evidence.why_not_named(submission, self._index, skew) if is_named else None
        if reason is not None:
            message = f"{submission.message} · not as run {display_name(submission.execution_id or '')}: {reason}"
            submission.execution_id, submission.is_likely_match = None, False
            self.set_progress(submission, submission.progress, message)

    def _started_by_others(self, submission: Submission) -> set[str]:
        """Return the ids of runs that other replays started, proven or likely: a run belongs to one replay only."""
        others = (other for other in self.submissions if other is not submission and other.is_replay)
        return {other.execution_id for other in others if other.execution_id is not None}

    def _from_entry(self, entry: Entry) -> Submission:
        return Submission(
            entry.kind,
            entry.target_id,
            entry.core_id,
            # The run of a replay is looked for again: the recorded one may have been only likely.
            execution_id=None if entry.kind is Kind.REPLAY else entry.execution_id,
            resolution=entry.resolution,
            comment=entry.comment,
            value=entry.input,
            entity_id=entry.entity_id,
            # Only an accepted write is certain; the outcome of any other is unknown.
            progress=Progress.ACCEPTED if entry.progress is Progress.ACCEPTED else Progress.UNKNOWN,
            sent_at=self._clock.monotonic() - (self._clock.now() - entry.at),
            sent_time=entry.at,
            is_recovered=True,
            id=entry.id,
        )


def _log_progress(submission: Submission) -> None:
    """Log the progress of a write; its answer, comment, input and messages stay out of the log."""
    if not _log.is_on:
        return
    failure = {} if submission.failure is None else error_fields(submission.failure)
    _log.info(
        "submission",
        **failure
        | {
            "id": submission.id,
            "kind": str(submission.kind),
            "target_id": submission.target_id,
            "core_id": submission.core_id,
            "execution_id": submission.execution_id,
            "is_likely_match": submission.is_likely_match or None,
            "progress": str(submission.progress),
            "request_id": submission.request_id,
        },
    )
