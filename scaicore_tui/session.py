"""The seam that both front ends use: one target, its journal, its runs and checkpoints, and what may be done.

Everything happens on one event loop. What is read here changes only between two updates.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Self

from msgspec import Struct
from msgspec.structs import replace

from scaicore_tui.actions import Ledger, Outcomes, Submission, Submitter, gate
from scaicore_tui.actions.lookup import find, told
from scaicore_tui.actions.submit import answer_to, replay_of
from scaicore_tui.catchup import CatchUp
from scaicore_tui.clock import Clock, SystemClock
from scaicore_tui.config import Target
from scaicore_tui.errors import Conflict, NotFound, StorageError
from scaicore_tui.feed import Chance, Client, Link, Part, Pollers, Rank, Sweep
from scaicore_tui.feed.checkpoint_listing import PendingStatus
from scaicore_tui.feed.link import SKEWED
from scaicore_tui.journal import Aside, Ingest, Journal
from scaicore_tui.runs import Run, RunBook, one_run
from scaicore_tui.runs.words import age
from scaicore_tui.watch import Watch
from scaicore_tui.wire import Checkpoint, Event

DEFAULT_BACKFILL = 5_000
# What is shown is too old to act on after so many seconds, and three intervals.
STALE_SECONDS = 15.0
# A write that waits no longer for the budget than this waits for nothing worth telling.
A_MOMENT = 2.0


class Update(Struct, frozen=True):
    """What changed: runs by id, and whether the checkpoints, the gaps, a submission, or only the link did.

    Of runs that only came out of the journal, or were forgotten there, many such updates may come one after the other.
    """

    runs: frozenset[str] = frozenset()
    checkpoints: bool = False
    gaps: bool = False
    submission: Submission | None = None
    only_stored: bool = False


class Session:
    """Async context manager: closes client and journal; that may be done twice, by whoever opened it and by the app. By
    `chance` it waits after failures."""

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
        self.checkpoints: tuple[Checkpoint, ...] = ()
        self._is_pending_unsaved = False
        self.journal = Journal.temporary() if journal is None else journal
        self._ingest = Ingest(self.journal, self.book, self._changed, self._loaded)
        self._aside = Aside(self.journal, self.book, self._changed)
        self.client = client or Client(target, clock=self.clock)
        told = partial(self._tell, Update())
        self.client.bearer.expect(None if self.journal.identity is None else self.journal.identity.caller)
        self.outcomes = Outcomes(self.client, self.book, self.clock, self._submitted, ledger or Ledger(), told)
        self.submitter = Submitter(self.client, self.book, self.clock, self.outcomes, self._staleness)
        self._catch_up = CatchUp(self.client, self.journal, self._ingest, self.clock, self._changed)
        known = self._catch_up.known
        self._pollers = Pollers(
            self.client, self.clock, chance, known, self._take_head, self._take_checkpoints, changed=told
        )
        self._listeners: list[Callable[[Update], None]] = []
        self._watch = Watch(self._pollers, self._catch_up, self.outcomes, self.book, chance, backfill)
        self._ingest.load_newest()
        self._told_gaps = self.book.gaps

        # How many events were only in memory when it was closed, and are lost.
        self.lost_count = 0
        self._is_closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close client and journal; what came of writes is left to the next session. May be done twice."""
        self._aside.close()
        # From below: each is closed, whatever becomes of those before it.
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
        """Count what the file did not take, once: whatever kept the last try from its end."""
        if self.journal.trouble and not self._is_closed:
            self.lost_count = self.journal.unsaved_count
        self._is_closed = True

    @property
    def link(self) -> Link:
        """The state of the connection after its latest fetch."""
        held = self.client.budget.wait(Rank.WRITE)
        return replace(self._pollers.link, held_until=self.clock.monotonic() + held if held > A_MOMENT else None)

    @property
    def recorded_until(self) -> int | None:
        """Offline, the time of the newest recorded event, in microseconds since 1970; 0 where there is none."""
        return None

    @property
    def now(self) -> float:
        """Seconds since 1970: by the server's clock, where ours is far off, as it is the server that tells moments."""
        skew = self.client.skew
        return self.clock.now() + (skew if abs(skew) > SKEWED else 0.0)

    @property
    def pending_status(self) -> PendingStatus:
        """How much of the pending checkpoints was read."""
        return self._pollers.pending.status

    @property
    def unread(self) -> list[str]:
        """What of the server's pages was not read, and why, a sentence each."""
        return list(
            filter(
                None, [self._catch_up.stuck, self._catch_up.unclear, self._pollers.stuck, self.pending_status.cut_short]
            )
        )

    @property
    def is_listing(self) -> bool:
        """Whether pages of pending checkpoints are still to be read."""
        return self._pollers.pending.is_reading

    @property
    def unreadable(self) -> int:
        """How many events, of those that came since the start, and pending checkpoints can't be read in full."""
        return self.book.unreadable + self.client.unreadable

    def listen(self, listener: Callable[[Update], None]) -> None:
        """Call `listener` after everything that changed."""
        self._listeners.append(listener)

    def ask_ahead(self) -> None:
        """Ask for the first time before `run`, which takes the answer."""
        self._pollers.ask_ahead()

    async def run(self) -> None:
        """Poll until cancelled; beside it read history, and look up writes whose answers were lost."""
        self.outcomes.recover(await self.outcomes.records.entries())
        async with asyncio.TaskGroup() as group:
            self.book.runs.aside = partial(self._aside.fold, group)
            group.create_task(self._ingest.keep(self.target, self.clock))
            group.create_task(self._watch.run())

    async def read_once(self, *, all_checkpoints: bool = True) -> None:
        """Read journal, head, holes, history and checkpoints once, of these maybe the first page alone. Raises what
        keeps that from succeeding."""
        await self._ingest.load()
        await self._watch.read_once(all_checkpoints=all_checkpoints)

    async def load(self) -> None:
        """Take all runs out of the journal: `run` does so beside other things."""
        await self._ingest.load()

    async def save(self) -> int:
        """Write what is only in memory, if the disk takes it now; return how many events still are."""
        await self._ingest.save()
        return await self._ingest.off(lambda: self.journal.unsaved_count)

    def refresh(self) -> bool:
        """Fetch now; False where enough fetches are under way."""
        return self._pollers.refresh()

    def give_way(self, *, to_key: bool) -> None:
        """A key is acted on, or was: what is folded beside it waits for it, and failed polls are tried again sooner."""
        if to_key:
            self._pollers.key_pressed()
        self._ingest.intake.give_way(to_key=to_key)

    def pause(self, *, paused: bool) -> None:
        """Stop polling, or poll again at once."""
        self._pollers.pause(paused=paused)

    @property
    def has_older(self) -> bool:
        """Whether the feed may hold events older than those read."""
        return self._watch.has_older and not self.target.offline

    @property
    def reads_older(self) -> bool:
        """Whether it helps to read older events: not where the server's pages seem to have no end."""
        return self.has_older and not self._catch_up.stuck

    @property
    def wants_history(self) -> bool:
        """Whether less was read than should be at the start."""
        return self._watch.wants_history

    async def load_older(self) -> int:
        """Read one more page of history; returns how many events it brought. Raises what keeps it from that."""
        return 0 if self.target.offline else await self._watch.load_older()

    def events(self, execution_id: str | None = None) -> Iterator[Event]:
        """The events of one run, or all, in feed order; of a damaged run those that can be read."""
        if execution_id is None:
            return self.journal.reader.events()
        return (event for _, event in self.journal.readable(execution_id, None))

    def newest_events(self, execution_id: str, limit: int) -> Sequence[Event]:
        """The newest events of one run, in feed order."""
        try:
            return self.journal.reader.newest_of(execution_id, limit)
        except StorageError as error:
            self.journal.note_damage(error)
            return ()

    def run_of(self, prefix: str) -> Run:
        """The one run whose id begins with `prefix`, or `@latest`. Raises NotFound, or UsageError where it is many."""
        return one_run(self.book, prefix, "" if self.target.offline else "--backfill N reads further")

    def checkpoint(self, checkpoint_id: str) -> Checkpoint | None:
        """The pending checkpoint of that id."""
        return next((row for row in self.checkpoints if row.id == checkpoint_id), None)

    def why_not_answer(self, checkpoint_id: str | None, resolution: str | None = None) -> str | None:
        """Why that checkpoint can't be answered now; None where it can."""
        return gate.why_not_answer(self.submitter.situation, self.checkpoint(checkpoint_id or ""), resolution)

    def why_not_continue(self, checkpoint_id: str | None) -> str | None:
        """Why that checkpoint can't be continued now; None where it can."""
        return gate.why_not_continue(self.submitter.situation, self.checkpoint(checkpoint_id or ""))

    def why_not_replay(self, execution_id: str | None) -> str | None:
        """Why that run can't be replayed now; None where it can."""
        return gate.why_not_replay(self.submitter.situation, self.book.runs.get(execution_id or ""))

    async def require_checkpoint(self, checkpoint_id: str) -> Checkpoint:
        """The pending checkpoint of that id. Raises Conflict with what it says now, or NotFound.

        One that was not listed is looked for: it may be new, or on a page that was not read.
        """
        if (checkpoint := self.checkpoint(checkpoint_id)) is not None:
            return checkpoint
        # Nobody waits here for all pages: only as long as it takes to find this one.
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
        """Answer a pending checkpoint, once; on a protected profile with the option `typed` out.

        The submission is among those of the session from the first moment on. Raises what keeps it from being sent:
        what `require_checkpoint` does, UsageError from the gate; it is *not sent* then.
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
        """Invoke the run's Core again, once, with its captured input or the `value` given instead; on a protected
        profile with the Core's id `typed` out.

        Returns when the invocation answered, which may take minutes. Raises NotFound, and UsageError from the gate.
        """
        run = self.run_of(execution_id)
        submission = replay_of(run, entity_id)
        with self.submitter.attempt(submission):
            await self.submitter.replay(submission, run, value, given_input=given_input, typed=typed)
        await self.outcomes.records.saved()
        self.refresh()
        return submission

    async def _take_head(self, sweep: Sweep) -> int:
        """Take a look at the feed's head; returns how many of its events are new."""
        async with self._ingest.turn:
            await self._note_caller()
            is_first = self.book.event_count == 0
            new, changed = await self._catch_up.take_head(sweep, is_first=is_first)
            self._watch.head.set()
            self.outcomes.observe(read_at=self._read_at)
            self._changed(changed)
        return new

    @property
    def _read_at(self) -> float | None:
        """When the events were last read to their end, in monotonic seconds; None where some are behind."""
        return self.link.events.answered_at if self._catch_up.behind is None else None

    async def _note_caller(self) -> None:
        """Store the caller in the journal once the first token is known."""
        known, caller = self.journal.identity, self.client.bearer.caller
        if caller is not None and known is not None and known.caller is None:
            await self._ingest.off(self.journal.note_caller, caller)

    async def _take_checkpoints(self, rows: Sequence[Checkpoint], seen: Collection[str], since: float) -> None:
        """Take all that is pending as far as is known, of which some were `seen` `since` a moment; tell what changed.
        Of a long listing each page comes by itself: it is stored once it was read to its end."""
        pending = tuple(sorted(rows, key=lambda row: (row.created or 0, row.id)))
        moved, is_first = pending != self.checkpoints, not self._pollers.link.checkpoints.polls
        self.checkpoints = pending
        changed = self.book.wait(pending)
        self.outcomes.observe(seen, since, self._read_at)
        self._watch.polled.set()
        self._tell(Update(frozenset(changed), checkpoints=moved, gaps=self._gaps_moved()))
        self._is_pending_unsaved |= moved or is_first
        if self._is_pending_unsaved and not self._pollers.pending.is_reading:
            self._is_pending_unsaved = False
            await self._ingest.pending(pending)
        await self._ingest.save(self.clock.monotonic())

    def _changed(self, runs: set[str]) -> None:
        self._catching_up()
        self._tell(Update(frozenset(runs), gaps=self._gaps_moved()))

    def _gaps_moved(self) -> bool:
        """Whether events are missing elsewhere than when this was asked last."""
        told, self._told_gaps = self._told_gaps, self.book.gaps
        return told != self.book.gaps

    def _loaded(self, runs: set[str]) -> None:
        self._tell(Update(frozenset(runs), gaps=self._gaps_moved(), only_stored=True))

    def _catching_up(self) -> None:
        """Tell the poller how much there is to catch up with, and whoever does that."""
        self._pollers.catch_up(self._catch_up.behind)
        if self._catch_up.fillings:
            self._watch.behind.set()

    def _staleness(self) -> tuple[str, str]:
        """Why what waits, and why the runs shown are too old to act on; empty where they are not."""
        link = self.link
        return self._age_of(link.checkpoints, link), self._age_of(link.events, link)

    def _age_of(self, part: Part, link: Link) -> str:
        known = part.age(self.clock.monotonic())
        is_old = known is not None and known > max(STALE_SECONDS, link.patience)
        return f"what is shown is {age(known)} old: r refreshes" if known is not None and is_old else ""

    def _submitted(self, submission: Submission) -> None:
        self._tell(Update(submission=submission))

    def _tell(self, update: Update) -> None:
        for listener in self._listeners:
            listener(update)
