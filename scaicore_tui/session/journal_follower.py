"""Follow the journal on a server: read it when its writer notifies, and at least every few seconds.

A notification makes a read at once. Without any (through a connection pooler, or with CockroachDB), the revision is
asked for every second. While the server can't be reached, it is tried again with the pauses of a poller.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from msgspec import Struct

from scaicore_tui.clock import Clock, wait_for_event
from scaicore_tui.errors import ScaicoreError, StorageError, Unreachable
from scaicore_tui.log import Log, error_fields
from scaicore_tui.session.recorder_status import data_age, last_poll, leader_of, recorder_problem
from scaicore_tui.store.changes import Changes, Content, JournalState, Known
from scaicore_tui.sync.poller import Backoff, retry_delay
from scaicore_tui.sync.status import ConnectionStatus, SourceStatus
from scaicore_tui.timefmt import MICROS_PER_SECOND, format_time

_log = Log(__name__)
# Notifications that arrive in this time are read together.
MIN_READ_INTERVAL_S = 0.1
# How often the revision and the recorder's health are read if notifications arrive, and if they do not.
NOTIFIED_INTERVAL_S, UNNOTIFIED_INTERVAL_S = 5.0, 1.0
# A person counts as present for this long after a key press.
ATTENDED_FOR_S = 60.0


class Source(Protocol):
    """Reads a journal; see `store.postgres.ServerFollower`."""

    @property
    def fileno(self) -> int | None:
        """The descriptor that can be read when there is a notification."""

    @property
    def notified_revision(self) -> int:
        """The highest revision of a notification so far; -1 before the first."""

    def read(self, known: Known, summaries_of: frozenset[str]) -> Changes | Content:
        """Return what changed."""

    def close(self) -> None:
        """Close the connection."""


class Reading(Struct, frozen=True):
    """One read: what was known before, the runs whose summaries were asked for, and what was found.

    `is_recovery`: reads before it failed, also those of single runs.
    """

    known: Known
    asked: frozenset[str]
    found: Changes | Content
    is_recovery: bool


class JournalFollower:
    """Reads what changes in one journal. `state` is that of the last read; None before.

    `on_read` gets each read that found a change, and None if only the status changed. `ask` returns what is known
    at a state, and the runs to ask for.
    """

    def __init__(
        self,
        source: Source,
        clock: Clock,
        interval_s: float,
        in_thread: Callable[..., Awaitable[Changes | Content]],
        ask: Callable[[JournalState | None], tuple[Known, frozenset[str]]],
        on_read: Callable[[Reading | None], None],
    ) -> None:
        self.state: JournalState | None = None
        self._source = source
        self._clock = clock
        self._interval_s = interval_s
        self._in_thread = in_thread
        self._ask = ask
        self._on_read = on_read
        self._status = SourceStatus()
        self._new_events = 0
        self._is_paused = False
        self._resumed = asyncio.Event()
        self._resumed.set()
        self._wake = asyncio.Event()
        self._is_notified = False
        self._key_at: float | None = None
        self._backoff = Backoff(interval_s, random.random)
        self._lock = asyncio.Lock()

    def status(self, behind: int | None) -> ConnectionStatus:
        """Return the connection status: the data is as old as the last answer of the API to the recorder."""
        leader = None if self.state is None else leader_of(self.state.recorders)
        interval_s = self._interval_s if leader is None else leader.interval_s
        return ConnectionStatus(
            interval=interval_s,
            events=self._status,
            checkpoints=self._status,
            paused=self._is_paused,
            new_events=self._new_events,
            poll_interval=interval_s,
            behind=behind,
            recorded_by="its recorder" if leader is None else f"record on {leader.host}",
        )

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            await self._resumed.wait()
            began = self._clock.monotonic()
            try:
                await self.read_once()
            except ScaicoreError:
                await self._wait((self._status.next_at or 0.0) - self._clock.monotonic())
                continue
            with self._woken_by_notifications():
                await self._wait(NOTIFIED_INTERVAL_S if self._is_notified else UNNOTIFIED_INTERVAL_S)
            await self._clock.sleep(began + MIN_READ_INTERVAL_S - self._clock.monotonic())

    async def read_once(self) -> None:
        """Read what changed, and pass it on. Raises StorageError or CredentialsError."""
        async with self._lock:
            self._wake.clear()
            known, asked = self._ask(self.state)
            began = self._clock.monotonic()
            try:
                found = await self._in_thread(self._source.read, known, asked)
            except ScaicoreError as error:
                self._record_failure(error)
                raise
            self._record(known, asked, found, began)

    def wake(self) -> None:
        """Read now."""
        self._wake.set()

    def key_pressed(self) -> None:
        """Record that a person is present, so that delays after failures are short for a while."""
        self._key_at = self._clock.monotonic()

    def pause(self, *, paused: bool) -> None:
        """Stop reading, or read at once."""
        self._is_paused = paused
        if paused:
            self._resumed.clear()
        else:
            self._resumed.set()
            self._wake.set()
        self._on_read(None)

    async def close(self) -> None:
        """Close the connection, after a read that is under way."""
        async with self._lock:
            self._source.close()

    def _record(self, known: Known, asked: frozenset[str], found: Changes | Content, began: float) -> None:
        before, notified = self.state, self._source.notified_revision
        has_changed, is_recovery = _mark(before) != _mark(found.state), self._status.failures > 0
        if has_changed and before is not None:
            self._is_notified = notified >= found.state.revision
            self._new_events = max(0, found.state.event_count - before.event_count)
        if notified > found.state.revision:
            # It arrived while this was read, and will not wake again.
            self._wake.set()
        self._backoff.record_success()
        self.state = found.state
        shown, self._status = self._status, self._status_of(found.state, began)
        if has_changed or is_recovery:
            self._on_read(Reading(known, asked, found, is_recovery))
        elif (
            before is None or last_poll(before) != last_poll(found.state) or str(shown.error) != str(self._status.error)
        ):
            self._on_read(None)

    def _status_of(self, state: JournalState, began: float) -> SourceStatus:
        now, age_s = self._clock.monotonic(), data_age(state)
        return SourceStatus(
            answered_at=None if age_s is None else now - age_s,
            error=recorder_problem(state, self._interval_s),
            latency_ms=(now - began) * 1000,
            polls=self._status.polls + 1,
        )

    def _record_failure(self, error: ScaicoreError) -> None:
        error.__cause__ = error.__context__ = error.__traceback__ = None
        retry_s = retry_delay(self._backoff.record_failure(error), is_attended=self._is_attended())
        _log.warning("journal cannot be read", failures=self._backoff.failures, **error_fields(error))
        now = self._clock.monotonic()
        self._status = SourceStatus(
            answered_at=self._status.answered_at,
            next_at=now + retry_s,
            error=_lost(error, self._status.answered_at, now, self._clock.now()),
            failures=self._backoff.failures,
            polls=self._status.polls,
        )
        self._on_read(None)

    async def _wait(self, seconds: float) -> None:
        await wait_for_event(self._clock, seconds, self._wake)

    @contextmanager
    def _woken_by_notifications(self) -> Iterator[None]:
        """Wake when the server sends something, or the connection is lost, while the block runs."""
        loop, descriptor = asyncio.get_running_loop(), self._source.fileno
        if descriptor is None:
            yield
            return
        loop.add_reader(descriptor, self._on_readable, descriptor)
        try:
            yield
        finally:
            loop.remove_reader(descriptor)

    def _on_readable(self, descriptor: int) -> None:
        # Only the next read takes it in: until then the descriptor stays readable.
        asyncio.get_running_loop().remove_reader(descriptor)
        self._wake.set()

    def _is_attended(self) -> bool:
        return self._key_at is not None and self._clock.monotonic() - self._key_at < ATTENDED_FOR_S


def _mark(state: JournalState | None) -> tuple[int, int] | None:
    """Return what is different after each commit."""
    return None if state is None else (state.lineage, state.revision)


def _lost(error: ScaicoreError, answered_at: float | None, now: float, wall_now: float) -> ScaicoreError:
    """Return the error for people: as of when the data is that is shown."""
    if not (isinstance(error, StorageError) and error.is_temporary):
        return error
    at = "" if answered_at is None else format_time(int((wall_now - (now - answered_at)) * MICROS_PER_SECOND), wall_now)
    return Unreachable("the journal's server is unreachable" + (f"; shown as of {at}" if at else ""))
