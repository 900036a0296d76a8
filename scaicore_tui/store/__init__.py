"""The journal: append-only, verbatim, one writer."""

from scaicore_tui.store.gaps import OpenGap, SkippedEvent
from scaicore_tui.store.ingest import Ingestor, RunLoader
from scaicore_tui.store.journal import Journal
from scaicore_tui.store.writer import JournalWriter

__all__ = ["Ingestor", "Journal", "JournalWriter", "OpenGap", "RunLoader", "SkippedEvent"]
