"""The journal's tables, and how an older file becomes today's."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from scaicore_tui.errors import StorageError
from scaicore_tui.journal.failures import ANOTHER, UNTOUCHED
from scaicore_tui.wire import read_stored

# `pos` is the place in the feed, oldest lowest: arrivals count up, history read later counts down below zero.
# `at` is microseconds since 1970; an event without a readable time has 0.
_STEPS = (
    """
    CREATE TABLE events (
        pos INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        execution_id TEXT,
        raw BLOB NOT NULL
    );
    CREATE INDEX events_at ON events (at);
    CREATE INDEX events_execution ON events (execution_id, pos) WHERE execution_id IS NOT NULL;
    CREATE TABLE gaps (
        after_pos INTEGER PRIMARY KEY,
        found_at INTEGER NOT NULL
    );
    """,
    # A hole is a gap that is still being filled, with events right below what is above it.
    """
    CREATE TABLE holes (
        after_pos INTEGER PRIMARY KEY,
        until_pos INTEGER NOT NULL,
        found_at INTEGER NOT NULL,
        cursor TEXT
    );
    """,
    # A summary of each run, made from its events: what a start reads instead of them. `place` is the lowest `pos` of
    # its events. `folded` is the version of the fold that made all of them, 0 while some are missing.
    """
    CREATE TABLE runs (
        place INTEGER PRIMARY KEY,
        execution_id TEXT NOT NULL UNIQUE,
        summary BLOB NOT NULL
    );
    CREATE TABLE folding (
        version INTEGER NOT NULL,
        folded INTEGER NOT NULL
    );
    INSERT INTO folding VALUES (0, 0);
    """,
    # The checkpoints that were pending at the latest look, oldest first, each as it came. No event tells of them.
    """
    CREATE TABLE pending (
        place INTEGER PRIMARY KEY,
        source BLOB NOT NULL
    );
    """,
    # Where history is to be read on, is a hole below all. Older programs noted none: it is looked for from the head on.
    # More forms of timestamps are read: equal events are looked for by their moment. A gap says why it is one.
    """
    INSERT INTO holes SELECT -4611686018427387904, -4611686018427387904,
        1000000 * CAST(strftime('%s', 'now') AS INTEGER), NULL WHERE EXISTS (SELECT 1 FROM events);
    DELETE FROM runs WHERE execution_id IN
        (SELECT execution_id FROM events WHERE at = 0 AND moment_of(raw) != 0);
    UPDATE folding SET folded = 0 WHERE EXISTS (SELECT 1 FROM events WHERE at = 0 AND moment_of(raw) != 0);
    UPDATE events SET at = moment_of(raw) WHERE at = 0 AND moment_of(raw) != 0;
    ALTER TABLE gaps ADD COLUMN reason INTEGER NOT NULL DEFAULT 0;
    """,
    # Whose feed it is, as JSON in one row; no row in a journal that an older program wrote, until it is opened again.
    """
    CREATE TABLE identity (
        source TEXT NOT NULL
    );
    """,
)
VERSION = len(_STEPS)


def check_tables(database: sqlite3.Connection, path: Path | None, *, may_be_empty: bool = True) -> None:
    """Check, without a change, that `database` is a journal of this or an older program, or is empty.

    Raises StorageError for a newer program's, sqlite3.OperationalError for the tables of another program.
    """
    (version,) = database.execute("PRAGMA user_version").fetchone()
    (count,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if count or not may_be_empty:
        database.execute("SELECT pos, at, execution_id, raw FROM events LIMIT 1")
        database.execute("SELECT after_pos, found_at FROM gaps LIMIT 1")
    if version > VERSION:
        raise StorageError(
            f"{path or 'the journal'} was written by a newer scaicore-tui",
            kept=UNTOUCHED,
            hint=f"upgrade, or --no-journal, or {ANOTHER}",
        )


def migrate(database: sqlite3.Connection) -> None:
    """Bring `database` to today's tables."""
    (version,) = database.execute("PRAGMA user_version").fetchone()
    database.create_function("moment_of", 1, lambda source: read_stored(source).at or 0, deterministic=True)
    for number, step in enumerate(_STEPS[version:], version + 1):
        database.executescript(f"BEGIN; {step} PRAGMA user_version = {number}; COMMIT;")
