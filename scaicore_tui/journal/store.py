"""The journal: every event the feed offered, verbatim, once, in feed order. Append-only.

Runs are folded from it; nothing in it is ever changed. One process writes a journal at a time.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout

from scaicore_tui.errors import ConfigError, Conflict, NotFound, ScaicoreError
from scaicore_tui.journal.schema import migrate
from scaicore_tui.wire import Event, read_stored

OWNER_ONLY_FILE = 0o600
OWNER_ONLY_FOLDER = 0o700


class Journal:
    """An open journal."""

    def __init__(self, database: sqlite3.Connection, lock: FileLock | None = None) -> None:
        self._database = database
        self._lock = lock

    @classmethod
    def open(cls, path: Path) -> Self:
        """The journal in `path`, made where there is none, to read and write.

        Raises Conflict where another process writes it, ConfigError where it is no journal, or a newer program's.
        """
        lock = _claim(path)
        try:
            return cls(_prepare(sqlite3.connect(path, isolation_level=None), path), lock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def temporary(cls) -> Self:
        """A journal that leaves nothing behind."""
        # SQLite's name for a database in a file of its own, which it removes.
        return cls(_prepare(sqlite3.connect("", isolation_level=None)))

    @classmethod
    def read(cls, path: Path) -> Self:
        """The journal in `path`, to read only, whoever writes it. Raises NotFound, or ConfigError."""
        if not path.is_file():
            raise NotFound(f"no journal {path}")
        return cls(_check(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True), path))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and let others write it."""
        self._database.close()
        if self._lock is not None:
            self._lock.release()

    def __len__(self) -> int:
        (count,) = self._database.execute("SELECT count(*) FROM events").fetchone()
        return int(count)

    def append(self, events: Sequence[Event]) -> None:
        """Add events, oldest first, that are newer than all before."""
        top = self._bound("max")
        self._insert(events, range(0 if top is None else top + 1, 2**62))

    def prepend(self, events: Sequence[Event]) -> None:
        """Add events, oldest first, that are older than all before."""
        bottom = self._bound("min")
        self._insert(events, range((0 if bottom is None else bottom) - len(events), 2**62))

    def known(self, events: Sequence[Event]) -> Counter[bytes]:
        """How often each event's bytes are in the journal, over the span of time that `events` cover."""
        moments = [event.at or 0 for event in events]
        if not moments:
            return Counter()
        wanted = {event.raw for event in events}
        rows = self._database.execute("SELECT raw FROM events WHERE at BETWEEN ? AND ?", (min(moments), max(moments)))
        return Counter(source for (source,) in rows if source in wanted)

    def newest(self, limit: int) -> list[bytes]:
        """The bytes of the newest events, newest first."""
        rows = self._database.execute("SELECT raw FROM events ORDER BY pos DESC LIMIT ?", (limit,))
        return [source for (source,) in rows]

    def newest_at(self) -> int:
        """The latest time of any event, in microseconds since 1970; 0 where there is none."""
        (at,) = self._database.execute("SELECT max(at) FROM events").fetchone()
        return int(at or 0)

    def holds(self, events: Sequence[Event]) -> bool:
        """Whether all of `events` are in the journal."""
        known = self.known(events)
        return all(event.raw in known for event in events)

    def events(self, execution_id: str | None = None) -> Iterator[Event]:
        """All events, or those of one run, in feed order."""
        where, values = ("WHERE execution_id = ?", (execution_id,)) if execution_id is not None else ("", ())
        rows = self._database.execute(f"SELECT raw FROM events {where} ORDER BY pos", values)  # noqa: S608  (two constants)
        for (source,) in rows:
            yield read_stored(source)

    def mark_gap(self, found_at: int) -> None:
        """Note that events are missing before the next one appended; `found_at` in microseconds since 1970."""
        self._database.execute("INSERT OR IGNORE INTO gaps VALUES (?, ?)", (self._bound("max") or 0, found_at))

    def gap_count(self) -> int:
        """How many gaps the journal has."""
        (count,) = self._database.execute("SELECT count(*) FROM gaps").fetchone()
        return int(count)

    def _bound(self, which: str) -> int | None:
        (pos,) = self._database.execute(f"SELECT {which}(pos) FROM events").fetchone()  # noqa: S608  ("min" or "max")
        return None if pos is None else int(pos)

    def _insert(self, events: Sequence[Event], positions: Iterable[int]) -> None:
        rows = ((pos, e.at or 0, e.execution_id, e.raw) for pos, e in zip(positions, events, strict=False))
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", rows)


def _prepare(database: sqlite3.Connection, path: Path | None = None) -> sqlite3.Connection:
    """Today's tables in `database`, and settings under which a crash loses nothing that was committed."""
    with _closing_on_error(database, path):
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        migrate(database)
    return database


def _check(database: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    """`database`, if it is a journal."""
    with _closing_on_error(database, path):
        database.execute("SELECT 1 FROM events LIMIT 1")
    return database


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


def _claim(path: Path) -> FileLock:
    """Make the file, readable by its owner only, and the right to write it. Raises Conflict where another has it."""
    path.parent.mkdir(mode=OWNER_ONLY_FOLDER, parents=True, exist_ok=True)
    lock = FileLock(f"{path}.lock", mode=OWNER_ONLY_FILE)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise Conflict(
            f"another scaicore-tui writes {path}", kept="it was not touched", hint="close it, or use --no-journal"
        ) from None
    path.touch(mode=OWNER_ONLY_FILE)
    path.chmod(OWNER_ONLY_FILE)
    return lock
