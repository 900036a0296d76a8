"""All tables of one database file, and transactions across them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from scaicore_tui.servers.grid.store.database import Database
from scaicore_tui.servers.grid.store.records import Checkpoint, Event, Execution
from scaicore_tui.servers.grid.store.tables import CheckpointTable, EventTable, ExecutionTable, StepTable


class Store:
    """The grid's storage: one attribute for each table."""

    def __init__(self, path: Path | None = None) -> None:
        self._database = Database(path)
        self.event_table = EventTable(self._database)
        self.execution_table = ExecutionTable(self._database)
        self.step_table = StepTable(self._database)
        self.checkpoint_table = CheckpointTable(self._database)
        self.identity = self._database.identity()

    def transaction(self) -> AbstractContextManager[None]:
        """Commit everything or nothing; may be nested. Never await inside."""
        return self._database.transaction()

    def events(self) -> list[Event]:
        """Return the whole feed, oldest first."""
        return self.event_table.all()

    def executions(self) -> list[Execution]:
        """Return every run, oldest first, including those of sub-flows."""
        return self.execution_table.all()

    def checkpoints(self) -> list[Checkpoint]:
        """Return every checkpoint, oldest first."""
        return self.checkpoint_table.all()

    def close(self) -> None:
        """Close the database."""
        self._database.close()
