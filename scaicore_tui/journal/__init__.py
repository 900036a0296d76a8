"""The journal: append-only, verbatim, one writer."""

from scaicore_tui.journal.holes import Gap, Hole
from scaicore_tui.journal.store import Journal

__all__ = ["Gap", "Hole", "Journal"]
