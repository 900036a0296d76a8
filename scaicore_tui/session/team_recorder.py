"""A recorder of a team's journal on a server: it leads, stands by, or keeps events in a local journal.

The leader polls the API and writes. A stand-by sends no request, and takes over when the leader ends, is stuck or loses
its connection (see `store.leadership`). While the server is away, the former leader goes on polling into a file, and
delivers that when it leads again. If another one leads by then, it waits until that has polled: if the journal then has
all events of the file, the file is deleted; if not, this recorder replaces the leader and delivers the missing ones
(see `store.delivery`).
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from scaicore_tui.api.client import Client
from scaicore_tui.api.page_size import MAX_PAGE_ROWS
from scaicore_tui.auth import identify
from scaicore_tui.clock import Clock, SystemClock
from scaicore_tui.config import Target
from scaicore_tui.config.journal_url import JournalUrl
from scaicore_tui.errors import Conflict, ScaicoreError, StorageError
from scaicore_tui.log import Log, error_fields
from scaicore_tui.session.read_model import JournalCounts, count_journal
from scaicore_tui.session.session import DEFAULT_BACKFILL, Session
from scaicore_tui.store.delivery import deliver, is_delivered
from scaicore_tui.store.journal import Journal
from scaicore_tui.store.leadership import (
    NO_EPOCH,
    Claim,
    Report,
    Roster,
    WriterReplaced,
    find_claim,
    report_pause_s,
    stuck_after_s,
)
from scaicore_tui.store.local_journal import LocalJournal
from scaicore_tui.store.servers import open_server_journal, open_server_recorders, read_server_journal
from scaicore_tui.text import one_line
from scaicore_tui.timefmt import MICROS_PER_SECOND, format_time

if TYPE_CHECKING:
    from scaicore_tui.store.postgres.recorders import LeaderJournal

_log = Log(__name__)
# Failures in a row to write to the server after which events are kept locally: one may be a lost connection, which is
# replaced at the next poll.
MAX_WRITE_FAILURES = 2
# A program that is ended by a signal has five seconds for all of this, also if the server does not answer.
COUNT_TIMEOUT_S, CLOSE_TIMEOUT_S = 2.5, 1.5
# Reports in a row by which another recorder leads: one may be sent while the connection is replaced.
MAX_REPLACED_REPORTS = 2
# Polls of another leader that are waited for before its journal is compared with the local one.
POLLS_BEFORE_COMPARING = 2


class TeamRecorder:
    """One recorder. `session` is what it records with now; None while it stands by.

    `advance` and `leave` change `session`; `report` is called several times per interval, by `run_reports` or a test.
    `say` gets messages for people.
    """

    def __init__(
        self,
        target: Target,
        url: JournalUrl,
        say: Callable[[str], None],
        *,
        backfill: int = DEFAULT_BACKFILL,
        clock: Clock | None = None,
        client: Client | None = None,
        folder: Path | None = None,
        stands_by: bool = True,
    ) -> None:
        """`folder` is that of local journals, unless the usual one. Unless it `stands_by`, `advance` raises Conflict if
        another recorder leads. Raises ConfigError.
        """
        self.target = target
        self.session: Session | None = None
        # True while `session` writes the local journal.
        self.is_local = False
        # The figures of the sessions that are over. `kept` are events that are only in the local journal.
        self.recorded = self.kept = self.delivered = self.unreadable = self.stale_dropped = 0
        # True once this recorder has stood by.
        self.has_stood_by = False
        self.clock = clock or SystemClock()
        self.client = client or Client(target, clock=self.clock)
        self._url = replace(url, wanted=identify(target))
        self._identity = identify(target)
        self._backfill = backfill
        self._say = say
        self._stands_by = stands_by
        self._recorders = open_server_recorders(url, self._identity)
        self._local = LocalJournal(url, self._identity, folder)
        self._host = socket.gethostname()
        self._name = f"{self._host}/{os.getpid()}/{secrets.token_hex(4)}"
        # What the last report returned; None if it failed with `_failure`, or before the first.
        self._roster: Roster | None = None
        self._failure: ScaicoreError | None = None
        self._has_connected = False
        # Returns the number of this leader while it leads; its number when it last led, unless another has led since.
        self._current_epoch: Callable[[], int] | None = None
        self._own_epoch: int | None = None
        self._replaced_reports = 0
        # When the server last answered a report, or let this recorder lead.
        self._answered_at = 0.0
        self._leaderless_since: float | None = None
        # When this recorder began to stand by, and the polls of the leader since then that were reported.
        self._waiting_since: float | None = None
        self._leader_polls: set[int] = set()
        # The newest events of the journal on the server, newest first, with which a local journal begins. They are as
        # many as a page has: older ones on the first page would look like events that were inserted late.
        self._newest: Sequence[bytes] = ()
        self._message = ""
        self._reported = asyncio.Event()
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def has_local_events(self) -> bool:
        """True if there are events that were not delivered."""
        return self._local.exists()

    @property
    def local_file(self) -> Path:
        """The file of the local journal."""
        return self._local.path

    @property
    def must_leave(self) -> bool:
        """True if `session` should end: another recorder leads, or the server of the journal is away, or back."""
        if self.session is None:
            return False
        if self.is_local:
            return self._roster is not None
        is_replaced = self._replaced_reports >= MAX_REPLACED_REPORTS
        return is_replaced or isinstance(self._write_error, WriterReplaced) or self._is_server_away

    async def run_reports(self) -> None:
        """Report several times per interval that this recorder is alive, until cancelled."""
        reporting = asyncio.ensure_future(self.report())
        try:
            while True:
                await self.clock.sleep(report_pause_s(self.target.interval))
                # A server that does not answer may keep a report for half a minute.
                if reporting.done():
                    reporting.result()
                    reporting = asyncio.ensure_future(self.report())
                if self.session is not None and self.must_leave:
                    self.session.announce_status()
        finally:
            reporting.cancel()

    async def report(self) -> None:
        """Report once, and learn who leads."""
        is_leading = self.session is not None and not self.is_local
        report = self._own_report()
        try:
            roster = await asyncio.to_thread(self._recorders.report, report)
        except ScaicoreError as error:
            _log.warning("report failed", **error_fields(error))
            self._roster, self._failure = None, error
        else:
            self._roster, self._failure, self._has_connected = roster, None, True
            self._answered_at = self.clock.monotonic()
            self._note(roster, report.epoch, is_leading=is_leading)
        self._reported.set()
        self._reported = asyncio.Event()

    def _own_report(self) -> Report:
        epoch = self._own_epoch if self._current_epoch is None else self._current_epoch()
        epoch = NO_EPOCH if epoch is None else epoch
        return Report(self._name, self._host, epoch, self._polled_age_us(), self.target.interval, self._problem())

    async def next_session(self) -> Session:
        """Wait until this recorder leads or has to keep events locally; return the session for that.

        It needs `run_reports`. Raises the same as `advance`.
        """
        if self._roster is None and self._failure is None:
            await self._reported.wait()
        while True:
            if await self.advance() and self.session is not None:
                return self.session
            await self._reported.wait()

    async def advance(self) -> bool:
        """Begin a session if this recorder may lead now, or has to keep events locally; return True if there is one.

        Raises ScaicoreError if the journal can't be used, and never could be.
        """
        if self._roster is None:
            return await self._keep_locally(self._failure)
        claim = find_claim(self._roster, self._own_epoch, self._leaderless_s(), self.target.interval)
        if claim is None and await self._has_missing_events():
            claim = Claim(self._roster.epoch)
        if claim is None:
            self._stand_by(self._roster)
            return False
        try:
            await self._lead(claim)
        except (Conflict, WriterReplaced):
            self._own_epoch = None
            self._stand_by(self._roster)
            return False
        except StorageError as error:
            if not error.is_temporary:
                raise
            self._roster, self._failure = None, error
            return await self._keep_locally(error)
        return True

    async def leave(self) -> None:
        """End the session. Its events stay where they are, and its figures are added to those of this recorder."""
        if self.session is None:
            return
        is_away, error = self._is_server_away, self._write_error
        session, self.session = self.session, None
        self.unreadable += session.index.unreadable_count
        self.stale_dropped += session.connection.stale_dropped
        if self.is_local:
            self.kept += session.index.ingested_count
        else:
            self.recorded += session.index.ingested_count
            self._newest = [*session.newest_events, *self._newest][:MAX_PAGE_ROWS]
            is_replaced = isinstance(error, WriterReplaced) or self._replaced_reports > 0
            self._own_epoch = None if is_replaced or self._current_epoch is None else self._current_epoch()
            if is_replaced:
                self._show("another recorder has become the leader")
            if self._own_epoch is not None and is_away:
                # The local journal is used at once: connecting to the server may take long.
                self._roster, self._failure = None, error or self._failure or self._no_answer()
        self._current_epoch, self._replaced_reports, self._leaderless_since = None, 0, None
        # A server that does not answer must not hold up the next session.
        closing = asyncio.create_task(session.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
        if self.is_local:
            await closing

    async def count_journal(self) -> JournalCounts | None:
        """Count what is in the journal on the server; None if that can't be read now, or takes too long."""
        try:
            async with asyncio.timeout(COUNT_TIMEOUT_S):
                return await asyncio.to_thread(self._count_journal)
        except (ScaicoreError, TimeoutError):
            _log.warning("journal not counted")
            return None

    def _count_journal(self) -> JournalCounts:
        with read_server_journal(self._url) as journal:
            return count_journal(journal)

    async def close(self) -> None:
        """End the session and the reports; another recorder may then lead at once."""
        await self.leave()
        await self.client.close()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await asyncio.gather(*self._closing)
                await asyncio.to_thread(self._recorders.end, self._name)
                await asyncio.to_thread(self._recorders.close)
        except (ScaicoreError, TimeoutError):
            _log.warning("end of the recorder not stored")

    @property
    def _write_error(self) -> StorageError | None:
        """The error of the journal at the last poll; None if there was none."""
        error = None if self.session is None else self.session.connection.events.error
        return error if isinstance(error, StorageError) else None

    @property
    def _is_server_away(self) -> bool:
        """True if the server does not take events, or does not answer reports for as long as stand-bys wait."""
        if self.session is None or self.is_local:
            return False
        error, silent_s = self._write_error, self.clock.monotonic() - self._answered_at
        is_failing = self.session.connection.events.failures >= MAX_WRITE_FAILURES
        return (error is not None and error.is_temporary and is_failing) or silent_s >= stuck_after_s(
            self.target.interval
        )

    def _note(self, roster: Roster, epoch: int, *, is_leading: bool) -> None:
        """Remember what a report with this epoch returned."""
        now = self.clock.monotonic()
        self._replaced_reports = self._replaced_reports + 1 if is_leading and not roster.is_leader else 0
        # It may have become the leader while the report was sent.
        if not is_leading and self._own_epoch == epoch != roster.epoch:
            self._own_epoch = None
        if roster.leader is not None:
            self._leaderless_since = None
        elif self._leaderless_since is None:
            self._leaderless_since = now
        self._note_poll(roster, now)

    def _note_poll(self, roster: Roster, now: float) -> None:
        """Count a poll of the leader, if it was after this recorder began to stand by."""
        age_s = None if roster.leader is None else roster.leader.polled_age_s
        if self._waiting_since is not None and age_s is not None and age_s < now - self._waiting_since:
            # Two ages of one poll differ by less than the shortest interval.
            self._leader_polls.add(round((now - age_s) * 10))

    def _leaderless_s(self) -> float:
        return 0.0 if self._leaderless_since is None else self.clock.monotonic() - self._leaderless_since

    def _polled_age_us(self) -> int | None:
        answered_at = None if self.session is None or self.is_local else self.session.connection.events.answered_at
        return None if answered_at is None else int((self.clock.monotonic() - answered_at) * MICROS_PER_SECOND)

    def _problem(self) -> str:
        """Return why events are not read or stored, in one line; empty if they are."""
        error = None if self.session is None else self.session.connection.events.error
        return "" if error is None else one_line(error.message)

    def _stand_by(self, roster: Roster) -> None:
        if not self._stands_by:
            raise self._conflict(roster)
        self.has_stood_by = True
        if self._waiting_since is None:
            self._waiting_since = self.clock.monotonic()
        if roster.leader is not None:
            since = format_time(roster.leader.since, self.clock.now())
            self._show(
                f"standing by: the recorder on {one_line(roster.leader.host)} leads since {since}; this one sends no"
                " requests and takes over when that one ends"
            )

    def _conflict(self, roster: Roster) -> Conflict:
        host = "" if roster.leader is None else f", the recorder on {one_line(roster.leader.host)}"
        return Conflict(
            f"another scaicore-tui is writing to {self._url}{host}",
            effect="nothing was recorded",
            hint="without --no-standby and --until-idle, this one takes over when that one ends",
        )

    def _no_answer(self) -> StorageError:
        return StorageError(f"the server of {self._url} does not answer", hint="this is tried again")

    def _show(self, message: str) -> None:
        """Say a message, unless it is the same as the last one."""
        if message != self._message:
            self._message = message
            self._say(message)

    async def _lead(self, claim: Claim) -> None:
        leader = await asyncio.to_thread(self._open, claim)
        self._answered_at = self.clock.monotonic()
        self._begin(leader.journal, self.target, self._backfill, is_local=False)
        self._current_epoch = leader.epoch

    def _open(self, claim: Claim) -> LeaderJournal:
        """Become the leader, and deliver what is kept locally. Blocks."""
        leader = open_server_journal(self._url, self._identity, claim)
        try:
            # Others see at once that this recorder leads, and reports go on while events are delivered.
            self._own_epoch = leader.epoch()
            self._recorders.report(self._own_report())
            self._deliver(leader.journal)
            self._newest = leader.journal.newest_raw(MAX_PAGE_ROWS)
        except BaseException:
            leader.journal.close()
            raise
        return leader

    def _deliver(self, journal: Journal) -> None:
        if not self._local.exists():
            return
        try:
            local = self._local.open()
        except (Conflict, StorageError) as error:
            # Another process on this machine has it, and delivers it.
            _log.warning("local journal not delivered", **error_fields(error))
            return
        with local:
            count = deliver(local, journal)
            self._local.delete(local)
        self.kept = 0
        self.delivered += count
        self._say(f"{count:,} events that were kept in a file are delivered to the journal")

    def _begin(self, journal: Journal, target: Target, backfill: int, *, is_local: bool) -> None:
        try:
            self.session = Session(target, journal, self.clock, backfill, self.client, keeps_client=True)
        except BaseException:
            journal.close()
            raise
        self.is_local, self._message = is_local, ""
        self._waiting_since, self._leader_polls = None, set()

    async def _keep_locally(self, error: ScaicoreError | None) -> bool:
        """Begin a session with the local journal if no other recorder can lead; return True if it began."""
        has_led = self._own_epoch is not None
        if not has_led and not (self._local.exists() and not self._has_connected):
            if error is not None and not self._has_connected:
                raise error
            self._show(f"standing by: {'no answer' if error is None else error.message}; this is tried again")
            return False
        try:
            local = await asyncio.to_thread(self._local.open, self._newest)
        except (Conflict, StorageError) as failure:
            self._show(f"events cannot be kept locally: {failure}")
            return False
        # Age limits apply once they are in the journal on the server.
        self._begin(local, replace(self.target, keep_days=None, keep_mb=None), 0, is_local=True)
        reason = "" if error is None else f"{error.message}; "
        self._say(f"{reason}events are kept in {self._local.path} and delivered later")
        return True

    async def _has_missing_events(self) -> bool:
        """Return True if the local journal has events that the journal on the server still lacks after some polls."""
        if not self._local.exists() or len(self._leader_polls) < POLLS_BEFORE_COMPARING:
            return False
        self._leader_polls = set()
        try:
            return not await asyncio.to_thread(self._delete_if_delivered)
        except (Conflict, StorageError) as error:
            _log.warning("local journal not compared", **error_fields(error))
            return False

    def _delete_if_delivered(self) -> bool:
        with self._local.open() as local, read_server_journal(self._url) as journal:
            if not is_delivered(local, journal):
                return False
            self._local.delete(local)
        self.kept = 0
        self._say("all events that were kept in a file are in the journal: another recorder has read them")
        return True
