"""The only place that writes: asks the gate, claims the write in the ledger, and sends it, once.

What comes of it is for the outcomes to find out. Nothing is ever sent twice by itself.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from msgspec.structs import replace

from scaicore_tui import errors
from scaicore_tui.actions import gate
from scaicore_tui.actions.ledger import Entry
from scaicore_tui.actions.outcomes import Outcomes
from scaicore_tui.actions.replay_input import replay_input
from scaicore_tui.actions.submission import BEFORE_ALL, Kind, Progress, Submission
from scaicore_tui.clock import Clock
from scaicore_tui.feed import Client, Rank
from scaicore_tui.runs import Run, RunBook
from scaicore_tui.text import named
from scaicore_tui.wire import Checkpoint
from scaicore_tui.wire.checkpoints import Option
from scaicore_tui.wire.given import GivenJson
from scaicore_tui.wire.values import text


class Submitter:
    """Writes for one session. `stale` says why what waits, and why the runs are too old to act on, or nothing."""

    def __init__(
        self, client: Client, book: RunBook, clock: Clock, outcomes: Outcomes, stale: Callable[[], tuple[str, str]]
    ) -> None:
        self._client = client
        self._book = book
        self._clock = clock
        self._outcomes = outcomes
        self._stale = stale
        target = client.target
        self._situation = gate.Situation(target.offline, target.read_only, target.protected)

    @property
    def submissions(self) -> list[Submission]:
        """All writes of this session, oldest first."""
        return self._outcomes.submissions

    @property
    def situation(self) -> gate.Situation:
        """What the gate judges by, now."""
        stale, stale_runs = self._stale()
        return replace(self._situation, stale=stale, stale_runs=stale_runs)

    async def answer(
        self, checkpoint: Checkpoint, resolution: str, comment: str | None = None, *, typed: str | None = None
    ) -> Submission:
        """Resolve `checkpoint`, once, if it is still pending when it is read again just before.

        `typed` is what a person typed out to confirm it, which a protected profile asks for. Raises UsageError where
        the gate or the ledger says no, and what keeps it from being read again; a server's no is in the result.
        """
        _pass(gate.why_not_answer(self.situation, checkpoint, resolution))
        option = checkpoint.find_option(resolution) or Option(resolution)
        _pass(gate.why_not_untyped(self.situation, gate.words_of(checkpoint.options, option.id), typed))
        submission = Submission(
            Kind.CONTINUE if checkpoint.is_breakpoint else Kind.ANSWER,
            checkpoint.id,
            checkpoint.core_id,
            execution_id=checkpoint.execution_id,
            # As a checkpoint tells how it was answered.
            resolution=text(option.sent) or option.id,
            comment=comment,
            arrivals_before=self._book.arrivals[checkpoint.execution_id or ""],
        )
        with self._busy(submission):
            row = await self._read_again(submission)
            if row is None:
                self._outcomes.add(submission)
                await self._outcomes.conflict(submission, "it is pending no longer: nothing was sent")
            else:
                _pass(gate.why_not_answer(gate.Situation(), row, resolution))
                await self._claim(submission)
                await self._resolve(submission, (row.find_option(resolution) or option).sent)
        return submission

    async def replay(
        self,
        run: Run,
        value: Any = None,
        entity_id: str | None = None,
        *,
        given_input: bool = False,
        typed: str | None = None,
    ) -> Submission:
        """Invoke the run's Core again, once, with its captured input as it came or the `value` given instead.

        `typed` is what a person typed out to confirm it, which a protected profile asks for: the Core. Raises
        UsageError where the gate or the ledger says no. Returns when the invocation answered, which may take minutes.
        """
        _pass(gate.why_not_replay(self.situation, run, given_input))
        _pass(gate.why_not_untyped(self.situation, [run.core_id], typed))
        sent = replay_input(run, value, given_input=given_input)
        submission = Submission(
            Kind.REPLAY,
            run.execution_id,
            run.core_id,
            value=sent.value,
            input_json=sent.source,
            entity_id=entity_id,
            after=self._book.order[-1].place if len(self._book.order) else BEFORE_ALL,
        )
        with self._busy(submission):
            await self._claim(submission)
            await self._invoke(submission)
        self._outcomes.observe()
        return submission

    @contextmanager
    def _busy(self, submission: Submission) -> Iterator[None]:
        """Nothing else may be written to its target meanwhile."""
        target = {submission.target_id}
        self._situation = replace(self._situation, busy=self._situation.busy | target)
        try:
            yield
        finally:
            self._situation = replace(self._situation, busy=self._situation.busy - target)
            self._outcomes.changed(submission)

    async def _read_again(self, submission: Submission) -> Checkpoint | None:
        """The checkpoint as it is pending now."""
        rows = await self._client.all_checkpoints("pending", rank=Rank.WRITE)
        return next((row for row in rows if row.id == submission.target_id), None)

    async def _claim(self, submission: Submission) -> None:
        """Write it down, synced to disk, before it is sent. Raises UsageError where an earlier write forbids it, and
        StorageError where it can't be written down."""
        submission.sent_at = self._clock.monotonic()
        _pass(await self._outcomes.records.claim(self._entry(submission)))
        self._outcomes.add(submission)

    async def _resolve(self, submission: Submission, value: Any) -> None:
        """Send an option's `value`, of the JSON type that it was offered with."""
        resolution = submission.resolution or ""
        try:
            with self._awaited(submission):
                row = await self._client.resolve(submission.target_id, value, submission.comment)
        except (errors.Conflict, errors.NotFound) as error:
            submission.request_id, submission.failure = error.request_id, error
            await self._outcomes.conflict(submission, str(error))
        except errors.ScaicoreError as error:
            self._fail(submission, error)
            await self._outcomes.look_up()
        else:
            self._outcomes.accept(submission, row, f"{named(row.status)}: {named(row.resolution or resolution)}")

    async def _invoke(self, submission: Submission) -> None:
        try:
            given = GivenJson(submission.value, submission.input_json or b"null")
            with self._awaited(submission):
                invocation = await self._client.invoke(str(submission.core_id), given, submission.entity_id)
        except errors.ScaicoreError as error:
            self._fail(submission, error)
            return
        submission.request_id = invocation.request_id
        submission.output, submission.duration_ms = invocation.output, invocation.duration_ms
        if invocation.execution_id:
            submission.execution_id, submission.likely = invocation.execution_id, False
        self._outcomes.close(submission, Progress.ACCEPTED, "invoked")

    @contextmanager
    def _awaited(self, submission: Submission) -> Iterator[None]:
        """Whoever ends before the answer came leaves a write of unknown outcome, for the next one to look up."""
        try:
            yield
        except asyncio.CancelledError:
            self._outcomes.close(submission, Progress.UNKNOWN, "the program ended before an answer came")
            raise

    def _fail(self, submission: Submission, error: errors.ScaicoreError) -> None:
        if isinstance(error, errors.PermissionDenied):
            self._situation = replace(self._situation, forbidden=error.message)
        is_lost = isinstance(error, errors.OutcomeUnknown)
        self._outcomes.fail(submission, error, Progress.UNKNOWN if is_lost else Progress.REFUSED)

    def _entry(self, submission: Submission) -> Entry:
        target = self._client.target
        return Entry(
            id=submission.id,
            at=self._clock.now(),
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
        )


def _pass(reason: str | None) -> None:
    if reason is not None:
        raise errors.UsageError(reason, kept="nothing was sent")
