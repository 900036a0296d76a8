"""Create, lock, open, check and migrate the SQLite file of a journal.

`WatchedFile` notices that an open file was deleted or replaced.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from scaicore_tui.config import Identity
from scaicore_tui.errors import ConfigError, Conflict, StorageError, UsageError
from scaicore_tui.lock import OWNER_ONLY_FILE, Lock
from scaicore_tui.protocol import Event, decode_event
from scaicore_tui.store.asked import MIGRATION as ASKED
from scaicore_tui.store.dialects import SQLITE
from scaicore_tui.store.engine import Database, EventRow, Partitions, transaction
from scaicore_tui.store.failures import (
    FILE_UNCHANGED,
    ONLY_IN_MEMORY,
    OTHER_FILE_HINT,
    DiskFailure,
    damaged_error,
    is_storage_failure,
    journal_failure,
)
from scaicore_tui.store.node_days import MIGRATION as NODE_DAYS
from scaicore_tui.store.run_rows import add_columns
from scaicore_tui.store.stored_ids import encode_id

# The most keys in one query.
MAX_LOOKUP_KEYS = 500


def lookup_clauses(events: Iterable[Event]) -> Iterator[tuple[str, list[object]]]:
    """Yield pairs of an SQL expression and values. The rows where an expression has one of its values include all rows
    equal to one of `events`.

    Events are looked up by time, and those without a time by run. The plus in `+at` keeps SQLite from using the index
    of that column.
    """
    times = {event.at for event in events if event.at}
    timeless = {encode_id(event.execution_id) for event in events if not event.at}
    keys: dict[str, list[object]] = {
        "at": list(times),
        "+at = 0 AND execution_id": [key for key in timeless if key is not None],
        "at = 0 AND execution_id IS NULL AND 0": [0] if None in timeless else [],
    }
    for expression, values in keys.items():
        for begin in range(0, len(values), MAX_LOOKUP_KEYS):
            yield expression, values[begin : begin + MAX_LOOKUP_KEYS]


# `pos` is the position in the feed, oldest lowest: new events count up, older ones that are read later count down.
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
    # `holes` are open gaps: they are filled from above, right below the oldest event above them.
    """
    CREATE TABLE holes (
        after_pos INTEGER PRIMARY KEY,
        until_pos INTEGER NOT NULL,
        found_at INTEGER NOT NULL,
        cursor TEXT
    );
    """,
    # A summary of each run, so that a start need not read all events. `place` is the lowest `pos` of the run's events.
    # `folded` is the version of the reducer that made all summaries, 0 while some are missing.
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
    # The checkpoints that were pending at the last poll, oldest first, verbatim. There are no events for them.
    """
    CREATE TABLE pending (
        place INTEGER PRIMARY KEY,
        source BLOB NOT NULL
    );
    """,
    # Unread history is an open gap below all events. Older versions stored none: reading starts from the head then.
    # More timestamp formats are understood than before, and events are looked up by time. Gaps get a reason.
    """
    INSERT INTO holes SELECT -4611686018427387904, -4611686018427387904,
        1000000 * CAST(strftime('%s', 'now') AS INTEGER), NULL WHERE EXISTS (SELECT 1 FROM events);
    DELETE FROM runs WHERE execution_id IN
        (SELECT execution_id FROM events WHERE at = 0 AND moment_of(raw) != 0);
    UPDATE folding SET folded = 0 WHERE EXISTS (SELECT 1 FROM events WHERE at = 0 AND moment_of(raw) != 0);
    UPDATE events SET at = moment_of(raw) WHERE at = 0 AND moment_of(raw) != 0;
    ALTER TABLE gaps ADD COLUMN reason INTEGER NOT NULL DEFAULT 0;
    """,
    # The identity of the feed, as JSON in one row. No row in the journal of an older version until it is opened again.
    """
    CREATE TABLE identity (
        source TEXT NOT NULL
    );
    """,
    # Columns by which runs are found and ordered. `status` is that by the events: whether a run waits is not stored.
    """
    ALTER TABLE runs RENAME TO former_runs;
    CREATE TABLE runs (
        place INTEGER PRIMARY KEY,
        execution_id TEXT NOT NULL UNIQUE,
        summary BLOB NOT NULL,
        status TEXT NOT NULL,
        core_id TEXT,
        started_at INTEGER,
        ended_at INTEGER,
        changed_at INTEGER,
        duration_ms REAL,
        failed_node TEXT,
        error_group TEXT,
        input_digest INTEGER,
        event_count INTEGER NOT NULL,
        search_text TEXT NOT NULL
    );
    SELECT add_columns();
    DROP TABLE former_runs;
    CREATE INDEX runs_status ON runs (status, place);
    CREATE INDEX runs_core ON runs (core_id, place);
    CREATE INDEX runs_started ON runs (started_at);
    CREATE INDEX runs_ended ON runs (ended_at) WHERE ended_at IS NOT NULL;
    CREATE INDEX runs_changed ON runs (changed_at);
    CREATE INDEX runs_duration ON runs (duration_ms) WHERE duration_ms IS NOT NULL;
    CREATE INDEX runs_failed_node ON runs (failed_node) WHERE failed_node IS NOT NULL;
    CREATE INDEX runs_error_group ON runs (error_group) WHERE error_group IS NOT NULL;
    CREATE INDEX runs_input ON runs (input_digest) WHERE input_digest IS NOT NULL;
    """,
    # Statistics of nodes, and all checkpoints. The runs in the file are counted while the program runs: `counted` is 0
    # until that is done.
    f"""
    {NODE_DAYS}
    {ASKED}
    CREATE INDEX runs_failed_ended ON runs (status, ended_at, core_id, error_group) WHERE status = 'failed';
    ALTER TABLE runs ADD COLUMN is_counted INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE folding ADD COLUMN counted INTEGER NOT NULL DEFAULT 0;
    """,
)
SCHEMA_VERSION = len(_MIGRATIONS)


class SqliteDatabase(sqlite3.Connection):
    """A connection to a journal in SQLite. `path` is its file; None for a temporary one."""

    dialect = SQLITE
    errors = (sqlite3.Error,)
    is_concurrent = False
    partitions: Partitions | None = None
    path: Path | None = None

    def has_current_schema(self) -> bool:
        """Return whether the tables are those of this version."""
        (version,) = self.execute("PRAGMA user_version").fetchone()
        return bool(version == SCHEMA_VERSION)

    def begin_writing(self) -> None:
        """Begin a transaction that no other writer can disturb."""
        self.execute("BEGIN IMMEDIATE")

    def insert_events(self, rows: Sequence[EventRow]) -> None:
        """Store events in the current transaction."""
        self.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", rows)

    def failure(self, error: Exception) -> StorageError | None:
        """Return the StorageError for a failure of the file or the disk; None for any other error."""
        if isinstance(error, sqlite3.Error) and is_storage_failure(error):
            return journal_failure(error, self.path)
        return None

    def damage_error(self) -> StorageError:
        """Return the error for content that can't be decoded."""
        return damaged_error(str(self.path))


