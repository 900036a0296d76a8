"""How a journal's file is made, claimed, opened and checked."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scaicore_tui.config import Identity
from scaicore_tui.errors import ConfigError, Conflict, StorageError
from scaicore_tui.lock import OWNER_ONLY_FILE, Lock
from scaicore_tui.protocol import Event, decode_event
from scaicore_tui.store.failures import (
    FILE_UNCHANGED,
    ONLY_IN_MEMORY,
    OTHER_FILE_HINT,
    DiskFailure,
    is_storage_failure,
    journal_failure,
)

# So many keys are looked for in one go.
MAX_LOOKUP_KEYS = 500


def lookup_clauses(events: Iterable[Event]) -> Iterator[tuple[str, list[object]]]:
    """Where in the table equal ones of those would be: by their times, or for want of these by their runs.

    The plus keeps SQLite from looking by that column.
    """
    moments = {event.at for event in events if event.at}
    timeless = {encode_id(event.execution_id) for event in events if not event.at}
    keys: dict[str, list[object]] = {
        "at": list(moments),
        "+at = 0 AND execution_id": [key for key in timeless if key is not None],
        "at = 0 AND coalesce(execution_id, 0)": [0] if None in timeless else [],
    }
    for place, found in keys.items():
        for begin in range(0, len(found), MAX_LOOKUP_KEYS):
            yield place, found[begin : begin + MAX_LOOKUP_KEYS]


def encode_id(execution_id: str | None) -> str | bytes | None:
    """An id as a value of SQLite: its text, or where that holds half a character, which SQLite refuses, its bytes."""
    if execution_id is None or execution_id.isascii():
        return execution_id
    try:
        execution_id.encode()
    except UnicodeEncodeError:
        return execution_id.encode("utf-8", "surrogatepass")
    return execution_id


# `pos` is the place in the feed, oldest lowest: arrivals count up, history read later counts down below zero.
# `at` is microseconds since 1970; an event without a readable time has 0.
_MIGRATIONS = (
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
SCHEMA_VERSION = len(_MIGRATIONS)


def check_tables(database: sqlite3.Connection, path: Path | None, *, may_be_empty: bool = True) -> None:
    """Check, without a change, that `database` is a journal of this or an older program, or is empty.

    Raises StorageError for a newer program's, sqlite3.OperationalError for the tables of another program.
    """
    (version,) = database.execute("PRAGMA user_version").fetchone()
    (count,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if count or not may_be_empty:
        database.execute("SELECT pos, at, execution_id, raw FROM events LIMIT 1")
        database.execute("SELECT after_pos, found_at FROM gaps LIMIT 1")
    if version > SCHEMA_VERSION:
        raise StorageError(
            f"{path or 'the journal'} was written by a newer scaicore-tui",
            effect=FILE_UNCHANGED,
            hint=f"upgrade, or --no-journal, or {OTHER_FILE_HINT}",
        )


def migrate(database: sqlite3.Connection) -> None:
    """Bring `database` to today's tables."""
    (version,) = database.execute("PRAGMA user_version").fetchone()
    database.create_function("moment_of", 1, lambda source: decode_event(source).at or 0, deterministic=True)
    for number, step in enumerate(_MIGRATIONS[version:], version + 1):
        database.executescript(f"BEGIN; {step} PRAGMA user_version = {number}; COMMIT;")


def open_for_writing(
    path: Path | None, identity: Identity | None = None, *, is_shared: bool = True
) -> sqlite3.Connection:
    """The file in `path`, or without one a file that SQLite removes, with today's tables.

    Under its settings a crash loses nothing that was committed. Stores the `identity` in a file that has none. Raises
    StorageError where it is no journal or can't be written, ConfigError where it is the journal of another feed.
    """
    # SQLite's name for a database in a file of its own, which it removes.
    database = _connect(str(path) if path is not None else "", path)
    with _closing_on_error(database, path):
        if not is_shared:
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
        # Nothing is changed in a file that turns out to be somebody else's.
        check_tables(database, path)
        if path is not None and identity is not None:
            check_identity(path, stored_identity(database), identity)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        migrate(database)
        if identity is not None and stored_identity(database) is None:
            store_identity(database, identity)
    return database


def open_for_writing_and_reading(
    path: Path, identity: Identity | None
) -> tuple[sqlite3.Connection, sqlite3.Connection | None]:
    """Open the file in `path` to write, as `open_to_write` does, and to read at the same time.

    A full disk has no room for the memory that both share: then it is opened once, for this process alone.
    """
    try:
        database = open_for_writing(path, identity)
    except DiskFailure as error:
        with suppress(DiskFailure):
            return open_for_writing(path, identity, is_shared=False), None
        raise error from None
    try:
        return database, open_for_reading(path)
    except BaseException:
        database.close()
        raise


def open_with_content(
    path: Path, identity: Identity | None, source: sqlite3.Connection
) -> tuple[sqlite3.Connection, sqlite3.Connection | None]:
    """Open the file in `path` as `open_both` does, with all that `source` holds.

    Raises StorageError where that can't be written, Conflict where there are events in it: they may be others.
    """
    database = open_for_writing(path, identity)
    with _closing_on_error(database, path):
        if database.execute("SELECT 1 FROM events LIMIT 1").fetchone():
            raise Conflict(f"there are events in {path}", effect=FILE_UNCHANGED)
        source.backup(database)
        if identity is not None:
            store_identity(database, identity)
        return database, open_for_reading(path)


