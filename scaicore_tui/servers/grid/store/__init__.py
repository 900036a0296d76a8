"""The grid's data, in one SQLite file. Only this package uses SQL."""

from scaicore_tui.servers.grid.store.records import Checkpoint, Event, Execution
from scaicore_tui.servers.grid.store.tables import Store

__all__ = ["Checkpoint", "Event", "Execution", "Store"]