def require_sqlite(database: Database) -> SqliteDatabase:
    """Return the connection of a journal in SQLite. Raises UsageError for any other."""
    if not isinstance(database, SqliteDatabase):
        raise UsageError("this works on a journal in a file only", effect="nothing was done")
    return database


def check_tables(database: SqliteDatabase, path: Path | None, *, may_be_empty: bool = True) -> None:
    """Check, without a change, that `database` is a journal of this or an older version, or is empty.

    Raises StorageError for the journal of a newer version, sqlite3.OperationalError for another program's database.
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
            hint=f"upgrade, or use --no-journal, or {OTHER_FILE_HINT}",
        )


def migrate(database: SqliteDatabase) -> None:
    """Migrate `database` to the current schema."""
    (version,) = database.execute("PRAGMA user_version").fetchone()
    database.create_function("moment_of", 1, lambda source: decode_event(source).at or 0, deterministic=True)
    database.create_function("add_columns", 0, lambda: add_columns(database))
    for number, step in enumerate(_MIGRATIONS[version:], version + 1):
        database.executescript(f"BEGIN; {step} PRAGMA user_version = {number}; COMMIT;")


def open_for_writing(path: Path | None, identity: Identity | None = None, *, is_shared: bool = True) -> SqliteDatabase:
    """Open the file in `path` with the current schema; without a path, a temporary file that SQLite deletes.

    A crash loses nothing that was committed. Stores `identity` in a file that has none.

    Raises:
        StorageError: The file is not a journal, or can't be written.
        ConfigError: It is the journal of another feed.
    """
    # For SQLite, an empty name means a temporary file.
    database = _connect(str(path) if path is not None else "", path)
    with _closing_on_error(database, path):
        if not is_shared:
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
        # Before any change: the file may belong to another program.
        check_tables(database, path)
        if path is not None and identity is not None:
            check_identity(path, stored_identity(database), identity)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        migrate(database)
        if identity is not None and stored_identity(database) is None:
            store_identity(database, identity)
    return database


def open_for_writing_and_reading(path: Path, identity: Identity | None) -> tuple[SqliteDatabase, SqliteDatabase | None]:
    """Open the file in `path` twice: as `open_for_writing` does, and for reading at the same time.

    On a full disk the shared-memory file of both can't be created: then it is opened once, exclusively, and the second
    connection is None.
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
    path: Path, identity: Identity | None, source: SqliteDatabase
) -> tuple[SqliteDatabase, SqliteDatabase | None]:
    """Open the file in `path` as `open_for_writing_and_reading` does, and copy the content of `source` into it.

    Raises StorageError if the file can't be written, Conflict if it has events, which may be others.
    """
    database = open_for_writing(path, identity)
    with _closing_on_error(database, path):
        if database.execute("SELECT 1 FROM events LIMIT 1").fetchone():
            raise Conflict(f"{path} already has events", effect=FILE_UNCHANGED)
        source.backup(database)
        if identity is not None:
            store_identity(database, identity)
        return database, open_for_reading(path)


