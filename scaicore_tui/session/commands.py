"""Commands of a session: everything that a front end may ask it to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from scaicore_tui.actions import Submission
from scaicore_tui.actions.submit import new_answer, new_replay
from scaicore_tui.actions.tracker import describe_resolution, find_closed
from scaicore_tui.api.budget import Priority
from scaicore_tui.errors import Conflict, NotFound, RequestRejected, ScaicoreError, Unreachable
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.runs.model import json_digest
from scaicore_tui.session.read_model import CheckpointList, ReadModel
from scaicore_tui.store import Ingestor
from scaicore_tui.sync.poller import Backoff, RandomFn

_TOO_MANY_REQUESTS = 429


class Commands(ReadModel):
    """The commands of one session. A write is sent once, and never repeated by itself."""

    _ingestor: Ingestor
    _random_fn: RandomFn

    async def load(self) -> None:
        """Load all runs from the journal; `run` does so in the background."""
        await self._ingestor.load()

    async def save(self) -> int:
        """Write the events that are only in memory to the file; return how many still are not in it."""
        await self._ingestor.flush()
        return await self._ingestor.run_in_thread(lambda: self.journal.unsaved_count)

    async def authenticate(self) -> None:
        """Fetch a token, unless there is a valid one or none is needed. Raises CredentialsError or Unreachable."""
        await self.client.bearer.token()

    def refresh(self) -> bool:
        """Fetch now. Return False if enough requests are already under way."""
        return self._pollers.refresh()

    def yield_to_ui(self, *, to_key: bool) -> None:
        """Hold up background work while a key is handled (`to_key`), and go on afterwards.

        A key also shows that a person is there: failed polls are tried again sooner.
        """
        if to_key:
            self._pollers.key_pressed()
        self._ingestor.writer.yield_to_ui(to_key=to_key)

    def pause(self, *, paused: bool) -> None:
        """Pause polling, or poll again at once."""
        self._pollers.pause(paused=paused)

    async def load_older(self) -> int:
        """Read one more page of history and return the number of its events. Raises ScaicoreError."""
        return 0 if self.target.offline else await self._tasks.load_older()

    async def list_checkpoints(self, status: str, max_pages: int | None = None) -> CheckpointList:
        """Fetch the checkpoints of one status, all pages or the first `max_pages`. Raises ScaicoreError."""
        rows = await self.client.all_checkpoints(status, max_pages=max_pages)
        return CheckpointList(tuple(rows), self.client.cut_short)

    async def require_checkpoint(self, checkpoint_id: str) -> Checkpoint:
        """Return the pending checkpoint with that id. Raises Conflict if it is closed, NotFound if there is none.

        If it is not in the list, the server is asked: it may be new, or on a page that was not read.
        """
        if (checkpoint := self.checkpoint(checkpoint_id)) is not None:
            return checkpoint
        # Reading all pages would take too long: stop at the page that has it.
        was_listing = self.is_listing
        if was_listing and (pending := await self._find_pending(checkpoint_id)) is not None:
            return pending
        row = await find_closed(self.client, checkpoint_id)
        if row is not None:
            raise Conflict(describe_resolution(row), effect="nothing was sent")
        if not was_listing and (pending := await self._find_pending(checkpoint_id)) is not None:
            return pending
        raise NotFound(f"no checkpoint {checkpoint_id} is pending", effect="nothing was sent")

    async def _find_pending(self, checkpoint_id: str) -> Checkpoint | None:
        return await self.client.find_checkpoint(checkpoint_id, priority=Priority.CHECKPOINTS, max_pages=None)

    async def answer(
        self, checkpoint_id: str, resolution: str, comment: str | None = None, *, typed: str | None = None
    ) -> Submission:
        """Answer a pending checkpoint, once.

        The submission is listed in `submissions` from the first moment. `typed` is the confirmation that a protected
        profile asks for: the resolution, typed out. If nothing was sent, raises the reason: Conflict, NotFound,
        UsageError from the gate.
        """
        submission = new_answer(checkpoint_id, self.checkpoint(checkpoint_id), resolution, comment)
        with self.submitter.attempt(submission):
            checkpoint = await self.require_checkpoint(checkpoint_id)
            await self.submitter.answer(submission, checkpoint, typed=typed)
        await self.tracker.ledger_worker.flush()
        self.refresh()
        return submission

    def announce_answering(self, checkpoint_id: str, *, is_open: bool) -> None:
        """Let the others see that a checkpoint is about to be answered here (`is_open`), or is not any more."""
        if self.team is not None and not self.target.read_only:
            (self.team.announce if is_open else self.team.withdraw)(checkpoint_id)

    async def replay(
        self,
        execution_id: str,
        value: Any = None,
        entity_id: str | None = None,
        *,
        given_input: bool = False,
        typed: str | None = None,
    ) -> Submission:
        """Invoke the run's Core again, once: with its captured input, or with `value` if `given_input`.

        Returns when the server responds, which may take minutes. `typed` is the confirmation that a protected profile
        asks for: the Core's id, typed out. Raises NotFound, and UsageError from the gate.
        """
        run = await self.find_run(execution_id)
        submission = new_replay(run, entity_id)
        with self.submitter.attempt(submission):
            await self.submitter.replay(submission, run, value, given_input=given_input, typed=typed)
        await self.tracker.ledger_worker.flush()
        self.refresh()
        return submission

    async def recover_writes(self) -> Sequence[Submission]:
        """Take over the unfinished writes of processes that died, look up their outcome, and return them."""
        recovered = await self._recover_writes()
        await self.tracker.look_up()
        return recovered

    async def _recover_writes(self) -> Sequence[Submission]:
        entries = await self.tracker.ledger_worker.entries()
        if self.team is not None:
            self.team.deliver(entries)
        recovered = self.tracker.recover(entries)
        await self.reader.load_ids(submission.execution_id for submission in recovered)
        for submission in recovered:
            if submission.is_replay:
                await self.reader.load_with_input(json_digest(submission.value))
        return recovered

    async def read_with_backoff(
        self, read: Callable[[], Awaitable[object]], on_failure: Callable[[ScaicoreError], None]
    ) -> None:
        """Call `read` until it succeeds, and `on_failure` before each wait.

        Raises errors that waiting does not help against: a wrong URL, credential or request.
        """
        backoff = Backoff(self.target.interval, self._random_fn)
        while True:
            try:
                await read()
            except (Unreachable, RequestRejected) as error:
                if not _may_succeed_later(error):
                    raise
                on_failure(error)
                await self.clock.sleep(backoff.record_failure(error))
            else:
                return


def _may_succeed_later(error: ScaicoreError) -> bool:
    return isinstance(error, Unreachable) or error.status == _TOO_MANY_REQUESTS or (error.status or 0) >= 500
