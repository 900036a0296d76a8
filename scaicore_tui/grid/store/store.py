"""All tables of one file, and the transaction that spans them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from scaicore_tui.grid.store.checkpoints import CheckpointTable
from scaicore_tui.grid.store.database import Database
from scaicore_tui.grid.store.events import EventTable
from scaicore_tui.grid.store.executions import ExecutionTable
from scaicore_tui.grid.store.records import Checkpoint, Event, Execution
from scaicore_tui.grid.store.steps import StepTable


class Store:
    """The grid's memory. The tables are its attributes; the three methods named like facts show all of each."""

    def __init__(self, path: Path | None = None) -> None:
        self._database = Database(path)
        self.feed = EventTable(self._database)
        self.runs = ExecutionTable(self._database)
        self.steps = StepTable(self._database)
        self.inbox = CheckpointTable(self._database)
        self.identity = self._database.identity()

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing; may nest. Never await inside."""
        return self._database.transaction()

    def events(self) -> list[Event]:
        """The whole feed, oldest first."""
        return self.feed.everything()

    def executions(self) -> list[Execution]:
        """Every run, oldest first, sub-flows' among them."""
        return self.runs.everything()

    def checkpoints(self) -> list[Checkpoint]:
        """Every checkpoint, oldest first."""
        return self.inbox.everything()

    def close(self) -> None:
        self._database.close()
