"""The journal: append-only, verbatim, one writer."""

from scaicore_tui.journal.aside import Aside
from scaicore_tui.journal.holes import Hole
from scaicore_tui.journal.ingest import Ingest
from scaicore_tui.journal.intake import Intake
from scaicore_tui.journal.passed import Passed
from scaicore_tui.journal.store import Journal

__all__ = ["Aside", "Hole", "Ingest", "Intake", "Journal", "Passed"]
