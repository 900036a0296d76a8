"""A journal file as the first version of the program wrote it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from scaicore_tui.protocol import Event
from scaicore_tui.store.database import _MIGRATIONS

# Removes what the last migration added, so that it can be run again.
UNDO_STATISTICS = """
DROP TABLE node_days;
DROP TABLE node_parts;
DROP TABLE asked;
DROP INDEX IF EXISTS runs_failed_ended;
ALTER TABLE folding DROP COLUMN counted;
"""


def old_journal(path: Path, events: Sequence[Event]) -> None:
    """Write a journal of the first version, which had no summaries."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.executescript(f"BEGIN; {_MIGRATIONS[0]} PRAGMA user_version = 1; COMMIT;")
    rows = [(position, event.at, event.execution_id, event.raw) for position, event in enumerate(events)]
    database.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", rows)
    database.close()
