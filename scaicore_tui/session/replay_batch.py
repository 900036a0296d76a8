"""Replay several runs, one by one, each once, and find the verdict on each.

The next replay is sent only when the outcome of the one before is known: two replays of equal runs cannot be told apart
while both are open. A replay whose response was lost is looked up and never sent again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from scaicore_tui.actions import Progress, Submission, gate
from scaicore_tui.analysis.diff import ComparedRun
from scaicore_tui.analysis.replay_verdict import Judgement, Verdict, judge
from scaicore_tui.analysis.steps import build_steps
from scaicore_tui.errors import (
    CredentialsError,
    NotFound,
    OutcomeUnknown,
    RequestRejected,
    ScaicoreError,
    StorageError,
    TimedOut,
    Unreachable,
    UsageError,
)
from scaicore_tui.runs import Run, RunStatus, Summary, missing_events_note
from scaicore_tui.store.recordings import SearchableRuns
from scaicore_tui.text import one_line

if TYPE_CHECKING:
    from scaicore_tui.session.session import Session

# Time for a replay to end after the server's response: that may come first, and the events arrive with a poll.
FOLLOW_TIMEOUT_S = 30.0
FIRST_PAUSE_S, PAUSE_GROWTH, MAX_PAUSE_S = 0.5, 1.5, 5.0
NOT_OVER = "it has not ended: there is nothing to compare a replay with"
STOPPED = "stopped before it was sent"
STOPPED_BY_FAILURE = "not sent, as the one before failed"
TOO_MANY_REQUESTS = 429
_UNSENT = (Progress.NOT_SENT, Progress.REFUSED, Progress.CONFLICT)


class BatchItem(Struct):
    """One run to replay.

    Attributes:
        error: the error of the run; None if it did not fail.
        skip_reason: why it is not replayed; empty if it is.
        is_being_sent: the server has not responded yet.
        submission: the write; None before it is attempted.
        judgement: the verdict; None until it is known.
        judged_id: the run that the verdict is about; None if it is about none.
        message: why it was not sent, or why the verdict is unknown; empty otherwise.
        failure: the error behind `message`, if there is one.
    """

    execution_id: str
    core_id: str | None
    error: str | None = None
    skip_reason: str = ""
    is_being_sent: bool = False
    submission: Submission | None = None
    judgement: Judgement | None = None
    judged_id: str | None = None
    message: str = ""
    failure: ScaicoreError | None = None

    @property
    def verdict(self) -> Verdict | None:
        return None if self.judgement is None else self.judgement.verdict

    @property
    def replay_id(self) -> str | None:
        """The id of the run that the replay started, as far as it is known."""
        return None if self.submission is None else self.submission.execution_id

    @property
    def was_sent(self) -> bool:
        """True if the POST was sent, whatever came of it."""
        return self.submission is not None and self.submission.sent_at is not None

    def close(self, verdict: Verdict, message: str, failure: ScaicoreError | None = None) -> None:
        """Set a verdict that no run shows."""
        self.judgement, self.message, self.failure = Judgement(verdict), message, failure


async def prepare(session: Session, execution_ids: Iterable[str]) -> list[BatchItem]:
    """Return the runs as items; those that cannot be replayed with their captured input have the reason."""
    items = []
    for key in execution_ids:
        try:
            run = await asyncio.to_thread(_read_run, session.stored_runs, key)
        except NotFound:
            items.append(BatchItem(key, None, skip_reason="its events are not known any more"))
            continue
        reason = None if run.is_over else NOT_OVER
        items.append(BatchItem(key, run.core_id, run.error, reason or session.why_not_replay(run) or ""))
    return items


def confirmation_word(count: int) -> str:
    """Return the text that confirms a batch of `count` replays on a protected profile."""
    return f"replay {count} run{'s' * (count != 1)}"


class ReplayBatch:
    """Replays `items` in their order.

    `poll` reads new events; it is awaited until the end of each replay is in the journal, for at most `timeout_s` after
    the server's response. `on_changed` is called whenever an item changed.
    """

    def __init__(
        self,
        session: Session,
        items: Sequence[BatchItem],
        poll: Callable[[], Awaitable[object]],
        *,
        timeout_s: float = FOLLOW_TIMEOUT_S,
        on_changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.items = [item for item in items if not item.skip_reason]
        self.skipped = [item for item in items if item.skip_reason]
        self.is_finished = False
        self.is_stopping = False
        self._session = session
        self._poll = poll
        self._timeout_s = timeout_s
        self._on_changed = on_changed

    @property
    def done_count(self) -> int:
        """The number of items whose verdict is known."""
        return sum(item.judgement is not None for item in self.items)

    @property
    def word(self) -> str:
        """The text that confirms it on a protected profile."""
        return confirmation_word(len(self.items))

    def owns(self, submission: Submission) -> bool:
        """Return True if `submission` is one of these replays."""
        if not submission.is_replay:
            return False
        is_own = any(item.submission is submission for item in self.items)
        return is_own or any(item.is_being_sent and item.execution_id == submission.target_id for item in self.items)

    def stop(self) -> None:
        """Send no more replays; the one that was sent is still followed."""
        self.is_stopping = True
        self._on_changed()

    async def run(self, *, typed: str | None = None) -> None:
        """Replay all items. `typed` is the confirmation that a protected profile requires. Raises UsageError.

        If cancelled, the replay under way has an unknown outcome, and the others are not sent.
        """
        reason = gate.why_not_confirmed(self._session.write_context, [self.word], typed)
        stop_reason, self.is_finished = reason or STOPPED, False
        try:
            if reason is not None:
                raise UsageError(reason, effect="nothing was sent")
            for item in self.items:
                if self.is_stopping:
                    break
                await self._replay(item)
                self._on_changed()
                if _stops(item):
                    stop_reason = STOPPED_BY_FAILURE
                    break
            await self._correct()
        finally:
            self._close_rest(stop_reason)
            self.is_finished = True
            self._on_changed()

    def _close_rest(self, reason: str) -> None:
        """Give a verdict to the items that were not sent, and to one that was being followed when it was cancelled."""
        for item in self.items:
            if item.judgement is not None:
                continue
            if item.was_sent:
                item.close(Verdict.UNKNOWN, "stopped before its end was seen")
            else:
                item.close(Verdict.NOT_SENT, reason)

    async def _replay(self, item: BatchItem) -> None:
        """Send one replay, and follow it until its verdict is known."""
        try:
            await self._send(item)
        except ScaicoreError as error:
            item.close(Verdict.UNKNOWN if item.was_sent else Verdict.NOT_SENT, error.message, error)
            return
        submission = item.submission
        if submission is not None and submission.progress in _UNSENT:
            item.close(Verdict.NOT_SENT, submission.message, submission.failure)
        elif submission is not None:
            await self._follow(item, submission)

    async def _send(self, item: BatchItem) -> None:
        """Send one replay, and note its submission, whatever comes of it. Raises ScaicoreError if it was not sent."""
        before, item.is_being_sent = len(self._session.submissions), True
        # A confirmation that failed before gave it a verdict.
        item.judgement, item.message, item.failure = None, "", None
        self._on_changed()
        try:
            # Which Core it is was confirmed with the batch.
            await self._session.replay(item.execution_id, typed=one_line(item.core_id or ""))
        finally:
            item.is_being_sent = False
            sent = self._session.submissions[before:]
            item.submission = next((one for one in sent if one.target_id == item.execution_id), None)

    async def _follow(self, item: BatchItem, submission: Submission) -> None:
        clock = self._session.clock
        ends_at, pause = clock.monotonic() + self._timeout_s, FIRST_PAUSE_S
        while not await self._has_ended(item, submission):
            if (left := ends_at - clock.monotonic()) <= 0:
                self._give_up(item, submission)
                return
            self._on_changed()
            await clock.sleep(min(pause, left))
            pause = min(pause * PAUSE_GROWTH, MAX_PAUSE_S)

    async def _has_ended(self, item: BatchItem, submission: Submission) -> bool:
        """Read new events, and return whether they show how the replay ended; if so, set the verdict."""
        try:
            await self._poll()
        except (Unreachable, RequestRejected) as error:
            item.failure = error
            return False
        item.failure = None
        if submission.execution_id is not None:
            await self._judge(item, submission.execution_id)
        return item.judgement is not None

    async def _judge(self, item: BatchItem, replay_id: str) -> None:
        """Set the verdict if that run has ended, or waits."""
        session = self._session
        item.judgement = await asyncio.to_thread(
            _judge_stored, session.stored_runs, item.execution_id, replay_id, session.now
        )
        item.judged_id = None if item.judgement is None else replay_id

    async def _correct(self) -> None:
        """Judge again where the run that was likely the replay turned out to be another one."""
        for item in self.items:
            if item.judged_id is not None and item.replay_id is not None and item.replay_id != item.judged_id:
                await self._judge(item, item.replay_id)

    def _give_up(self, item: BatchItem, submission: Submission) -> None:
        """Set the verdict on a replay whose end was not seen in time."""
        waited = f"{self._timeout_s:.0f} s"
        reason = "" if item.failure is None else f" · {item.failure.message}"
        if submission.execution_id is not None:
            message = f"its run has not ended for {waited}{reason}"
            item.close(Verdict.UNKNOWN, message, TimedOut(message))
        elif submission.progress in (Progress.ACCEPTED, Progress.CONFIRMED):
            message = f"accepted, but no event of its run was read for {waited}{reason}"
            item.close(Verdict.UNKNOWN, message, TimedOut(message))
        else:
            message = f"the response was lost, and no new run was found for {waited}{reason}"
            item.close(Verdict.UNKNOWN, message, OutcomeUnknown(message))


def _stops(item: BatchItem) -> bool:
    """Return True if the other replays must not be sent after this one: they would fail too, or could be mistaken."""
    failure = item.failure
    if isinstance(failure, RequestRejected):
        return failure.status is None or failure.status == TOO_MANY_REQUESTS or failure.status >= 500
    return isinstance(failure, Unreachable | CredentialsError | StorageError | OutcomeUnknown)


def _judge_stored(runs: SearchableRuns, original_id: str, replay_id: str, now: float) -> Judgement | None:
    """Return the verdict on a replay by the journal; None if it has not ended. Blocks."""
    try:
        replay = _find(runs, replay_id)
    except NotFound:
        return None
    if replay.status is RunStatus.WAITING:
        return Judgement(Verdict.WAITS)
    if replay.outcome is None:
        return None
    return judge(*(_compared(runs, summary, now) for summary in (_find(runs, original_id), replay)))


def _compared(runs: SearchableRuns, summary: Summary, now: float) -> ComparedRun:
    run, is_complete = runs.run(summary), not missing_events_note(summary, runs.gaps, now)
    return ComparedRun(run, build_steps(run, is_complete=is_complete), is_complete)


def _read_run(runs: SearchableRuns, execution_id: str) -> Run:
    return runs.run(_find(runs, execution_id))


def _find(runs: SearchableRuns, execution_id: str) -> Summary:
    """Return the summary of a run with exactly this id. Raises NotFound."""
    summary = runs.find_one(execution_id)
    if summary.execution_id != execution_id:
        raise NotFound(f"no run {execution_id}")
    return summary
