"""One SQLite connection: its schema, and transactions that may be nested.

In the schema, `position` is the order of arrival. Feeds and cursors are ordered by it, never by a timestamp.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS identity (
    value TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS events (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    type TEXT NOT NULL,
    core_id TEXT NOT NULL,
    timestamp TEXT NOT NULL,
    payload TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_of_core ON events (core_id, position);
CREATE TABLE IF NOT EXISTS executions (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    core_id TEXT NOT NULL,
    root_id TEXT NOT NULL,
    origin TEXT NOT NULL,
    entry TEXT NOT NULL,
    status TEXT NOT NULL,
    started_at REAL NOT NULL,
    instance_key TEXT NOT NULL,
    input TEXT NOT NULL,
    output TEXT NOT NULL,
    error TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS executions_by_status ON executions (status);
CREATE INDEX IF NOT EXISTS executions_by_root ON executions (root_id);
CREATE TABLE IF NOT EXISTS steps (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    execution_id TEXT NOT NULL,
    path TEXT NOT NULL,
    state TEXT NOT NULL,
    value TEXT NOT NULL,
    UNIQUE (execution_id, path)
);
CREATE TABLE IF NOT EXISTS checkpoints (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    core_id TEXT NOT NULL,
    execution_id TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at REAL NOT NULL,
    expires_at REAL,
    body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS checkpoints_by_status ON checkpoints (status, position);
"""


def to_json(value: Any) -> str:
    """Return compact ASCII JSON. Text that is not valid Unicode survives the round trip."""
    return json.dumps(value, separators=(",", ":"))


class Database:
    """The connection behind all tables. Only one thread at a time may use it, but not always the same one."""

    def __init__(self, path: Path | None) -> None:
        self._connection = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
        # From Python 3.13 on, a connection that is not closed is reported.
        weakref.finalize(self, self._connection.close)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(SCHEMA)
        self._depth = 0

    def identity(self) -> str:
        """Return a random name that stays with this file."""
        row = self.one("SELECT value FROM identity")
        if row is not None:
            return str(row["value"])
        name = secrets.token_hex(8)
        self.run("INSERT INTO identity VALUES (?)", name)
        return name

    def run(self, statement: str, *values: Any) -> sqlite3.Cursor:
        """Execute one statement."""
        return self._connection.execute(statement, values)

    def one(self, statement: str, *values: Any) -> sqlite3.Row | None:
        """Return the first row of a query; None if there is none."""
        row: sqlite3.Row | None = self._connection.execute(statement, values).fetchone()
        return row

    def all(self, statement: str, values: Iterable[Any] = ()) -> list[sqlite3.Row]:
        """Return all rows of a query."""
        return self._connection.execute(statement, tuple(values)).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything or nothing. A nested transaction is a part of the outer one. Never await inside."""
        if self._depth == 0:
            self._connection.execute("BEGIN IMMEDIATE")
        self._depth += 1
        try:
            yield
        except BaseException:
            self._depth -= 1
            if self._depth == 0:
                self._connection.execute("ROLLBACK")
            raise
        self._depth -= 1
        if self._depth == 0:
            self._connection.execute("COMMIT")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
