"""The journal: all events that the API returned, verbatim, in an SQLite file or on a PostgreSQL server, and a summary
of each run.

Events are only added or, by retention, deleted; never changed. One process writes a journal at a time.
"""

from scaicore_tui.store.gaps import OpenGap, SkippedEvent
from scaicore_tui.store.ingest import Ingestor
from scaicore_tui.store.journal import Journal
from scaicore_tui.store.servers import inspect_server_journal
from scaicore_tui.store.stored_runs import StoredRuns
from scaicore_tui.store.writer import JournalWriter

__all__ = ["Ingestor", "Journal", "JournalWriter", "OpenGap", "SkippedEvent", "StoredRuns", "inspect_server_journal"]
