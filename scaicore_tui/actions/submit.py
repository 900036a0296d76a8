"""The only place that writes: asks the gate, claims the write in the ledger, and sends it, once.

What comes of it is for the outcomes to find out. Nothing is ever sent twice by itself.
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
from scaicore_tui.actions.submission import BEFORE_ALL, Kind, Progress, Submission
from scaicore_tui.actions.tracker import SubmissionTracker
from scaicore_tui.api.budget import Priority
from scaicore_tui.api.client import Client
from scaicore_tui.clock import Clock
from scaicore_tui.config import Caller
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.protocol.checkpoints import Option
from scaicore_tui.protocol.lenient_json import as_text
from scaicore_tui.protocol.strict_json import StrictJson, parse_strict, written
from scaicore_tui.runs import Run, RunIndex
from scaicore_tui.text import display_name, quote


def captured_input(run: Run) -> StrictJson:
    """Return the input of `run` as its start told it.

    Where that is no strict JSON (a control character in a string, say), it is written anew from its value. Raises
    UsageError where that can't be sent either.
    """
    source = run.input_json
    if source is not None:
        try:
            return parse_strict(source.decode())
        except ValueError:
            pass
    return written(run.input)


def replay_input(run: Run, value: Any, *, given_input: bool) -> StrictJson:
    """Return what a replay of `run` sends: its captured input, or the given `value`, which may be JSON already.

    Raises UsageError where it can't be sent as JSON.
    """
    if not given_input:
        return captured_input(run)
    return value if isinstance(value, StrictJson) else written(value)


NOTHING_SENT = "nothing was sent"
# A look-up that waits no longer for the budget than so many seconds is part of a write.
A_MOMENT = 2.0


class Submitter:
    """Writes for one session. `stale` says why what waits, and why the runs are too old to act on, or nothing."""

    def __init__(
        self,
        client: Client,
        book: RunIndex,
        clock: Clock,
        outcomes: SubmissionTracker,
        stale: Callable[[], tuple[str, str]],
    ) -> None:
        self._client = client
        self._book = book
        self._clock = clock
        self._outcomes = outcomes
        self._stale = stale
        # Of replays, and of answers: the server's words for a missing permission, and how often the token was renewed.
        self._forbidden: dict[bool, tuple[str, int]] = {}
        target = client.target
        self._situation = gate.WriteContext(target.offline, target.read_only, target.protected)

    @property
    def submissions(self) -> list[Submission]:
        """All writes of this session, oldest first."""
        return self._outcomes.submissions

    @property
    def situation(self) -> gate.WriteContext:
        """What the gate judges by, now."""
        stale, stale_runs = self._stale()
        return replace(
            self._situation,
            stale=stale,
            stale_runs=stale_runs,
            unknown=self._outcomes.unknown,
            forbidden_answers=self._why_forbidden(replays=False),
            forbidden_replays=self._why_forbidden(replays=True),
        )

    @contextmanager
    def attempt(self, submission: Submission) -> Iterator[None]:
        """Say from now on that `submission` is being sent; of a failure before the POST, that it was not.

        Nothing else may be written to its target meanwhile. Raises UsageError where this session can write nothing, or
        an earlier write forbids this one, and what fails inside before the POST, with the name of the write.
        """
        _require(gate.why_never(self.situation))
        reason = gate.why_not_yet(self.situation, submission.target_id)
        submission.progress = Progress.SENDING if reason is None else Progress.NOT_SENT
        self._outcomes.add(submission)
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
                self._not_sent(submission, errors.UsageError("the program ended before that", effect=NOTHING_SENT))
            raise
        finally:
            self._set_busy(submission, busy=False)
            self._outcomes.changed(submission)

    async def answer(self, submission: Submission, checkpoint: Checkpoint, *, typed: str | None = None) -> None:
        """Resolve `checkpoint`, once, if it is still pending when it is read again just before. Inside an `attempt`.

        `typed` is what a person typed out to confirm it, which a protected profile asks for. Raises UsageError where
        the gate or the ledger says no, and what keeps it from being read again; a server's no is in the submission.
        """
        asked = submission.resolution or ""
        _require(gate.why_not_answer(self._situation_inside, checkpoint, asked))
        option = checkpoint.find_option(asked) or Option(asked)
        _require(gate.why_not_confirmed(self._situation, gate.confirmation_words(checkpoint.options, option.id), typed))
        _complete(submission, checkpoint)
        # As a checkpoint tells how it was answered.
        submission.resolution = as_text(option.sent) or option.id
        submission.arrivals_before = self._book.live_event_counts[checkpoint.execution_id or ""]
        row = await self._client.find_checkpoint(submission.target_id, priority=Priority.WRITE)
        if row is None:
            await self._outcomes.mark_conflict(submission, "it is pending no longer: nothing was sent")
            return
        _require(gate.why_not_answer(gate.WriteContext(), row, asked))
        await self._claim(submission)
        await self._resolve(submission, (row.find_option(asked) or option).sent)

    async def replay(
        self,
        submission: Submission,
        run: Run,
        value: Any = None,
        *,
        given_input: bool = False,
        typed: str | None = None,
    ) -> None:
        """Invoke the run's Core again, once, with its captured input as it came or the `value` given instead. Inside an
        `attempt`.

        `typed` is what a person typed out to confirm it, which a protected profile asks for: the Core. Raises
        UsageError where the gate or the ledger says no. Returns when the invocation answered, which may take minutes.
        """
        _require(gate.why_not_replay(self._situation_inside, run, given_input))
        _require(gate.why_not_confirmed(self._situation, [run.core_id], typed))
        sent = replay_input(run, value, given_input=given_input)
        submission.value, submission.input_json = sent.value, sent.source
        self._note_sending(submission, is_claimed=False)
        await self._claim(submission)
        await self._invoke(submission)
        self._outcomes.observe()

    @property
    def _situation_inside(self) -> gate.WriteContext:
        """What the gate judges by for the one write of an `attempt`, which found its target free."""
        return replace(self.situation, busy=frozenset(), unknown=frozenset())

    def _set_busy(self, submission: Submission, *, busy: bool) -> None:
        target = {submission.target_id}
        before = self._situation.busy
        self._situation = replace(self._situation, busy=before | target if busy else before - target)

    def _not_sent(self, submission: Submission, error: errors.ScaicoreError) -> errors.ScaicoreError:
        """Note that it was not sent; return the error, with the name of what it is about."""
        self._outcomes.not_sent(submission, error)
        return type(error)(
            f"{submission.what}: {submission.progress}: {error.message}",
            effect=error.effect or NOTHING_SENT,
            hint=error.hint,
            request_id=error.request_id,
            status=error.status,
            retry_after=error.retry_after,
        )

    async def _claim(self, submission: Submission) -> None:
        """Write it down, synced to disk, before it is sent. Raises UsageError where an earlier write forbids it, and
        StorageError where it can't be written down."""
        sent_at, sent_time = self._clock.monotonic(), self._clock.now()
        _require(await self._outcomes.records.claim(self._entry(submission, sent_time)))
        submission.sent_at, submission.sent_time = sent_at, sent_time

    async def _resolve(self, submission: Submission, value: Any) -> None:
        """Send an option's `value`, of the JSON type that it was offered with."""
        resolution = submission.resolution or ""
        try:
            with self._unknown_on_cancel(submission):
                row = await self._client.resolve(submission.target_id, value, submission.comment)
        except (errors.Conflict, errors.NotFound) as error:
            submission.request_id, submission.failure = error.request_id, error
            await self._outcomes.mark_conflict(submission, str(error))
        except errors.ScaicoreError as error:
            self._fail(submission, error)
            if self._client.budget.wait_time(Priority.BACKFILL) < A_MOMENT:
                await self._outcomes.look_up()
        else:
            words = f"{display_name(row.status)}: {display_name(row.resolution or resolution)}"
            await self._outcomes.judge(submission, row, words)

    async def _invoke(self, submission: Submission) -> None:
        try:
            given = StrictJson(submission.value, submission.input_json or b"null")
            with self._unknown_on_cancel(submission):
                sending = partial(self._note_sending, submission)
                invocation = await self._client.invoke(str(submission.core_id), given, submission.entity_id, sending)
        except errors.ScaicoreError as error:
            self._fail(submission, error)
            return
        submission.request_id = invocation.request_id
        if invocation.core_id not in (None, submission.core_id):
            words = f"sent, but the answer is about the Core {display_name(invocation.core_id or '')}"
            self._outcomes.set_progress(submission, Progress.UNKNOWN, words)
            return
        submission.output, submission.duration_ms = invocation.output, invocation.duration_ms
        if invocation.execution_id:
            submission.execution_id, submission.is_likely_match = invocation.execution_id, False
        failed = f"; its answer tells an error: {quote(invocation.error)}" if invocation.error else ""
        self._outcomes.set_progress(submission, Progress.ACCEPTED, f"invoked{failed}")

    def _note_sending(self, submission: Submission, *, is_claimed: bool = True) -> None:
        """Note what was there before the replay is sent: later runs alone can be its own. The budget may hold it back
        after it was claimed, while others start runs with the same input."""
        submission.position_before = self._book.order[-1].position if len(self._book.order) else BEFORE_ALL
        if is_claimed:
            submission.sent_at, submission.sent_time = self._clock.monotonic(), self._clock.now()

    @contextmanager
    def _unknown_on_cancel(self, submission: Submission) -> Iterator[None]:
        """Whoever ends before the answer came leaves a write of unknown outcome, for the next one to look up."""
        try:
            yield
        except asyncio.CancelledError:
            self._outcomes.set_progress(submission, Progress.UNKNOWN, "the program ended before an answer came")
            raise

    def _fail(self, submission: Submission, error: errors.ScaicoreError) -> None:
        if isinstance(error, errors.PermissionDenied):
            self._forbidden[submission.is_replay] = (error.message, self._client.bearer.renewals)
        if error.is_unsent:
            self._outcomes.not_sent(submission, error)
            return
        is_lost = isinstance(error, errors.OutcomeUnknown)
        self._outcomes.mark_failed(submission, error, Progress.UNKNOWN if is_lost else Progress.REFUSED)

    def _why_forbidden(self, *, replays: bool) -> str:
        """Return why the server refused the last write of that kind for want of permission; empty where it did not, or
        the token was renewed since."""
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


def answer_to(checkpoint_id: str, checkpoint: Checkpoint | None, resolution: str, comment: str | None) -> Submission:
    """Return the answer to a checkpoint, as it is before it is sent; `checkpoint` is None where it is not known."""
    submission = Submission(Kind.ANSWER, checkpoint_id, None, resolution=resolution, comment=comment)
    if checkpoint is not None:
        _complete(submission, checkpoint)
    return submission


def _complete(submission: Submission, checkpoint: Checkpoint) -> None:
    """Take what the checkpoint tells of the run that should move."""
    submission.kind = Kind.CONTINUE if checkpoint.is_breakpoint else Kind.ANSWER
    submission.core_id, submission.execution_id = checkpoint.core_id, checkpoint.execution_id


def replay_of(run: Run, entity_id: str | None) -> Submission:
    """Return the replay of a run, as it is before it is known what it sends."""
    return Submission(Kind.REPLAY, run.execution_id, run.core_id, entity_id=entity_id)
