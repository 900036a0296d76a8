"""A session without a server: it shows a journal as it was when it was opened, and sends no request."""

from __future__ import annotations

import asyncio

from scaicore_tui.actions import Ledger
from scaicore_tui.clock import Clock
from scaicore_tui.config import Target
from scaicore_tui.errors import StorageError
from scaicore_tui.runs import Delta
from scaicore_tui.session.session import Session
from scaicore_tui.store import Journal
from scaicore_tui.store.pending import read_pending


class OfflineSession(Session):
    """A session for an `offline` target: its client sends nothing, and its gate rejects every write.

    Events that another process adds to the journal later are not shown; a row that is loaded later may have a status
    that they changed.
    """

    def __init__(
        self, target: Target, journal: Journal, clock: Clock | None = None, ledger: Ledger | None = None
    ) -> None:
        super().__init__(target, journal, clock, ledger=ledger)
        self.checkpoints = tuple(read_pending(journal))
        self.index.set_pending(self.checkpoints)
        self.index.last_position = journal.next_position - 1
        self._newest_time = journal.newest_at()

    @property
    def recorded_through(self) -> int | None:
        return self._newest_time

    def prefetch(self) -> None:
        """Send nothing."""

    def refresh(self) -> bool:
        """Send nothing."""
        return False

    async def run(self) -> None:
        """Load all runs from the journal, then wait to be cancelled."""
        async with asyncio.TaskGroup() as group:
            self.load_runs_in_background()
            self.reader.start(group)
            await self.reader.load_ids(row.execution_id for row in self.checkpoints)
            try:
                await self.load()
            except StorageError as error:
                self.journal.report_damage(error)
            self._publish(Delta())
            await asyncio.Event().wait()
