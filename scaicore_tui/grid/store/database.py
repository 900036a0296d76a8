"""One SQLite connection: opening it, and transactions that may nest."""

from __future__ import annotations

import json
import secrets
import sqlite3
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scaicore_tui.grid.store.schema import SCHEMA


def to_json(value: Any) -> str:
    """Compact and ASCII: text that is not valid Unicode survives the round trip."""
    return json.dumps(value, separators=(",", ":"))


class Database:
    """The connection behind all tables. One thread at a time may use it, not always the same one."""

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
        """A name that this file keeps for ever, and no other has."""
        row = self.one("SELECT value FROM identity")
        if row is not None:
            return str(row["value"])
        name = secrets.token_hex(8)
        self.run("INSERT INTO identity VALUES (?)", name)
        return name

    def run(self, statement: str, *values: Any) -> sqlite3.Cursor:
        return self._connection.execute(statement, values)

    def one(self, statement: str, *values: Any) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._connection.execute(statement, values).fetchone()
        return row

    def all(self, statement: str, values: Iterable[Any] = ()) -> list[sqlite3.Row]:
        return self._connection.execute(statement, tuple(values)).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; inside another one, a part of that. Never await inside."""
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
        self._connection.close()