def open_for_reading(path: Path) -> sqlite3.Connection:
    """The journal in `path`. Raises StorageError where it is none, or can't be read.

    SQLite makes a file beside it for that. Where the disk takes none, and no process left anything there, the journal
    is read as a file that nobody changes.
    """
    try:
        return _open_for_reading(path, "mode=ro")
    except DiskFailure as error:
        if not _has_log(path):
            with suppress(DiskFailure):
                return _open_for_reading(path, "mode=ro&immutable=1")
        raise error from None


def _open_for_reading(path: Path, how: str) -> sqlite3.Connection:
    database = _connect(f"{path.absolute().as_uri()}?{how}", path)
    with _closing_on_error(database, path):
        check_tables(database, path, may_be_empty=False)
    return database


def _has_log(path: Path) -> bool:
    """Return whether the log beside the journal holds events: it is in use, or a process crashed."""
    with suppress(OSError):
        return path.with_name(f"{path.name}-wal").stat().st_size > 0
    return False


def open_copy(database: sqlite3.Connection) -> sqlite3.Connection:
    """A copy of a journal, with today's tables, in a file that SQLite removes. Raises StorageError for a newer one."""
    copy = _connect("", None)
    with _closing_on_error(copy, None):
        database.backup(copy)
        migrate(copy)
    return copy


def lock_for_writing(path: Path) -> Lock:
    """Make the file, readable by its owner only, and the right to write it.

    Raises Conflict where another has it, StorageError where the file can't be made or is no file.
    """
    lock: Lock | None = None
    try:
        if path.exists() and not path.is_file():
            what = "a folder" if path.is_dir() else "no ordinary file"
            raise StorageError(
                f"no journal can be kept in {path}: it is {what}", effect=FILE_UNCHANGED, hint=OTHER_FILE_HINT
            )
        lock = Lock(path, wait_s=0).acquire()
        path.touch(mode=OWNER_ONLY_FILE)
        path.chmod(OWNER_ONLY_FILE)
    except TimeoutError:
        hint = f"close it, or {OTHER_FILE_HINT}"
        raise Conflict(f"another scaicore-tui writes {path}", effect=FILE_UNCHANGED, hint=hint) from None
    except OSError as error:
        if lock is not None:
            lock.release()
        raise journal_failure(error, path) from error
    return lock


def stored_identity(database: sqlite3.Connection) -> Identity | None:
    """Whose feed is in that journal; None where it does not say."""
    (is_there,) = database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'identity'").fetchone()
    row = database.execute("SELECT source FROM identity").fetchone() if is_there else None
    with suppress(ValueError):
        return None if row is None else Identity.from_json(row[0])
    return None


def store_identity(database: sqlite3.Connection, identity: Identity) -> None:
    """Note whose feed is in that journal, in place of what was noted before."""
    with transaction(database, "BEGIN IMMEDIATE"):
        database.execute("DELETE FROM identity")
        database.execute("INSERT INTO identity VALUES (?)", (identity.to_json(),))


def check_identity(path: Path, stored: Identity | None, wanted: Identity) -> None:
    """Raise ConfigError where the journal in `path` is of another feed than the one that is to be read into it."""
    if stored is not None and not stored.is_same_feed(wanted):
        raise ConfigError(
            f"{path} is the journal of {stored.label}, not of {wanted.label}",
            effect=FILE_UNCHANGED,
            hint=f"{OTHER_FILE_HINT}; to look at this one: --offline --journal FILE",
        )


def _connect(name: str, path: Path | None) -> sqlite3.Connection:
    try:
        # Used by one thread at a time: the journal sees to that.
        return sqlite3.connect(name, isolation_level=None, check_same_thread=False, uri=name.startswith("file:"))
    except sqlite3.Error as error:
        raise journal_failure(error, path) from error


@contextmanager
def _closing_on_error(database: sqlite3.Connection, path: Path | None) -> Iterator[None]:
    """Close `database` when it turns out to be no journal. Raises StorageError for that."""
    try:
        yield
    except BaseException as error:
        database.close()
        if isinstance(error, sqlite3.Error) and is_storage_failure(error):
            raise journal_failure(error, path) from error
        raise


@contextmanager
def transaction(database: sqlite3.Connection, begin: str) -> Iterator[None]:
    """Do what is inside whole or not at all."""
    database.execute(begin)
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            database.rollback()
        raise


class WatchedFile:
    """Watches the file in `path`. `trouble` says that it was deleted or replaced; empty while it is the same file."""

    def __init__(self, path: Path) -> None:
        self.problem = ""
        self._path = path
        self._file_id: tuple[int, int] | None = None
        self._file_id = self._read_file_id()

    def check(self) -> bool:
        """Return whether the file was deleted or replaced. That is final: the program has to start again."""
        found = self._read_file_id()
        if self.problem or found == self._file_id:
            return bool(self.problem)
        done = "replaced by another file" if found else "deleted"
        self.problem = f"{self._path} was {done} while in use · {ONLY_IN_MEMORY} until the program starts again"
        return True

    def _read_file_id(self) -> tuple[int, int] | None:
        """Return device and inode; None if there is no file, the former ones if that can't be found out."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        except OSError:
            return self._file_id
        return found.st_dev, found.st_ino