def open_for_reading(path: Path) -> SqliteDatabase:
    """Open the journal in `path`. Raises StorageError if it is not a journal, or can't be read.

    SQLite creates a file beside it for that. If that is not possible, and no other process has the journal open, it is
    opened as an immutable file.
    """
    try:
        return _open_for_reading(path, "mode=ro")
    except DiskFailure as error:
        if not _has_log(path):
            with suppress(DiskFailure):
                return _open_for_reading(path, "mode=ro&immutable=1")
        raise error from None


def _open_for_reading(path: Path, options: str) -> SqliteDatabase:
    database = _connect(f"{path.absolute().as_uri()}?{options}", path)
    with _closing_on_error(database, path):
        check_tables(database, path, may_be_empty=False)
    return database


def _has_log(path: Path) -> bool:
    """Return whether the log beside the journal holds events: it is in use, or a process crashed."""
    with suppress(OSError):
        return path.with_name(f"{path.name}-wal").stat().st_size > 0
    return False


def open_copy(database: SqliteDatabase) -> SqliteDatabase:
    """Return a copy of a journal, with the current schema, in a temporary file that SQLite deletes."""
    copy = _connect("", None)
    with _closing_on_error(copy, None):
        database.backup(copy)
        migrate(copy)
    return copy


def lock_for_writing(path: Path) -> Lock:
    """Create the file, readable only by its owner, if it does not exist, and lock it for writing.

    Raises Conflict if another process has the lock, StorageError if the file can't be created or is not a regular file.
    """
    lock: Lock | None = None
    try:
        if path.exists() and not path.is_file():
            kind = "a folder" if path.is_dir() else "not a regular file"
            raise StorageError(
                f"can't write a journal to {path}: it is {kind}", effect=FILE_UNCHANGED, hint=OTHER_FILE_HINT
            )
        lock = Lock(path, wait_s=0).acquire()
        path.touch(mode=OWNER_ONLY_FILE)
        path.chmod(OWNER_ONLY_FILE)
    except TimeoutError:
        hint = f"close the other one, or {OTHER_FILE_HINT}"
        raise Conflict(f"another scaicore-tui is writing to {path}", effect=FILE_UNCHANGED, hint=hint) from None
    except OSError as error:
        if lock is not None:
            lock.release()
        raise journal_failure(error, path) from error
    return lock


def stored_identity(database: SqliteDatabase) -> Identity | None:
    """Return the identity of the feed in that journal; None if it has none."""
    (has_table,) = database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'identity'").fetchone()
    row = database.execute("SELECT source FROM identity").fetchone() if has_table else None
    with suppress(ValueError):
        return None if row is None else Identity.from_json(row[0])
    return None


def store_identity(database: Database, identity: Identity) -> None:
    """Store the identity of the feed, replacing the former one."""
    with transaction(database):
        database.execute("DELETE FROM identity")
        database.execute("INSERT INTO identity VALUES (?)", (identity.to_json(),))


def check_identity(path: Path, stored: Identity | None, wanted: Identity) -> None:
    """Raise ConfigError if the journal in `path` is of another feed than `wanted`."""
    if stored is not None and not stored.is_same_feed(wanted):
        raise ConfigError(
            f"{path} is the journal of {stored.label}, not of {wanted.label}",
            effect=FILE_UNCHANGED,
            hint=f"{OTHER_FILE_HINT}; to view this one: --offline --journal FILE",
        )


def _connect(name: str, path: Path | None) -> SqliteDatabase:
    is_uri = name.startswith("file:")
    try:
        # The journal's lock lets one thread at a time use it.
        database = sqlite3.connect(
            name, isolation_level=None, check_same_thread=False, uri=is_uri, factory=SqliteDatabase
        )
    except sqlite3.Error as error:
        raise journal_failure(error, path) from error
    database.path = path
    return database


@contextmanager
def _closing_on_error(database: SqliteDatabase, path: Path | None) -> Iterator[None]:
    """Close `database` on any error; raise StorageError for a failure of the file or the disk."""
    try:
        yield
    except BaseException as error:
        database.close()
        if isinstance(error, sqlite3.Error) and is_storage_failure(error):
            raise journal_failure(error, path) from error
        raise


class WatchedFile:
    """Watches the file in `path`. `problem` is empty until the file was deleted or replaced.

    Then events written to the open file are lost when the process ends.
    """

    def __init__(self, path: Path) -> None:
        self.problem = ""
        self._path = path
        self._file_id: tuple[int, int] | None = None
        self._file_id = self._read_file_id()

    def check(self) -> bool:
        """Return whether the file was deleted or replaced. Once true, it stays true until the program is restarted."""
        found = self._read_file_id()
        if self.problem or found == self._file_id:
            return bool(self.problem)
        done = "replaced by another file" if found else "deleted"
        self.problem = f"{self._path} was {done} while in use · {ONLY_IN_MEMORY} until the program is restarted"
        return True

    def _read_file_id(self) -> tuple[int, int] | None:
        """Return device and inode; None if there is no file, the former ones if they can't be read."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        except OSError:
            return self._file_id
        return found.st_dev, found.st_ino
