"""The only place that writes: asks the gate, sends once, and says what came of it. Never sends twice by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from scaicore_tui import errors
from scaicore_tui.actions import gate
from scaicore_tui.actions.submission import Kind, Progress, Submission
from scaicore_tui.feed import Client
from scaicore_tui.runs import Run, RunBook
from scaicore_tui.wire import Checkpoint
from scaicore_tui.wire.checkpoints import CONTINUE


class Submitter:
    """Writes for one session. `changed` is called whenever a submission moved on."""

    def __init__(self, client: Client, book: RunBook, changed: Callable[[Submission], None]) -> None:
        self.submissions: list[Submission] = []
        self._client = client
        self._book = book
        self._changed = changed
        self._situation = gate.Situation(read_only=client.target.read_only)

    @property
    def situation(self) -> gate.Situation:
        """What the gate judges by, now."""
        return self._situation

    async def answer(self, checkpoint: Checkpoint, resolution: str, comment: str | None = None) -> Submission:
        """Resolve `checkpoint`, once. Raises UsageError where the gate says no; a server's no is in the result."""
        _pass(gate.why_not_answer(self._situation, checkpoint, resolution))
        run = self._book.runs.get(checkpoint.execution_id or "")
        submission = Submission(
            Kind.CONTINUE if checkpoint.is_breakpoint and resolution == CONTINUE else Kind.ANSWER,
            checkpoint.id,
            checkpoint.core_id,
            execution_id=checkpoint.execution_id,
            resolution=resolution,
            comment=comment,
            events_before=run.event_count if run else 0,
        )
        self._open(submission)
        try:
            answered = await self._client.resolve(checkpoint.id, resolution, comment)
        except (errors.Conflict, errors.NotFound) as error:
            await self._conflict(submission, error)
        except errors.OutcomeUnknown as error:
            self._fail(submission, error)
            await self.look_up(submission)
        except errors.ScaicoreError as error:
            self._fail(submission, error)
        else:
            self._close(submission, Progress.ACCEPTED, f"{answered.status}: {answered.resolution or resolution}")
        return submission

    async def replay(
        self, run: Run, value: Any = None, entity_id: str | None = None, *, given_input: bool = False
    ) -> Submission:
        """Invoke the run's Core again, once, with its captured input or the `value` given instead.

        Raises UsageError where the gate says no. Returns when the invocation answered, which may take minutes.
        """
        _pass(gate.why_not_replay(self._situation, run, given_input))
        submission = Submission(
            Kind.REPLAY,
            run.execution_id,
            run.core_id,
            value=value if given_input else run.input,
            known_runs=frozenset(self._book.runs),
        )
        self._open(submission)
        try:
            invocation = await self._client.invoke(str(run.core_id), submission.value, entity_id)
        except errors.ScaicoreError as error:
            self._fail(submission, error)
            return submission
        submission.request_id = invocation.request_id
        if invocation.execution_id:
            submission.execution_id, submission.likely = invocation.execution_id, False
        if submission.progress is Progress.SENDING:
            self._close(submission, Progress.ACCEPTED, "invoked")
        else:
            self._release(submission)
        self.observe()
        return submission

    async def look_up(self, submission: Submission) -> None:
        """Find out what became of an answer whose outcome is unknown; it stays so while nothing tells."""
        row = await self._answered(submission.target_id)
        if row is None or submission.progress is not Progress.UNKNOWN:
            return
        if row.resolution == submission.resolution:
            self._close(submission, Progress.ACCEPTED, f"it did arrive: {_told(row)}")
        else:
            self._close(submission, Progress.CONFLICT, _told(row))

    def observe(self) -> None:
        """Compare what is under way with what the feed shows now; evidence confirms."""
        for submission in self.submissions:
            if submission.is_settled:
                continue
            if submission.kind is Kind.REPLAY:
                self._look_for_replay(submission)
            if submission.progress is Progress.ACCEPTED and self._moved(submission):
                self._close(submission, Progress.CONFIRMED, "the run moved on")

    def _moved(self, submission: Submission) -> bool:
        """Whether its run shows a later event. A run that is only likely its own proves nothing."""
        run = self._book.runs.get(submission.execution_id or "")
        return run is not None and not submission.likely and run.event_count > submission.events_before

    def _look_for_replay(self, submission: Submission) -> None:
        """The first new run of that Core with an equal input is likely the replay (API §7)."""
        if submission.execution_id is not None:
            return
        for key, run in self._book.runs.items():
            is_new = key not in submission.known_runs and not run.joined_late
            if is_new and run.core_id == submission.core_id and run.input == submission.value:
                submission.execution_id, submission.likely = key, True
                self._changed(submission)
                return

    def _open(self, submission: Submission) -> None:
        self.submissions.append(submission)
        self._situation = replace(self._situation, busy=self._situation.busy | {submission.target_id})
        self._changed(submission)

    def _close(self, submission: Submission, progress: Progress, message: str) -> None:
        submission.progress, submission.message = progress, message
        self._release(submission)

    def _release(self, submission: Submission) -> None:
        self._situation = replace(self._situation, busy=self._situation.busy - {submission.target_id})
        self._changed(submission)

    def _fail(self, submission: Submission, error: errors.ScaicoreError) -> None:
        submission.request_id, submission.failure = error.request_id, error
        if isinstance(error, errors.OutcomeUnknown):
            self._close(submission, Progress.UNKNOWN, str(error))
            return
        if isinstance(error, errors.PermissionDenied):
            self._situation = replace(self._situation, forbidden=error.message)
        self._close(submission, Progress.REFUSED, str(error))

    async def _conflict(self, submission: Submission, error: errors.ScaicoreError) -> None:
        """Somebody was faster, or it expired: say what the checkpoint says now."""
        submission.request_id, submission.failure = error.request_id, error
        row = await self._answered(submission.target_id)
        self._close(submission, Progress.CONFLICT, _told(row) if row else str(error))

    async def answered(self, checkpoint_id: str) -> str | None:
        """How a checkpoint that is pending no longer was answered; None where that can't be told."""
        row = await self._answered(checkpoint_id)
        return _told(row) if row else None

    async def _answered(self, checkpoint_id: str) -> Checkpoint | None:
        try:
            resolved = await self._client.all_checkpoints("resolved")
        except errors.ScaicoreError:
            return None
        return next((row for row in resolved if row.id == checkpoint_id), None)


def _told(row: Checkpoint) -> str:
    return f"answered already: {row.resolution} by {row.resolved_by or 'somebody'} at {row.resolved_at or 'some time'}"


def _pass(reason: str | None) -> None:
    if reason is not None:
        raise errors.UsageError(reason, kept="nothing was sent")
