"""A session that shows a journal on a server while a recorder writes it: it follows that, and never polls the API.

What a person writes goes to the API with the person's own token; the journal's events confirm it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from scaicore_tui.actions import Ledger
from scaicore_tui.actions.tracker import MAX_PAUSE_S, NOT_RECEIVED_AFTER_S
from scaicore_tui.api.budget import Priority
from scaicore_tui.api.client import Client
from scaicore_tui.clock import Clock
from scaicore_tui.config import Caller, Identity, Target
from scaicore_tui.errors import CredentialsError, ScaicoreError
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.protocol.checkpoints import PENDING
from scaicore_tui.runs import Delta
from scaicore_tui.session.journal_deltas import apply_changes, apply_content, known_by
from scaicore_tui.session.journal_follower import JournalFollower, Reading
from scaicore_tui.session.read_model import CheckpointList
from scaicore_tui.session.recorder_status import age_note, recorder_note
from scaicore_tui.session.session import Session
from scaicore_tui.store import Journal
from scaicore_tui.store.changes import Content, JournalState, Known
from scaicore_tui.store.shared_ledger import SharedLedger
from scaicore_tui.sync.status import ConnectionStatus, SourceStatus
from scaicore_tui.timefmt import format_age

if TYPE_CHECKING:
    from scaicore_tui.store.postgres import ServerFollower


class ViewerSession(Session):
    """A session on the journal of a feed that another process records."""

    polls_api = False
    has_older = False
    needs_backfill = False

    def __init__(
        self,
        target: Target,
        journal: Journal,
        source: ServerFollower,
        clock: Clock | None = None,
        ledger: Ledger | None = None,
        client: Client | None = None,
        open_team_ledger: Callable[[Identity], SharedLedger] | None = None,
    ) -> None:
        self._has_event_gap = False
        self._next_lookup_at = 0.0
        super().__init__(target, journal, clock, 0, client, ledger, open_team_ledger=open_team_ledger)
        self._follower = JournalFollower(
            source, self.clock, self.target.interval, self._ingestor.run_in_thread, self._ask, self._on_read
        )

    @property
    def _expected_caller(self) -> Caller | None:
        """Anybody of the tenant whose journal it is may write."""
        caller = None if self.journal.identity is None else self.journal.identity.caller
        return None if caller is None or caller.tenant is None else Caller(tenant=caller.tenant)

    @property
    def connection(self) -> ConnectionStatus:
        """The age of the data, and the state of recorder and journal."""
        return self._follower.status(behind=0 if self._has_event_gap else None)

    @property
    def journal_problem(self) -> str:
        """Why the journal cannot be read, or else what its recorder reports."""
        state = self._follower.state
        return self.journal.write_error or ("" if state is None else recorder_note(state))

    @property
    def unread_reasons(self) -> list[str]:
        """How old the data is, and why, if it is older than a few intervals."""
        state = self._follower.state
        note = "" if state is None else age_note(state, self.target.interval)
        return [note] if note else []

    def prefetch(self) -> None:
        """Do nothing: `run` reads at once."""

    def refresh(self) -> bool:
        """Read the journal now."""
        self._follower.wake()
        return True

    def pause(self, *, paused: bool) -> None:
        """Stop following the journal, or go on."""
        self._follower.pause(paused=paused)

    def yield_to_ui(self, *, to_key: bool) -> None:
        """Do nothing: no summaries are rebuilt here. A key shows that a person is there, who does not wait long."""
        if to_key:
            self._follower.key_pressed()

    async def authenticate(self) -> None:
        """Fetch a token, if one is set: it tells who the person is, and writes need it. Raises the error of that."""
        if self.target.has_credential:
            await super().authenticate()

    async def load_older(self) -> int:
        """Do nothing: the recorder reads older events."""
        return 0

    async def list_checkpoints(self, status: str, max_pages: int | None = None) -> CheckpointList:
        """Return the pending checkpoints of the journal; fetch those of another status with the person's token."""
        if status == PENDING:
            if self._follower.state is None:
                await self._follower.read_once()
            return CheckpointList(self.checkpoints, " · ".join(self.unread_reasons))
        if not self.target.has_credential and not self.target.is_loopback:
            raise CredentialsError(
                "only pending checkpoints are in the journal, and there is no token to ask the API for others"
            )
        return await super().list_checkpoints(status, max_pages)

    async def run(self) -> None:
        """Follow the journal, and look up writes, until cancelled."""
        await self._recover_writes()
        async with asyncio.TaskGroup() as group:
            self.load_runs_in_background()
            self.reader.start(group)
            group.create_task(self._follower.run())
            group.create_task(self._look_up())
            if self.team is not None:
                group.create_task(self.team.run())
            with suppress(ScaicoreError):  # Only a write needs it.
                await self.authenticate()

    async def read_once(self, *, all_checkpoints: bool = True) -> None:
        """Read what changed in the journal, and look up writes. Raises StorageError if it can't be read."""
        await self._follower.read_once()
        await self._look_up_once()

    async def close(self) -> None:
        """Close the connections, and what every session closes."""
        try:
            if not self._is_closed:
                await self._follower.close()
        finally:
            await super().close()

    def _ask(self, state: JournalState | None) -> tuple[Known, frozenset[str]]:
        """Return what is known, and the runs whose summaries are needed if all is read again."""
        return known_by(self.index, state), self.index.kept_ids | self.index.runs.held_ids

    def _on_read(self, reading: Reading | None) -> None:
        """Apply and publish what was read; None if only the status changed."""
        deltas = [] if reading is None else [*self._recovered(reading), *self._applied(reading)]
        self._has_event_gap = any(gap.is_open and not gap.is_history for gap in self.index.gaps)
        self.tracker.observe(read_at=self._read_at)
        for delta in deltas or [Delta()]:
            self._publish(delta)
        self._tasks.polled.set()

    def _recovered(self, reading: Reading) -> Sequence[Delta]:
        """After failed reads, forget the complete runs in memory: events may be missing in them."""
        if not reading.is_recovery:
            return ()
        self.journal.write_error = ""
        held = self.index.runs.held_ids
        self.index.runs.forget(held)
        summaries = {key: summary for key in held if (summary := self.index.get(key)) is not None}
        return [Delta(summaries, loaded=self.index.by_status)]

    def _applied(self, reading: Reading) -> Sequence[Delta]:
        found = reading.found
        if isinstance(found, Content):
            self.checkpoints = _in_order(found.pending)
            return [apply_content(self.index, found, reading.asked)]
        if found.pending is None:
            return apply_changes(self.index, reading.known, found)
        self.checkpoints = _in_order(found.pending)
        changed = self.index.set_pending(self.checkpoints)
        return [
            *apply_changes(self.index, reading.known, found),
            Delta(changed, checkpoints=self.checkpoints),
        ]

    @property
    def _read_at(self) -> float | None:
        return None if self._has_event_gap else self.connection.events.answered_at

    async def _look_up(self) -> None:
        while True:
            await self._tasks.polled.wait()
            self._tasks.polled.clear()
            await self._look_up_once()

    async def _look_up_once(self) -> None:
        """Look up the person's own writes at the API; nothing is sent if there are none."""
        await self.reader.load_ids(row.execution_id for row in self.checkpoints)
        await self.tracker.look_up()
        await self._look_for_unreceived()

    async def _look_for_unreceived(self) -> None:
        """Ask the API for checkpoints whose answer may be lost: the journal does not tell when they were listed."""
        now = self.clock.monotonic()
        answers = (one for one in self.submissions if one.is_unknown and not one.is_replay)
        due = [one.target_id for one in answers if one.age(now) >= NOT_RECEIVED_AFTER_S]
        if not due or now < self._next_lookup_at:
            return
        self._next_lookup_at = now + MAX_PAUSE_S
        with suppress(ScaicoreError):
            found = [await self.client.find_checkpoint(key, priority=Priority.BACKFILL, max_pages=None) for key in due]
            self.tracker.observe({row.id for row in found if row is not None}, now, self._read_at)

    def _why_stale(self, source: SourceStatus, status: ConnectionStatus) -> str:
        """Return why what is shown is too old to act on; r does not help against that here."""
        stale = super()._why_stale(source, status)
        age = source.age(self.clock.monotonic())
        if not stale or age is None:
            return stale
        return f"the data shown is {format_age(age)} old: {source.error or 'the recorder is late'}"


def _in_order(pending: Sequence[Checkpoint]) -> tuple[Checkpoint, ...]:
    return tuple(sorted(pending, key=lambda row: (row.created or 0, row.id)))
