"""A session without a server: it shows what was recorded, as it was when it was opened, and asks for nothing."""

from __future__ import annotations

import asyncio
from functools import partial

from scaicore_tui.actions import Ledger
from scaicore_tui.clock import Clock
from scaicore_tui.config import Target
from scaicore_tui.errors import StorageError
from scaicore_tui.journal import Journal
from scaicore_tui.journal.pending import read_pending
from scaicore_tui.session import Session, Update


class OfflineSession(Session):
    """Of a target that is `offline`, so that its client sends nothing and its gate lets nothing through."""

    def __init__(
        self, target: Target, journal: Journal, clock: Clock | None = None, ledger: Ledger | None = None
    ) -> None:
        super().__init__(target, journal, clock, ledger=ledger)
        # What waited at the journal's latest look. What another process adds to it from now on is not shown.
        self.checkpoints = tuple(read_pending(journal))
        self.book.wait(self.checkpoints)
        self.book.last = journal.next_place - 1
        self._newest_at = journal.newest_at()
        # Long runs that were asked for before there were tasks to fold them in.
        self._waiting: list[str] = []
        self.book.runs.aside = self._waiting.append

    @property
    def recorded_until(self) -> int | None:
        return self._newest_at

    def ask_ahead(self) -> None:
        """Nobody is asked."""

    def refresh(self) -> bool:
        """There is nobody to ask."""
        return False

    async def run(self) -> None:
        """Take all runs out of the journal, and wait to be cancelled. Long runs are folded beside it."""
        async with asyncio.TaskGroup() as group:
            self.book.runs.aside = partial(self._aside.fold, group)
            for execution_id in self._waiting:
                self._aside.fold(group, execution_id)
            try:
                await self.load()
            except StorageError as error:
                self.journal.note_damage(error)
            self._tell(Update())
            await asyncio.Event().wait()
