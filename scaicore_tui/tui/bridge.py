"""Runs a session inside the app. The only part of the app that awaits the session.

Screens send requests to the bridge; the bridge posts one message for each delta of the session.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from textual.app import App
from textual.message import Message
from textual.worker import Worker

from scaicore_tui.actions import answer_many
from scaicore_tui.config.paths import queries_file
from scaicore_tui.errors import ScaicoreError
from scaicore_tui.runs import Delta
from scaicore_tui.session import MAX_RESOLVED_PAGES, Session, submission_of
from scaicore_tui.text import sanitize
from scaicore_tui.tui.file_messages import FileWritten
from scaicore_tui.tui.messages import (
    AnnounceAnswering,
    AnswerAll,
    AnswerCheckpoint,
    BatchFinished,
    FiguresNeeded,
    FiguresRead,
    HistoryLoaded,
    OtherSessionWriteChanged,
    ReplayRun,
    ResolvedLoaded,
    RunsNeeded,
    SessionChanged,
    SummaryNeeded,
    WriteRejected,
)
from scaicore_tui.tui.offers import Offers, read_views
from scaicore_tui.tui.palette_messages import RunsWanted
from scaicore_tui.tui.query_messages import (
    OrderNeeded,
    OrderRead,
    QueriesRead,
    RecheckRuns,
    RememberQuery,
    RunsFound,
    RunsRechecked,
    SaveView,
    SearchRuns,
    ValuesCounted,
    ValuesNeeded,
)
from scaicore_tui.tui.replay_sender import ReplaySender
from scaicore_tui.tui.run_messages import (
    ComparisonNeeded,
    EventsNeeded,
    FactsNeeded,
    FlowNeeded,
    RunHistoryNeeded,
    SlowRunsRead,
)
from scaicore_tui.tui.run_reads import RunReads
from scaicore_tui.units import Position

if TYPE_CHECKING:
    from scaicore_tui.analysis.query import Query
    from scaicore_tui.session.export_file import FileRequest
    from scaicore_tui.session.remembered import RememberedQueries


def start_worker(
    app: App[int], work: Callable[[], Coroutine[None, None, None]], group: str, *, exclusive: bool = False
) -> Worker[None]:
    """Run `work` until it or the app ends; an `exclusive` worker cancels the others of its group.

    Takes a function rather than a coroutine: if the app ends before the worker starts, no coroutine is left unawaited.
    """
    return app.run_worker(work, group=group, exclusive=exclusive)


# Of open runs so many are looked at to find slow ones: of short runs with 20 events, these take 0.2 s.
MAX_SLOW_RUNS = 500
# Runs that are found are shown at most this often.
POST_INTERVAL_S = 0.2
BATCH_STOPPED = "stopped after the failure above"


class Bridge:
    """Runs one session inside the app."""

    def __init__(self, app: App[int], session: Session) -> None:
        self.name = session.target.title
        self._app = app
        self._session = session
        self._reading_history = False
        # The query to search; None while none is searched.
        self._query: Query | None = None
        self._detached = asyncio.Event()
        self._writes: set[Worker[None]] = set()
        self._reads: set[Worker[None]] = set()
        self._worker: Worker[None] | None = None
        self._offers = Offers(session, self._post)
        start_read, start_write = partial(self._start, self._reads), partial(self._start, self._writes)
        self.replays = ReplaySender(session, self._post, start_read, start_write)
        self._run_reads = RunReads(session, self._post)

    @property
    def is_open(self) -> bool:
        """True while the session holds the journal."""
        return self._worker is not None and not self._worker.is_finished

    def start(self) -> None:
        """Run the session until the bridge is detached or the app ends; then close it."""
        self._session.subscribe(self._on_delta)
        # A response may have arrived after the screen read the session and before it was subscribed to.
        self._on_delta(self._session.everything())
        self._worker = start_worker(self._app, self._run, "session")

    def detach(self) -> None:
        """Stop reading, and close the session once the writes in progress have ended. Only their results are posted."""
        self._detached.set()
        self.replays.stop()
        for read in self._reads:
            read.cancel()

    def yield_to_ui(self, *, to_key: bool) -> None:
        """Tell the session that the app starts to process a key (`to_key`), or has processed it."""
        self._session.yield_to_ui(to_key=to_key)

    def refresh(self) -> bool:
        """Fetch now; return False if too many fetches are in progress."""
        return self._session.refresh()

    def pause(self, *, paused: bool) -> None:
        """Stop polling, or resume it at once."""
        self._session.pause(paused=paused)

    def answer(self, request: AnswerCheckpoint) -> None:
        """Send an answer, once. The session's updates report its progress."""
        answer = partial(self._session.answer, request.checkpoint_id, request.resolution, request.comment)
        self._write(partial(answer, typed=request.typed))

    def announce_answering(self, request: AnnounceAnswering) -> None:
        """Let others see that a checkpoint is about to be answered here, or is not any more."""
        if self.is_open:
            self._session.announce_answering(request.checkpoint_id, is_open=request.is_open)

    def answer_all(self, request: AnswerAll) -> None:
        """Send the same answer to several checkpoints, once each."""
        self._start(self._writes, partial(self._answer_all, request), "writes")

    def replay(self, request: ReplayRun) -> None:
        """Replay a run, once. The session's updates report its progress."""
        replay = partial(self._session.replay, request.execution_id, request.value, request.entity_id)
        self._write(partial(replay, given_input=request.given_input, typed=request.typed))

    def load_history(self) -> None:
        """Read one more page of history, unless one is being read."""
        if not self._reading_history:
            self._reading_history = True
            self._start(self._reads, self._load_history, "history")

    def load_resolved(self) -> None:
        """Read the resolved checkpoints; a new request replaces an older one."""
        self._start(self._reads, self._load_resolved, "resolved", exclusive=True)

    def load_rows(self, request: RunsNeeded) -> None:
        """Load summaries of listed runs; the session publishes them."""
        self._start(self._reads, partial(self._session.reader.load_rows, request.positions), "rows")

    def read_figures(self, request: FiguresNeeded) -> None:
        """Read the figures of a period; a new request replaces an older one."""
        self._start(self._reads, partial(self._read_figures, request), "figures", exclusive=True)

    def load_summary(self, request: SummaryNeeded) -> None:
        """Load the summary of a run, if it is stored; the session publishes it."""
        self._start(self._reads, partial(self._session.reader.load_ids, (request.execution_id,)), "rows")

    def search(self, request: SearchRuns) -> None:
        """Search the runs that match a query. While one is searched, it is stopped, and only the newest is searched."""
        is_searching, self._query = self._query is not None, request.query
        if not is_searching and self._query is not None:
            self._start(self._reads, self._search, "search")

    def read_order(self, request: OrderNeeded) -> None:
        """Read all runs in an order; a new request replaces an older one."""
        self._start(self._reads, partial(self._read_order, request), "order", exclusive=True)

    def read_facts(self, request: FactsNeeded) -> None:
        """Read what other runs say about a run; a new request replaces an older one."""
        self._start(self._reads, partial(self._run_reads.read_facts, request), "facts", exclusive=True)

    def find_slow_runs(self) -> None:
        """Find the runs that take longer than usual; a new request replaces an older one."""
        self._start(self._reads, self._find_slow_runs, "slow", exclusive=True)

    def recheck(self, request: RecheckRuns) -> None:
        """Find out which runs that changed match a query now."""
        self._start(self._reads, partial(self._recheck, request), "recheck")

    def count_values(self, request: ValuesNeeded) -> None:
        """Count the values of a field; a new request replaces an older one."""
        self._start(self._reads, partial(self._count_values, request.field), "values", exclusive=True)

    def read_queries(self) -> None:
        """Read the queries used before, and the views of the configuration."""
        self._start(self._reads, self._read_queries, "queries", exclusive=True)

    def remember(self, request: RememberQuery) -> None:
        """Keep a query for the next sessions."""
        self._start(
            self._reads, partial(asyncio.to_thread, self._remembered[request.subject].add, request.text), "remember"
        )

    def read_offers(self) -> None:
        """Read the Cores that exist, and the saved views."""
        self._start(self._reads, self._offers.read, "offers", exclusive=True)

    def save_view(self, request: SaveView) -> None:
        """Write a view into the configuration file."""
        self._start(self._writes, partial(self._offers.save_view, request), "views")

    def write_file(self, request: FileRequest) -> None:
        """Write runs to a file."""
        self._start(self._writes, partial(self._write_file, request), "file")

    def offer_runs(self, request: RunsWanted) -> None:
        """Find the newest runs with some words; a new request replaces an older one."""
        self._start(self._reads, partial(self._offers.read_runs, request.words), "offered runs", exclusive=True)

    def read_events(self, request: EventsNeeded) -> None:
        """Read a page of the events of a run; a new request replaces an older one of the same reader."""
        self._start(
            self._reads, partial(self._run_reads.read_events, request), f"events {request.reader}", exclusive=True
        )

    def find_flow(self, request: FlowNeeded) -> None:
        """Read what other runs say about a run, and find the graph of its Core; a new request replaces an older one."""
        self._start(self._reads, partial(self._run_reads.find_flow, request), "flow", exclusive=True)

    def read_history(self, request: RunHistoryNeeded) -> None:
        """Read all events of a run; a new request replaces an older one."""
        read = partial(self._run_reads.read_history, request.execution_id)
        self._start(self._reads, read, "history of a run", exclusive=True)

    def compare(self, request: ComparisonNeeded) -> None:
        """Compare a run with another one. Each screen asks for one comparison at a time."""
        self._start(self._reads, partial(self._run_reads.compare, request), "comparison")

    async def _run(self) -> None:
        async with self._session:
            running = asyncio.create_task(self._session.run())
            detached = asyncio.create_task(self._detached.wait())
            try:
                await asyncio.wait((running, detached), return_when=asyncio.FIRST_COMPLETED)
                if running.done():
                    await running
            finally:
                await _cancel(running, detached)
            for write in tuple(self._writes):
                await write.wait()

    def _write(self, write: Callable[[], Awaitable[object]]) -> None:
        self._start(self._writes, partial(self._guarded, write), "writes")

    def _start(
        self,
        workers: set[Worker[None]],
        work: Callable[[], Coroutine[None, None, None]],
        group: str,
        *,
        exclusive: bool = False,
    ) -> None:
        """Start `work` as one of `workers`, from which the finished ones are removed."""
        workers -= {worker for worker in workers if worker.is_finished}
        workers.add(start_worker(self._app, work, group, exclusive=exclusive))

    async def _guarded(self, write: Callable[[], Awaitable[object]]) -> None:
        """Await a write and report an exception: it means that nothing was sent. A submission reports all else."""
        try:
            await write()
        except ScaicoreError as error:
            self._report_not_sent(error)

    async def _answer_all(self, request: AnswerAll) -> None:
        """Send the answers one by one and post `BatchFinished`, with the reason if some were not sent."""
        ids, stop_reason = request.checkpoint_ids, ""
        try:
            sent = await answer_many(
                lambda key: self._session.answer(key, request.resolution, request.comment, typed=request.typed),
                ids,
                stop_on_failure=request.stop_on_failure,
            )
        except ScaicoreError as error:
            self._report_not_sent(error)
            stop_reason = BATCH_STOPPED
        else:
            stop_reason = BATCH_STOPPED if request.stop_on_failure and len(sent) < len(ids) else ""
        self._post(BatchFinished(ids, stop_reason))

    def _report_not_sent(self, error: ScaicoreError) -> None:
        """Post why a write was not sent, unless its submission reports that."""
        if not any(submission.failure is error.__cause__ for submission in self._session.submissions):
            self._post(WriteRejected(sanitize(str(error))))

    async def _load_history(self) -> None:
        try:
            await self._session.load_older()
        except ScaicoreError as error:
            self._post(HistoryLoaded(sanitize(str(error))))
        else:
            self._post(HistoryLoaded())
        finally:
            self._reading_history = False

    async def _load_resolved(self) -> None:
        try:
            listed = await self._session.list_checkpoints("resolved", max_pages=MAX_RESOLVED_PAGES)
        except ScaicoreError as error:
            self._post(ResolvedLoaded(problem=sanitize(str(error))))
        else:
            self._post(ResolvedLoaded(listed.rows))

    async def _search(self) -> None:
        """Search the wanted query, until no other is wanted."""
        while (query := self._query) is not None:
            try:
                await self._search_one(query)
            except ScaicoreError as error:
                self._post(RunsFound(query, problem=sanitize(str(error))))
            if self._query is query:
                self._query = None

    async def _search_one(self, query: Query) -> None:
        """Post the runs that match, the first ones at once, then at most every POST_INTERVAL_S. Stop if not wanted."""
        found, posted_at = list[Position](), -POST_INTERVAL_S
        async for step in self._session.queries.steps(query):
            if self._query is not query:
                return
            found += step.positions
            now = self._session.clock.monotonic()
            if step.searched >= 1.0 or now - posted_at >= POST_INTERVAL_S:
                self._post(RunsFound(query, found, step.searched))
                found, posted_at = [], now

    async def _read_order(self, request: OrderNeeded) -> None:
        try:
            order = await self._session.queries.order(request.sort)
        except ScaicoreError as error:
            self._post(OrderRead(request.sort, problem=sanitize(str(error))))
        else:
            self._post(OrderRead(request.sort, order))

    async def _find_slow_runs(self) -> None:
        try:
            hints = await asyncio.to_thread(self._session.read_slow_runs, MAX_SLOW_RUNS)
        except ScaicoreError:
            return
        self._post(SlowRunsRead(hints))

    async def _recheck(self, request: RecheckRuns) -> None:
        try:
            matching = await self._session.queries.matching(request.query, request.positions)
        except ScaicoreError:
            return
        self._post(RunsRechecked(request.query, request.positions, matching))

    async def _count_values(self, field: str) -> None:
        self._post(ValuesCounted(field, await self._session.queries.count_values(field)))

    async def _read_queries(self) -> None:
        remembered = self._remembered.values()
        (runs, checkpoints), views = await asyncio.to_thread(lambda: ([one.load() for one in remembered], read_views()))
        self._post(QueriesRead(runs, checkpoints, views))

    @cached_property
    def _remembered(self) -> dict[str, RememberedQueries]:
        """The queries used before, by what they are about."""
        from scaicore_tui.session.remembered import RememberedQueries

        title, path = self._session.target.title, queries_file() if self._session.remembers else None
        return {
            "runs": RememberedQueries(path, title),
            "checkpoints": RememberedQueries(path, f"{title} · checkpoints"),
        }

    async def _read_figures(self, request: FiguresNeeded) -> None:
        session = self._session
        found = await session.statistics.overview(request.period, request.columns, session.target.core)
        if found is not None:
            self._post(FiguresRead(*found))

    async def _write_file(self, request: FileRequest) -> None:
        from scaicore_tui.session.export_file import write_runs

        self._post(FileWritten(await write_runs(self._session, request)))

    def _on_delta(self, delta: Delta) -> None:
        if not self._detached.is_set():
            self._app.post_message(SessionChanged(delta))
        elif (submission := submission_of(delta)) is not None:
            self._app.post_message(OtherSessionWriteChanged(self.name, submission))

    def _post(self, message: Message) -> None:
        """Post a message to the app. Once detached, only a rejected write is posted, with the name of the session."""
        if not self._detached.is_set():
            self._app.post_message(message)
        elif isinstance(message, WriteRejected):
            self._app.post_message(WriteRejected(f"{sanitize(self.name)}: {message.reason}"))


async def _cancel(*tasks: asyncio.Task[Any]) -> None:
    """Cancel the tasks and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
