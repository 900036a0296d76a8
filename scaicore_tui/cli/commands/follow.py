"""Follow a session: yield each transition once, and report problems with the connection and the journal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager

from scaicore_tui.cli.output import stderr
from scaicore_tui.errors import CredentialsError, ScaicoreError
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.runs import CheckpointTracker, GapRow, Transition, TransitionStream
from scaicore_tui.session import STALE_INTERVALS, Session
from scaicore_tui.timefmt import MICROS_PER_SECOND, format_age, format_time

# A credential counts as invalid after this many refusals in a row: one may be an error of the server.
MAX_CREDENTIAL_REFUSALS = 3


class ChangeFollower:
    """Yields the transitions of one run, or of all runs, since this object was created."""

    def __init__(self, session: Session, execution_id: str | None) -> None:
        self._session = session
        self._execution_id = execution_id
        self._read_to = session.newest_position
        self._stream = TransitionStream(session.run_history)
        # Checkpoints that are pending already are no change, unless the whole run is shown.
        before = session.checkpoints if execution_id is None else ()
        self._held_back: list[Transition] = []
        self._held_since = 0.0
        self._pending = CheckpointTracker(before, since=session.newest_time())
        # Checkpoints of ended runs that were listed again since, and those of them that were not pending any more.
        self._rechecked: set[str] = set()
        self._closed: set[str] = set()

    def past_changes(self, execution_id: str) -> Iterator[Transition]:
        """Yield all changes of this run up to now."""
        return self._stream.feed(self._session.run_history(execution_id, self._read_to))

    def new_changes(self) -> Iterator[Transition]:
        """Yield the changes by events since the last call. Events above an open gap wait until it is filled."""
        if self._is_behind:
            return
        before, self._read_to = self._read_to, self._session.newest_position
        rows = self._session.events_between(before, self._read_to)
        yield from self._stream.feed(row for row in rows if self._is_followed(row[1].execution_id))

    def waiting(self) -> Sequence[Transition]:
        """Return the checkpoints that are pending at the start and were not shown before."""
        return list(self._pending.feed(self._followed_rows(self._session.checkpoints), (), self._now))

    async def refresh_checkpoints(self, *, always: bool) -> None:
        """Find new and closed checkpoints. Fetches how they were resolved if some closed, or `always`."""
        await self._find_closed()
        pending = [row for row in self._followed_rows(self._session.checkpoints) if row.id not in self._closed]
        answered = await self._fetch_resolved() if always or self._pending.has_departures(pending) else ()
        changes = list(self._pending.feed(pending, answered, self._now))
        if changes:
            self._held_back += changes
            self._held_since = self._session.clock.monotonic()
            self._session.refresh()

    def release_due(self, event_changes: Sequence[Transition]) -> Sequence[Transition]:
        """Return the changes of checkpoints to show together with `event_changes`.

        Checkpoints are fetched separately from events. Their changes are held back until the events are read at least
        as far, so that a node is shown as entered before its checkpoint is shown as waiting.
        """
        newest = max((change.at or 0 for change in event_changes), default=0)
        due = [change for change in self._held_back if self._is_due(change, newest)]
        self._held_back = [change for change in self._held_back if change not in due]
        return due

    def _is_due(self, change: Transition, newest: int) -> bool:
        return (change.at or 0) <= newest or self._is_up_to_date() or self._has_ended(change.execution_id)

    def _is_up_to_date(self) -> bool:
        """Return True if events were read after the held changes were found, and no gap is open."""
        events = self._session.connection.events
        is_newer = events.answered_at is not None and events.answered_at >= self._held_since
        return is_newer and events.error is None and not self._is_behind

    async def _find_closed(self) -> None:
        """List the pending checkpoints again if a run with a checkpoint has ended: it may be closed by now."""
        to_check = {
            row.id for row in self._followed_rows(self._session.checkpoints) if self._has_ended(row.execution_id)
        }
        to_check -= self._rechecked
        if not to_check:
            return
        try:
            listed = await self._session.list_checkpoints("pending")
        except ScaicoreError:
            return
        if listed.cut_short:
            return  # the missing ones may be on pages that were not read
        self._rechecked |= to_check
        self._closed |= to_check - {row.id for row in listed.rows}

    async def _fetch_resolved(self) -> Sequence[Checkpoint]:
        """Fetch the checkpoints resolved last; none if that fails: then their resolutions are not shown.

        A viewer of a journal does not ask the API for them.
        """
        if not self._session.polls_api:
            return ()
        try:
            newest = await self._session.list_checkpoints("resolved", max_pages=1)
        except ScaicoreError:
            return ()
        return self._followed_rows(newest.rows)

    @property
    def _is_behind(self) -> bool:
        return any(gap.is_open and gap.after >= self._read_to for gap in self._session.index.gaps)

    @property
    def _now(self) -> int:
        return int(self._session.now * MICROS_PER_SECOND)

    def _followed_rows(self, rows: Sequence[Checkpoint]) -> Sequence[Checkpoint]:
        return [row for row in rows if self._is_followed(row.execution_id)]

    def _is_followed(self, execution_id: str | None) -> bool:
        return self._execution_id in (None, execution_id)

    def _has_ended(self, execution_id: str | None) -> bool:
        """Return True if that run has ended."""
        summary = self._session.index.get(execution_id or "")
        return summary is not None and summary.is_over


class ConnectionReporter:
    """Reports each of these once: connection lost or restored, slower polls, lost events, journal problems."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lost_at: float | None = None
        self._was_held = False
        self._interval_note = ""
        self._gaps = {gap.after for gap in session.index.gaps if not gap.is_open}
        self._journal_problem = ""

    @property
    def is_lost(self) -> bool:
        """True if the latest request failed."""
        return self._lost_at is not None

    def new_messages(self) -> Iterator[str]:
        """Yield the messages that are due. Raises CredentialsError if the credential is refused repeatedly."""
        connection = self._session.connection
        error = next((part.error for part in connection.sources if part.error is not None), None)
        if isinstance(error, CredentialsError) and connection.failures >= MAX_CREDENTIAL_REFUSALS:
            raise error
        yield from self.report_lost(error) if error is not None else self._report_restored()
        yield from self._report_held(self._session.clock.monotonic())
        yield from self._report_interval()
        yield from self._report_gaps()
        if self._journal_problem != self._session.journal_problem:
            self._journal_problem = self._session.journal_problem
            yield (
                self._journal_problem
                or "the journal can be written again: all events that were only in memory are saved"
            )

    def report_lost(self, error: ScaicoreError) -> Iterator[str]:
        """Yield the message for a failed request, unless it was yielded before."""
        if self._lost_at is None:
            self._lost_at = self._session.clock.monotonic()
            yield f"{self._time} connection lost: {error}"

    def interval_note(self) -> str:
        """Return the poll interval if the rate limit makes it longer than configured; else empty.

        `new_messages` does not report the same again.
        """
        self._interval_note = self._session.connection.interval_note
        return self._interval_note

    def _report_restored(self) -> Iterator[str]:
        if self._lost_at is not None:
            lost, self._lost_at = self._lost_at, None
            yield f"{self._time} connection restored after {format_age(self._session.clock.monotonic() - lost)}"

    @property
    def _time(self) -> str:
        now = self._session.now
        return format_time(int(now * MICROS_PER_SECOND), now)

    def _report_interval(self) -> Iterator[str]:
        # The rate limit is only known after a response.
        connection, before = self._session.connection, self._interval_note
        if any(part.polls for part in connection.sources) and connection.interval_note != before:
            yield f"{self._time} polling {self.interval_note() or f'every {connection.interval:g} s'}"

    def _report_held(self, now: float) -> Iterator[str]:
        connection = self._session.connection
        left = 0.0 if connection.held_until is None else connection.held_until - now
        is_held = left > STALE_INTERVALS * connection.effective_interval
        if is_held and not self._was_held:
            is_asked = self._session.is_held_by_server
            reason = (
                "the server asked to wait (429)" if is_asked else "rate limit: all requests of this minute are used"
            )
            yield f"{self._time} {reason}, next request in {format_age(left)}"
        self._was_held = is_held

    def _report_gaps(self) -> Iterator[str]:
        for gap in self._session.index.gaps:
            if not gap.is_open and gap.after not in self._gaps:
                self._gaps.add(gap.after)
                text = GapRow(0, [gap]).label(self._session.now, 0)
                yield f"{text}: events lost to retention, changes may be missing"


async def with_backoff(session: Session, reporter: ConnectionReporter, read: Callable[[], Awaitable[object]]) -> None:
    """Call `read` until it succeeds; the first failure is reported, and each is waited out.

    Raises errors that waiting does not help against: a wrong URL, credential or request.
    """

    def report(error: ScaicoreError) -> None:
        for message in reporter.report_lost(error):
            stderr.say(message)

    await session.read_with_backoff(read, report)


@asynccontextmanager
async def polling(session: Session) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Poll the session inside the block. Yields a function that waits for the next change."""
    changed = asyncio.Event()
    session.subscribe(lambda update: changed.set())
    task = asyncio.create_task(session.run())
    task.add_done_callback(lambda task: changed.set())

    async def wait() -> None:
        await changed.wait()
        changed.clear()
        if task.done():
            task.result()

    try:
        yield wait
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
