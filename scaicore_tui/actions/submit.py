"""Send writes. The only module that sends POSTs: check the gate, claim the write in the ledger, send it once.

`SubmissionTracker` finds out the outcome. Nothing is ever sent twice automatically.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from msgspec.structs import replace

from scaicore_tui import errors
from scaicore_tui.actions import gate
from scaicore_tui.actions.ledger import Entry
from scaicore_tui.actions.ledger_worker import CANCELLED_MESSAGE
from scaicore_tui.actions.shared_writes import CLAIM_LIFETIME_S, NOTHING_SENT
from scaicore_tui.actions.submission import MIN_POSITION, Kind, Progress, Submission, latest_by_target
from scaicore_tui.actions.team import Team
from scaicore_tui.actions.tracker import SubmissionTracker
from scaicore_tui.analysis.review_form import asked_words
from scaicore_tui.api.budget import Priority
from scaicore_tui.api.client import Client
from scaicore_tui.clock import Clock
from scaicore_tui.config import Caller
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.protocol.checkpoints import Option
from scaicore_tui.protocol.lenient_json import as_text
from scaicore_tui.protocol.strict_json import StrictJson, encode_strict, parse_strict
from scaicore_tui.runs import Run, RunIndex
from scaicore_tui.text import display_name, quote


def captured_input(run: Run) -> StrictJson:
    """Return the input of `run` as its start event contains it.

    If that text is not strict JSON (a raw control character in a string, say), encode its value again. Raises
    UsageError if that is not possible either.
    """
    source = run.input_json
    if source is not None:
        try:
            return parse_strict(source.decode())
        except ValueError:
            pass
    return encode_strict(run.input)


def replay_input(run: Run, value: Any, *, given_input: bool) -> StrictJson:
    """Return the input that a replay of `run` sends: the captured one, or `value` if `given_input`.

    Raises UsageError if `value` cannot be encoded as JSON.
    """
    if not given_input:
        return captured_input(run)
    return value if isinstance(value, StrictJson) else encode_strict(value)


# After a failed write the outcome is looked up at once, unless the request budget delays that longer than this.
MAX_LOOKUP_WAIT_S = 2.0


class Submitter:
    """Sends the writes of one session.

    `stale` returns why the checkpoints, and why the runs, are too old to act on; empty texts if they are not.
    """

    def __init__(
        self,
        client: Client,
        index: RunIndex,
        clock: Clock,
        tracker: SubmissionTracker,
        stale: Callable[[], tuple[str, str]],
    ) -> None:
        self._client = client
        self._index = index
        self._clock = clock
        self._tracker = tracker
        self._stale = stale
        # By is_replay: the server's message about a missing permission, and the number of token renewals at that time.
        self._forbidden: dict[bool, tuple[str, int]] = {}
        target = client.target
        # An API on this machine may need no token.
        lacks_token = not (target.has_credential or target.is_loopback)
        self._context = gate.WriteContext(target.offline, target.read_only, target.protected, lacks_token)

    @property
    def submissions(self) -> list[Submission]:
        """All writes of this session, oldest first."""
        return self._tracker.submissions

    @property
    def write_context(self) -> gate.WriteContext:
        """The facts that the gate checks, as they are now."""
        stale, stale_runs = self._stale()
        return replace(
            self._context,
            stale_checkpoints=stale,
            stale_runs=stale_runs,
            unknown=self._tracker.unknown,
            answers=latest_by_target(sent for sent in self._tracker.submissions if not sent.is_replay),
            forbidden_answers=self._why_forbidden(replays=False),
            forbidden_replays=self._why_forbidden(replays=True),
            others={} if self._tracker.team is None else self._tracker.team.view.writes,
        )

    @contextmanager
    def attempt(self, submission: Submission) -> Iterator[None]:
        """List `submission` as being sent while the block runs; mark it as not sent if the block fails before the POST.

        Other writes to its target are blocked meanwhile. Raises UsageError if this session cannot write, or an earlier
        write blocks this one. An error before the POST is raised with the description of the write in front.
        """
        _require(gate.why_no_writes(self.write_context))
        reason = gate.why_target_blocked(self.write_context, submission.target_id)
        submission.progress = Progress.SENDING if reason is None else Progress.NOT_SENT
        self._tracker.add(submission)
        if reason is not None:
            cause = errors.UsageError(reason, effect=NOTHING_SENT)
            raise self._not_sent(submission, cause) from cause
        self._set_busy(submission, busy=True)
        try:
            yield
        except errors.ScaicoreError as error:
            if submission.sent_at is not None:
                raise
            raise self._not_sent(submission, error) from error
        except asyncio.CancelledError:
            if submission.sent_at is None:
                self._not_sent(
                    submission, errors.UsageError("the program ended before it was sent", effect=NOTHING_SENT)
                )
            raise
        finally:
            self._set_busy(submission, busy=False)
            self._tracker.on_changed(submission)

    async def answer(self, submission: Submission, checkpoint: Checkpoint, *, typed: str | None = None) -> None:
        """Resolve `checkpoint` once, if it is still pending when read again just before. Call it inside an `attempt`.

        `typed` is the confirmation that a protected profile requires. Raises UsageError if the gate or the ledger
        rejects it, and any error of reading the checkpoint again. A rejection by the server is in the submission.
        """
        option_id = submission.resolution or ""
        _require(gate.why_not_answer(self._context_in_attempt, checkpoint, option_id))
        option = checkpoint.find_option(option_id) or Option(option_id)
        _require(gate.why_not_confirmed(self._context, gate.confirmation_words(checkpoint.options, option.id), typed))
        _set_run(submission, checkpoint)
        # In the form in which a resolved checkpoint contains it.
        submission.resolution = as_text(option.value_to_send) or option.id
        submission.arrivals_before = self._index.follow(checkpoint.execution_id or "")
        row = await self._client.find_checkpoint(submission.target_id, priority=Priority.WRITE)
        if row is None:
            await self._tracker.mark_conflict(submission, "it is no longer pending: nothing was sent")
            return
        _require(gate.why_not_answer(gate.WriteContext(), row, option_id))
        await self._claim(submission)
        await self._resolve(submission, (row.find_option(option_id) or option).value_to_send)

    async def replay(
        self,
        submission: Submission,
        run: Run,
        value: Any = None,
        *,
        given_input: bool = False,
        typed: str | None = None,
    ) -> None:
        """Invoke the run's Core once more, with its captured input, or with `value` if `given_input`. Call it inside an
        `attempt`.

        `typed` is the confirmation that a protected profile requires: the id of the Core. Raises UsageError if the gate
        or the ledger rejects it. Returns when the server responds, which may take minutes.
        """
        _require(gate.why_not_replay(self._context_in_attempt, run, given_input))
        _require(gate.why_not_confirmed(self._context, [run.core_id], typed))
        sent = replay_input(run, value, given_input=given_input)
        submission.value, submission.input_json = sent.value, sent.source
        self._record_start(submission, is_claimed=False)
        await self._claim(submission)
        await self._invoke(submission)
        self._tracker.observe()

    @property
    def _context_in_attempt(self) -> gate.WriteContext:
        """The facts for the gate inside an `attempt`, which has found its target free, and reads it again."""
        return replace(self.write_context, busy=frozenset(), unknown=frozenset(), answers={})

    def _set_busy(self, submission: Submission, *, busy: bool) -> None:
        target = {submission.target_id}
        before = self._context.busy
        self._context = replace(self._context, busy=before | target if busy else before - target)

    def _not_sent(self, submission: Submission, error: errors.ScaicoreError) -> errors.ScaicoreError:
        """Mark `submission` as not sent; return the error with the description of the write in front."""
        self._tracker.mark_not_sent(submission, error)
        return type(error)(
            f"{submission.description}: {submission.progress}: {error.message}",
            effect=error.effect or NOTHING_SENT,
            hint=error.hint,
            request_id=error.request_id,
            status=error.status,
            retry_after=error.retry_after,
        )

    async def _claim(self, submission: Submission) -> None:
        """Record the write in the ledger, synced to disk, before it is sent; and then in that of the team.

        Raises UsageError or Conflict if an earlier write blocks it, StorageError if it cannot be recorded.
        """
        sent_at, sent_time = self._clock.monotonic(), self._clock.now()
        entry = self._entry(submission, sent_time)
        _require(await self._tracker.ledger_worker.claim(entry))
        if self._tracker.team is not None:
            await self._claim_for_team(self._tracker.team, entry)
        submission.sent_at, submission.sent_time = sent_at, sent_time

    async def _claim_for_team(self, team: Team, entry: Entry) -> None:
        """Claim the write in the ledger of the team; if that fails, note here that nothing was sent."""
        try:
            await team.claim(entry)
        except (errors.ScaicoreError, asyncio.CancelledError) as error:
            progress = Progress.CONFLICT if isinstance(error, errors.Conflict) else Progress.NOT_SENT
            message = str(error) or CANCELLED_MESSAGE
            self._tracker.ledger_worker.record(entry.id, self._clock.now(), progress, message=message)
            raise

    def _require_fresh_claim(self, submission: Submission) -> None:
        """Raise an error if the claim is too old: this machine may have slept, and somebody else may answer by now."""
        is_old = submission.age(self._clock.monotonic()) > CLAIM_LIFETIME_S
        if is_old and self._tracker.team is not None:
            error = errors.TimedOut("it could not be sent in time", effect=NOTHING_SENT, hint="try again")
            error.is_unsent = True
            raise error

    async def _resolve(self, submission: Submission, value: Any) -> None:
        """Send the `value` of an option, with the JSON type that the checkpoint lists."""
        resolution = submission.resolution or ""
        try:
            with self._unknown_on_cancel(submission):
                sending = partial(self._require_fresh_claim, submission)
                row = await self._client.resolve(submission.target_id, value, submission.comment, sending)
        except (errors.Conflict, errors.NotFound) as error:
            submission.request_id, submission.failure = error.request_id, error
            await self._tracker.mark_conflict(submission, str(error))
        except errors.ScaicoreError as error:
            self._handle_error(submission, error)
            if self._client.budget.wait_time(Priority.BACKFILL) < MAX_LOOKUP_WAIT_S:
                await self._tracker.look_up()
        else:
            message = f"{display_name(row.status)}: {display_name(row.resolution or resolution)}"
            await self._tracker.check_response(submission, row, message)

    async def _invoke(self, submission: Submission) -> None:
        try:
            given = StrictJson(submission.value, submission.input_json or b"null")
            with self._unknown_on_cancel(submission):
                sending = partial(self._record_start, submission)
                invocation = await self._client.invoke(str(submission.core_id), given, submission.entity_id, sending)
        except errors.ScaicoreError as error:
            self._handle_error(submission, error)
            return
        submission.request_id = invocation.request_id
        if invocation.core_id not in (None, submission.core_id):
            message = f"sent, but the response is about another Core: {display_name(invocation.core_id or '')}"
            self._tracker.set_progress(submission, Progress.UNKNOWN, message)
            return
        submission.output, submission.duration_ms = invocation.output, invocation.duration_ms
        if invocation.execution_id:
            submission.execution_id, submission.is_likely_match = invocation.execution_id, False
        failed = f"; the response contains an error: {quote(invocation.error)}" if invocation.error else ""
        self._tracker.set_progress(submission, Progress.ACCEPTED, f"invoked{failed}")

    def _record_start(self, submission: Submission, *, is_claimed: bool = True) -> None:
        """Record the newest run before the replay is sent: only later runs can be its own.

        Called again right before the POST: the request budget may delay it after the claim, while others start runs
        with the same input.
        """
        newest = self._index.newest_position
        submission.position_before = MIN_POSITION if newest is None else newest
        self._tracker.follow_replay(submission)
        if is_claimed:
            submission.sent_at, submission.sent_time = self._clock.monotonic(), self._clock.now()

    @contextmanager
    def _unknown_on_cancel(self, submission: Submission) -> Iterator[None]:
        """If cancelled before the response arrives, set the outcome to unknown: the next session looks it up."""
        try:
            yield
        except asyncio.CancelledError:
            self._tracker.set_progress(submission, Progress.UNKNOWN, "the program ended before the response arrived")
            raise

    def _handle_error(self, submission: Submission, error: errors.ScaicoreError) -> None:
        if isinstance(error, errors.PermissionDenied):
            self._forbidden[submission.is_replay] = (error.message, self._client.bearer.renewals)
        if error.is_unsent:
            self._tracker.mark_not_sent(submission, error)
            return
        is_lost = isinstance(error, errors.OutcomeUnknown)
        self._tracker.mark_failed(submission, error, Progress.UNKNOWN if is_lost else Progress.REFUSED)

    def _why_forbidden(self, *, replays: bool) -> str:
        """Return the server's message if the last write of that kind lacked a permission; else an empty text.

        A renewed token may have the permission: then the text is empty too.
        """
        reason, renewals = self._forbidden.get(replays, ("", 0))
        return reason if renewals == self._client.bearer.renewals else ""

    def _entry(self, submission: Submission, at: float) -> Entry:
        target, identity = self._client.target, self._client.identity
        caller = identity.caller or Caller()
        return Entry(
            id=submission.id,
            at=at,
            pid=os.getpid(),
            profile=target.name,
            host=target.host,
            kind=submission.kind,
            target_id=submission.target_id,
            core_id=submission.core_id,
            execution_id=submission.execution_id,
            resolution=submission.resolution,
            comment=submission.comment,
            input=submission.value,
            input_json=submission.input_json,
            entity_id=submission.entity_id,
            url=identity.url,
            subject=caller.subject,
            tenant=caller.tenant,
            key=caller.key,
        )


def _require(reason: str | None) -> None:
    if reason is not None:
        raise errors.UsageError(reason, effect=NOTHING_SENT)


def new_answer(checkpoint_id: str, checkpoint: Checkpoint | None, resolution: str, comment: str | None) -> Submission:
    """Return a new submission that answers a checkpoint; `checkpoint` is None if it is not known yet."""
    submission = Submission(Kind.ANSWER, checkpoint_id, None, resolution=resolution, comment=comment)
    if checkpoint is not None:
        _set_run(submission, checkpoint)
    return submission


def _set_run(submission: Submission, checkpoint: Checkpoint) -> None:
    """Set the kind, the Core, the run and what is asked from the checkpoint."""
    submission.kind = Kind.CONTINUE if checkpoint.is_breakpoint else Kind.ANSWER
    submission.core_id, submission.execution_id = checkpoint.core_id, checkpoint.execution_id
    submission.subject = asked_words(checkpoint)


def new_replay(run: Run, entity_id: str | None) -> Submission:
    """Return a new submission that replays `run`; its input is set later."""
    return Submission(Kind.REPLAY, run.execution_id, run.core_id, entity_id=entity_id)
