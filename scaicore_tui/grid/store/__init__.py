"""What the grid keeps, in one SQLite file: the only package that speaks SQL."""

from scaicore_tui.grid.store.records import Checkpoint, Event, Execution
from scaicore_tui.grid.store.store import Store

__all__ = ["Checkpoint", "Event", "Execution", "Store"]
