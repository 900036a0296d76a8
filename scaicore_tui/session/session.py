"""The session itself: it connects client, journal, runs and writes of one target, and publishes what changes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Self

from scaicore_tui.actions import Ledger, Outcomes, Submission, Submitter
from scaicore_tui.actions.lookup import find, told
from scaicore_tui.actions.submit import answer_to, replay_of
from scaicore_tui.catchup import CatchUp
from scaicore_tui.clock import Clock, SystemClock
from scaicore_tui.config import Target
from scaicore_tui.errors import CannotReach, Conflict, NotFound, Refused, ScaicoreError
from scaicore_tui.feed import Backoff, Chance, Client, Pollers, Rank, Sweep
from scaicore_tui.journal import Aside, Ingest, Journal
from scaicore_tui.runs import RunBook
from scaicore_tui.session.read_model import CheckpointList, ReadModel, Update
from scaicore_tui.session.tasks import BackgroundTasks
from scaicore_tui.wire import Checkpoint

DEFAULT_BACKFILL = 5_000
_TOO_MANY_REQUESTS = 429


class Session(ReadModel):
    """One target with its journal: read models, commands, and `subscribe`.

    An async context manager: closes client and journal. Without a `journal` events are kept in a temporary file until
    the session is closed; without a `ledger` writes are not recorded. `chance` spreads the waits after failures.
    """

    def __init__(
        self,
        target: Target,
        journal: Journal | None = None,
        clock: Clock | None = None,
        backfill: int = DEFAULT_BACKFILL,
        client: Client | None = None,
        ledger: Ledger | None = None,
        chance: Chance = random.random,
    ) -> None:
        self.target = target
        self.clock = clock or SystemClock()
        self.book = RunBook(lambda execution_id: self.journal.readable(execution_id, self.book.last))
        self.checkpoints = ()
        self._is_pending_unsaved = False
        self.journal = Journal.temporary() if journal is None else journal
        self._ingest = Ingest(self.journal, self.book, self._changed, self._publish_loaded)
        self._aside = Aside(self.journal, self.book, self._changed)
        self.client = client or Client(target, clock=self.clock)
        status_changed = partial(self._publish, Update())
        self.client.bearer.expect(None if self.journal.identity is None else self.journal.identity.caller)
        self.outcomes = Outcomes(
            self.client, self.book, self.clock, self._publish_submission, ledger or Ledger(), status_changed
        )
        self.submitter = Submitter(self.client, self.book, self.clock, self.outcomes, self._staleness)
        self._catch_up = CatchUp(self.client, self.journal, self._ingest, self.clock, self._changed)
        self._chance = chance
        self._pollers = Pollers(
            self.client,
            self.clock,
            chance,
            self._catch_up.known,
            self._take_head,
            self._take_checkpoints,
            changed=status_changed,
        )
        self._subscribers: list[Callable[[Update], None]] = []
        self._tasks = BackgroundTasks(self._pollers, self._catch_up, self.outcomes, self.book, chance, backfill)
        self._ingest.load_newest()
        self._published_gaps = self.book.gaps

        # Set by `close`: the number of events that were only in memory, and are lost.
        self.lost_count = 0
        self._is_closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close client and journal. Writes with unknown outcome are left to the next session. May be called twice."""
        self._aside.close()
        # The stack closes from the last to the first, and each one even if another fails.
        async with AsyncExitStack() as closing:
            closing.push_async_callback(self.outcomes.records.close)
            closing.callback(self.outcomes.leave)
            closing.callback(self.journal.close)
            closing.callback(self._count_lost)
            closing.callback(self._ingest.close)
            closing.push_async_callback(self._save_last)
            closing.push_async_callback(self.client.close)
            closing.push_async_callback(self._pollers.close)

    async def _save_last(self) -> None:
        if self.journal.trouble:
            await self._ingest.save()

    def _count_lost(self) -> None:
        """Count the events that the file did not take, on the first `close` only, even if the last save failed."""
        if self.journal.trouble and not self._is_closed:
            self.lost_count = self.journal.unsaved_count
        self._is_closed = True

    def subscribe(self, subscriber: Callable[[Update], None]) -> None:
        """Call `subscriber` with each update, from now on."""
        self._subscribers.append(subscriber)

    def prefetch(self) -> None:
        """Send the first requests now; `run` uses their responses."""
        self._pollers.ask_ahead()

    async def run(self) -> None:
        """Poll, backfill and look up writes until cancelled."""
        await self._recover_writes()
        async with asyncio.TaskGroup() as group:
            self.book.runs.aside = partial(self._aside.fold, group)
            group.create_task(self._ingest.keep(self.target, self.clock))
            group.create_task(self._tasks.run())

    async def read_once(self, *, all_checkpoints: bool = True) -> None:
        """Read journal, newest events, gaps, history and checkpoints once. Raises ScaicoreError if that fails.

        Without `all_checkpoints` only their first page is read.
        """
        await self._ingest.load()
        await self._tasks.read_once(all_checkpoints=all_checkpoints)

    async def read_until_answered(
        self, read: Callable[[], Awaitable[object]], on_failure: Callable[[ScaicoreError], None]
    ) -> None:
        """Call `read` until it succeeds, and `on_failure` before each wait.

        Raises errors that waiting does not help against: a wrong URL, credential or request.
        """
        backoff = Backoff(self.target.interval, self._chance)
        while True:
            try:
                await read()
            except (CannotReach, Refused) as error:
                if not _may_succeed_later(error):
                    raise
                on_failure(error)
                await self.clock.sleep(backoff.failed(error))
            else:
                return

    async def load(self) -> None:
        """Load all runs from the journal; `run` does so in the background."""
        await self._ingest.load()

    async def save(self) -> int:
        """Write the events that are only in memory to the file; return how many still are not in it."""
        await self._ingest.save()
        return await self._ingest.off(lambda: self.journal.unsaved_count)

    async def authenticate(self) -> None:
        """Fetch a token, unless there is a valid one or none is needed. Raises CredentialsError or CannotReach."""
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
        self._ingest.intake.give_way(to_key=to_key)

    def pause(self, *, paused: bool) -> None:
        """Pause polling, or poll again at once."""
        self._pollers.pause(paused=paused)

    async def load_older(self) -> int:
        """Read one more page of history and return the number of its events. Raises ScaicoreError."""
        return 0 if self.target.offline else await self._tasks.load_older()

    async def list_checkpoints(self, status: str, max_pages: int | None = None) -> CheckpointList:
        """Fetch the checkpoints of one status, newest page first; None reads all pages. Raises ScaicoreError."""
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
        row = await find(self.client, checkpoint_id)
        if row is not None:
            raise Conflict(told(row), kept="nothing was sent")
        if not was_listing and (pending := await self._find_pending(checkpoint_id)) is not None:
            return pending
        raise NotFound(f"no checkpoint {checkpoint_id} is pending", kept="nothing was sent")

    async def _find_pending(self, checkpoint_id: str) -> Checkpoint | None:
        return await self.client.find_checkpoint(checkpoint_id, rank=Rank.CHECKPOINTS, max_pages=None)

    async def answer(
        self, checkpoint_id: str, resolution: str, comment: str | None = None, *, typed: str | None = None
    ) -> Submission:
        """Answer a pending checkpoint, once.

        The submission is listed in `submissions` from the first moment. `typed` is the confirmation that a protected
        profile asks for: the resolution, typed out. If nothing was sent, raises the reason: Conflict, NotFound,
        UsageError from the gate.
        """
        submission = answer_to(checkpoint_id, self.checkpoint(checkpoint_id), resolution, comment)
        with self.submitter.attempt(submission):
            checkpoint = await self.require_checkpoint(checkpoint_id)
            await self.submitter.answer(submission, checkpoint, typed=typed)
        await self.outcomes.records.saved()
        self.refresh()
        return submission

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
        run = self.find_run(execution_id)
        submission = replay_of(run, entity_id)
        with self.submitter.attempt(submission):
            await self.submitter.replay(submission, run, value, given_input=given_input, typed=typed)
        await self.outcomes.records.saved()
        self.refresh()
        return submission

    async def recover_writes(self) -> Sequence[Submission]:
        """Take over the unfinished writes of processes that died, look up their outcome, and return them."""
        recovered = await self._recover_writes()
        await self.outcomes.look_up()
        return recovered

    async def _recover_writes(self) -> Sequence[Submission]:
        return self.outcomes.recover(await self.outcomes.records.entries())

    async def _take_head(self, sweep: Sweep) -> int:
        """Store the new events of one read of the newest pages; return how many there are."""
        async with self._ingest.turn:
            await self._note_caller()
            is_first = self.book.event_count == 0
            new, changed = await self._catch_up.take_head(sweep, is_first=is_first)
            self._tasks.first_head.set()
            self.outcomes.observe(read_at=self._read_at)
            self._changed(changed)
        return new

    @property
    def _read_at(self) -> float | None:
        """When the newest events were last read, in monotonic seconds; None while a gap below them is open."""
        return self.link.events.answered_at if self._catch_up.behind is None else None

    async def _note_caller(self) -> None:
        """Store the caller in the journal once the first token is known."""
        known, caller = self.journal.identity, self.client.bearer.caller
        if caller is not None and known is not None and known.caller is None:
            await self._ingest.off(self.journal.note_caller, caller)

    async def _take_checkpoints(self, rows: Sequence[Checkpoint], seen: Collection[str], since: float) -> None:
        """Replace the pending checkpoints by `rows`; those with ids in `seen` were listed after `since`.

        A long list comes page by page; it is stored once the last page was read.
        """
        pending = tuple(sorted(rows, key=lambda row: (row.created or 0, row.id)))
        moved, is_first = pending != self.checkpoints, not self._pollers.link.checkpoints.polls
        self.checkpoints = pending
        changed = self.book.wait(pending)
        self.outcomes.observe(seen, since, self._read_at)
        self._tasks.polled.set()
        self._publish(Update(frozenset(changed), checkpoints=moved, gaps=self._gaps_moved()))
        self._is_pending_unsaved |= moved or is_first
        if self._is_pending_unsaved and not self._pollers.pending.is_reading:
            self._is_pending_unsaved = False
            await self._ingest.pending(pending)
        await self._ingest.save(self.clock.monotonic())

    def _changed(self, runs: set[str]) -> None:
        """Publish changed runs; report the backlog to the poller, and wake the task that fills gaps."""
        self._pollers.catch_up(self._catch_up.behind)
        if self._catch_up.fillings:
            self._tasks.gap_opened.set()
        self._publish(Update(frozenset(runs), gaps=self._gaps_moved()))

    def _publish_loaded(self, runs: set[str]) -> None:
        self._publish(Update(frozenset(runs), gaps=self._gaps_moved(), from_journal=True))

    def _publish_submission(self, submission: Submission) -> None:
        self._publish(Update(submission=submission))

    def _publish(self, update: Update) -> None:
        for subscriber in self._subscribers:
            subscriber(update)

    def _gaps_moved(self) -> bool:
        """Return True if the gaps differ from those published last."""
        published, self._published_gaps = self._published_gaps, self.book.gaps
        return published != self.book.gaps


def _may_succeed_later(error: ScaicoreError) -> bool:
    return isinstance(error, CannotReach) or error.status == _TOO_MANY_REQUESTS or (error.status or 0) >= 500
