"""How a journal's file is made, claimed, opened and checked."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scaicore_tui.errors import ConfigError, Conflict, ScaicoreError
from scaicore_tui.journal.schema import migrate
from scaicore_tui.lock import OWNER_ONLY_FILE, Lock


def open_to_write(path: Path | None) -> sqlite3.Connection:
    """The file in `path`, or without one a file that SQLite removes, with today's tables.

    Under its settings a crash loses nothing that was committed. Raises ConfigError where it is no journal.
    """
    # SQLite's name for a database in a file of its own, which it removes.
    database = _connect(str(path) if path is not None else "")
    with _closing_on_error(database, path):
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        migrate(database)
    return database


def open_to_read(path: Path) -> sqlite3.Connection:
    """The journal in `path`. Raises ConfigError where it is none."""
    database = _connect(f"{path.absolute().as_uri()}?mode=ro")
    with _closing_on_error(database, path):
        database.execute("SELECT 1 FROM events LIMIT 1")
    return database


def open_copy(database: sqlite3.Connection) -> sqlite3.Connection:
    """A copy of a journal, with today's tables, in a file that SQLite removes. Raises ConfigError for a newer one."""
    copy = _connect("")
    with _closing_on_error(copy, None):
        database.backup(copy)
        migrate(copy)
    return copy


def claim(path: Path) -> Lock:
    """Make the file, readable by its owner only, and the right to write it. Raises Conflict where another has it."""
    if path.is_dir():
        raise ConfigError(f"no journal can be kept in {path}: it is a folder", hint="name a file in it")
    try:
        lock = Lock(path, wait=0).acquire()
    except TimeoutError:
        raise Conflict(
            f"another scaicore-tui writes {path}",
            kept="it was not touched",
            hint="close it, or name another: --journal FILE",
        ) from None
    path.touch(mode=OWNER_ONLY_FILE)
    path.chmod(OWNER_ONLY_FILE)
    return lock


def _connect(name: str) -> sqlite3.Connection:
    try:
        # Used by one thread at a time: the journal sees to that.
        return sqlite3.connect(name, isolation_level=None, check_same_thread=False, uri=name.startswith("file:"))
    except sqlite3.Error as error:
        raise ConfigError(f"no journal can be kept in {name}: {error}", hint="name another") from error


@contextmanager
def _closing_on_error(database: sqlite3.Connection, path: Path | None) -> Iterator[None]:
    """Close `database` when it turns out to be no journal. Raises ConfigError for that."""
    try:
        yield
    except sqlite3.Error as error:
        database.close()
        raise ConfigError(f"{path} is no journal: {error}", kept="it was not touched", hint="name another") from error
    except ScaicoreError:
        database.close()
        raise
