"""The session itself: it connects client, journal, runs and writes of one target, and publishes what changes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Sequence
from contextlib import AsyncExitStack
from functools import cached_property, partial
from typing import TYPE_CHECKING, Self

from scaicore_tui.actions import Ledger, Submission, SubmissionTracker, Submitter
from scaicore_tui.api.client import Client
from scaicore_tui.clock import Clock, SystemClock
from scaicore_tui.config import Target
from scaicore_tui.config.paths import screens_file
from scaicore_tui.log import Log
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.runs import Delta, RunIndex
from scaicore_tui.session.commands import Commands
from scaicore_tui.session.read_model import SubmissionDelta
from scaicore_tui.session.run_reader import RunReader
from scaicore_tui.session.tasks import BackgroundTasks
from scaicore_tui.store import Ingestor, Journal
from scaicore_tui.sync.backfill import Backfiller
from scaicore_tui.sync.head import HeadRead
from scaicore_tui.sync.poller import RandomFn
from scaicore_tui.sync.pollers import Pollers

if TYPE_CHECKING:
    from scaicore_tui.export.redaction import Redactor
    from scaicore_tui.session.comparisons import Comparisons
    from scaicore_tui.session.event_pages import EventPages
    from scaicore_tui.session.finished_runs import FinishedRuns
    from scaicore_tui.session.flows import FlowGraphs
    from scaicore_tui.session.remembered_screen import RememberedScreen
    from scaicore_tui.session.run_contexts import RunContexts
    from scaicore_tui.session.statistics import Statistics

DEFAULT_BACKFILL = 5_000
_log = Log(__name__)


class Session(Commands):
    """One target with its journal: read models, commands, and `subscribe`.

    An async context manager: closes client and journal. Without a `journal` events are kept in a temporary file until
    the session is closed; without a `ledger` writes are not recorded. `random_fn` spreads the waits after failures.
    It `keeps_client` if another session uses the same client afterwards.
    """

    def __init__(
        self,
        target: Target,
        journal: Journal | None = None,
        clock: Clock | None = None,
        backfill: int = DEFAULT_BACKFILL,
        client: Client | None = None,
        ledger: Ledger | None = None,
        random_fn: RandomFn = random.random,
        *,
        keeps_client: bool = False,
    ) -> None:
        self.target = target
        self._keeps_client = keeps_client
        self.clock = clock or SystemClock()
        self.index = RunIndex(
            lambda execution_id: self.journal.history_until_damaged(execution_id, self.index.last_position)
        )
        self.checkpoints = ()
        self.slow_runs = {}
        self._is_pending_unsaved = False
        self.journal = Journal.in_memory() if journal is None else journal
        self._ingestor = Ingestor(self.journal, self.index, self._changed)
        self.reader = RunReader(self.journal, self.index, self._loaded)
        self.client = client or Client(target, clock=self.clock)
        status_changed = partial(self._publish, Delta())
        self.client.bearer.expect_caller(None if self.journal.identity is None else self.journal.identity.caller)
        self.tracker = SubmissionTracker(
            self.client, self.index, self.clock, self._publish_submission, ledger or Ledger(), status_changed
        )
        self.submitter = Submitter(self.client, self.index, self.clock, self.tracker, self._staleness)
        self._backfiller = Backfiller(self.client, self.journal, self._ingestor, self.clock, self._changed)
        self._random_fn = random_fn
        self._pollers = Pollers(
            self.client,
            self.clock,
            random_fn,
            self._backfiller.known_tail,
            self._ingestor.run_in_thread,
            self._apply_head,
            self._apply_checkpoints,
            on_changed=status_changed,
        )
        self._subscribers: list[Callable[[Delta], None]] = []
        self._tasks = BackgroundTasks(self._pollers, self._backfiller, self.tracker, self.index, random_fn, backfill)
        self._ingestor.load_newest()
        # Set by `close`: the number of events that were only in memory, and are lost.
        self.lost_count = 0
        self._is_closed = False
        self._log_opened(backfill)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _log_opened(self, backfill: int) -> None:
        """Log what this session is about."""
        _log.info(
            "session opened",
            profile=self.target.name,
            host=self.target.host,
            api=str(self.target.api),
            offline=self.target.offline,
            read_only=self.target.read_only,
            interval_s=self.target.interval,
            backfill=backfill,
            events=self.index.event_count,
            open_gaps=len(self._backfiller.gap_backfills),
        )

    async def close(self) -> None:
        """Close client and journal. Writes with unknown outcome are left to the next session. May be called twice."""
        self.reader.close()
        # The stack closes from the last to the first, and each one even if another fails.
        async with AsyncExitStack() as closing:
            closing.push_async_callback(self.tracker.ledger_worker.close)
            closing.callback(self.tracker.release)
            closing.push_async_callback(self._close, self.journal.close)
            closing.callback(self._count_lost)
            closing.push_async_callback(self._close, self._ingestor.close)
            closing.push_async_callback(self._save_last)
            if not self._keeps_client:
                closing.push_async_callback(self.client.close)
            closing.push_async_callback(self._pollers.close)

    async def _close(self, close: Callable[[], None]) -> None:
        """Close a part of the journal. On a server, that may wait for its answer."""
        if self.journal.dialect.can_buffer:
            close()
        else:
            await asyncio.to_thread(close)

    async def _save_last(self) -> None:
        if self.journal.write_error:
            await self._ingestor.flush()

    def _count_lost(self) -> None:
        """Count the events that the file did not take, on the first `close` only, even if the last save failed."""
        if self.journal.write_error and not self._is_closed:
            self.lost_count = self.journal.unsaved_count
        if not self._is_closed:
            _log.info("session closed", requests=self.client.requests, events_lost=self.lost_count)
        self._is_closed = True

    def subscribe(self, subscriber: Callable[[Delta], None]) -> None:
        """Call `subscriber` with each delta, from now on."""
        self._subscribers.append(subscriber)

    @cached_property
    def flows(self) -> FlowGraphs:
        """The graphs of Cores, read when they are first asked for."""
        from scaicore_tui.session.flows import flow_graphs_of

        return flow_graphs_of(self.target, self.clock, self.reader.stored, self.client)

    @cached_property
    def event_pages(self) -> EventPages:
        """The events of runs, page by page."""
        from scaicore_tui.session.event_pages import EventPages

        return EventPages(self.journal)

    @cached_property
    def contexts(self) -> RunContexts:
        """The facts that other runs tell about a run, read when they are first asked for."""
        from scaicore_tui.session.run_contexts import RunContexts

        return RunContexts(self.journal, self.flows.past, self.clock.monotonic)

    @cached_property
    def comparisons(self) -> Comparisons:
        """Comparisons of runs with other runs of their Core."""
        from scaicore_tui.session.comparisons import Comparisons

        return Comparisons(self.reader.stored, lambda: self.submissions, lambda: self.now)

    @cached_property
    def statistics(self) -> Statistics:
        """Figures of nodes, rates, and causes of failures."""
        from scaicore_tui.session.statistics import Statistics

        return Statistics(self.journal)

    @cached_property
    def screen(self) -> RememberedScreen:
        """The choices of a person on the screens of this profile, once they are loaded."""
        from scaicore_tui.session.remembered_screen import RememberedScreen

        is_kept = self.remembers or (self.target.offline and self.target.is_url_from_profile)
        return RememberedScreen(screens_file() if is_kept else None, self.target.title, self.target.ui)

    def finished_runs(self, receiver: str, redactor: Redactor) -> FinishedRuns:
        """Return the runs that are over and were not sent to `receiver`, an identifier of its address."""
        from scaicore_tui.session.finished_runs import FinishedRuns

        return FinishedRuns(self, receiver, redactor)

    @property
    def newest_events(self) -> Sequence[bytes]:
        """The bytes of the newest events that this session has added, newest first: no more than a page."""
        return self._backfiller.newest

    def announce_status(self) -> None:
        """Let subscribers read the status again."""
        self._publish(Delta())

    def load_runs_in_background(self) -> None:
        """Load complete runs in threads from now on, as soon as `run` runs: a run is partial until it is loaded."""
        self.index.runs.fold_in_background = self.reader.request_run

    def prefetch(self) -> None:
        """Send the first requests now; `run` uses their responses."""
        self._pollers.prefetch()

    async def run(self) -> None:
        """Poll, backfill and look up writes until cancelled."""
        await self._recover_writes()
        async with asyncio.TaskGroup() as group:
            self.load_runs_in_background()
            self.reader.start(group)
            group.create_task(self._ingestor.load_then_prune(self.target, self.clock))
            group.create_task(self._tasks.run())

    async def read_once(self, *, all_checkpoints: bool = True) -> None:
        """Read journal, newest events, gaps, history and checkpoints once. Raises ScaicoreError if that fails.

        Without `all_checkpoints` only their first page is read.
        """
        await self._ingestor.load()
        await self._tasks.read_once(all_checkpoints=all_checkpoints)

    async def _apply_head(self, head: HeadRead) -> int:
        """Store the new events of one read of the newest pages and return their number."""
        async with self._ingestor.lock:
            await self._store_caller()
            is_first = self.index.event_count == 0
            new, delta = await self._backfiller.apply_head(head, is_first=is_first)
            self._tasks.first_head.set()
            self.tracker.observe(read_at=self._read_at)
            self._changed(delta)
        return new

    @property
    def _read_at(self) -> float | None:
        """When the newest events were last read, in monotonic seconds; None while a gap below them is open."""
        return self.connection.events.answered_at if self._backfiller.behind is None else None

    async def _store_caller(self) -> None:
        """Store the caller in the journal once the first token is known."""
        known, caller = self.journal.identity, self.client.bearer.caller
        if caller is not None and known is not None and known.caller is None:
            await self._ingestor.run_in_thread(self.journal.store_caller, caller)

    async def _apply_checkpoints(self, rows: Sequence[Checkpoint], seen: Collection[str], since: float) -> None:
        """Replace the pending checkpoints by `rows`; those with ids in `seen` were listed after `since`.

        A long list comes page by page; it is stored once the last page was read.
        """
        pending = tuple(sorted(rows, key=lambda row: (row.created or 0, row.id)))
        _log.info("poll", source="checkpoints", pending=len(pending))
        has_changed, is_first = pending != self.checkpoints, not self._pollers.status.checkpoints.polls
        self.checkpoints = pending
        changed = self.index.set_pending(pending)
        self.tracker.observe(seen, since, self._read_at)
        self._tasks.polled.set()
        self._publish(Delta(changed, checkpoints=pending if has_changed else None))
        await self.reader.load_ids(row.execution_id for row in pending)
        self._is_pending_unsaved |= has_changed or is_first
        if self._is_pending_unsaved and not self._pollers.pending.is_reading:
            self._is_pending_unsaved = False
            await self._ingestor.save_pending(pending)
        await self._ingestor.flush(self.clock.monotonic())

    def _changed(self, delta: Delta) -> None:
        """Publish a change of the journal; report the backlog to the poller, and wake the task that fills gaps."""
        self._pollers.set_behind(self._backfiller.behind)
        if self._backfiller.gap_backfills:
            self._tasks.gap_opened.set()
        self._publish(delta)

    def _loaded(self, delta: Delta) -> None:
        """Publish runs that were loaded. A loaded run may be evidence for a write."""
        self.tracker.observe(read_at=self._read_at)
        self._publish(delta)

    def _publish_submission(self, submission: Submission) -> None:
        self._publish(SubmissionDelta(submission=submission))

    def _publish(self, delta: Delta) -> None:
        for subscriber in self._subscribers:
            subscriber(delta)
