"""The journal: append-only, verbatim, one writer."""

from scaicore_tui.store.gaps import OpenGap
from scaicore_tui.store.ingest import Ingestor, RunLoader
from scaicore_tui.store.journal import Journal
from scaicore_tui.store.passed import Passed
from scaicore_tui.store.writer import JournalWriter

__all__ = ["Ingestor", "Journal", "JournalWriter", "OpenGap", "Passed", "RunLoader"]
