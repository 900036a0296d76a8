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
from scaicore_tui.journal.holes import ROOM, Gap, Hole, Holes
from scaicore_tui.journal.schema import migrate
from scaicore_tui.wire import Event, read_stored

OWNER_ONLY_FILE = 0o600
OWNER_ONLY_FOLDER = 0o700
# Above every position.
TOP = 2**62


class Journal:
    """An open journal."""

    def __init__(self, database: sqlite3.Connection, lock: FileLock | None = None) -> None:
        self._database = database
        self._lock = lock
        self._holes = Holes(database)

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
        self._insert(events, range(self._top() + 1, TOP))

    def prepend(self, events: Sequence[Event]) -> None:
        """Add events, oldest first, that are older than all before."""
        bottom = self._bound("min")
        self._insert(events, range((0 if bottom is None else bottom) - len(events), TOP))

    def append_above_hole(self, events: Sequence[Event], found_at: int, cursor: str | None) -> Hole:
        """Add events, oldest first, newer than all before, with a hole below them: `fill` fills it."""
        after = self._top()
        first = after + 1 + ROOM
        hole = Hole(after, first + len(events) - 1, found_at, cursor)
        with self._transaction():
            self._insert_rows(events, range(first, TOP))
            self._holes.open(hole)
        return hole

    def fill(self, hole: Hole, events: Sequence[Event], cursor: str | None) -> None:
        """Add events, oldest first, right below what stands above the hole; more is behind `cursor`."""
        with self._transaction():
            self._insert_rows(events, range(self._holes.bottom(hole) - len(events), TOP))
            self._holes.move(hole, cursor)

    def close_hole(self, hole: Hole, *, is_filled: bool) -> None:
        """There is no hole any more: it is filled, or what is missing will never come."""
        with self._transaction():
            self._holes.close(hole)
            if not is_filled:
                self._holes.give_up(hole.after, hole.found_at)

    def holes(self) -> list[Hole]:
        """The holes that are still to be filled, newest first."""
        return self._holes.open_ones()

    def gaps(self) -> list[Gap]:
        """Where events are missing, oldest first; holes are gaps that are still open."""
        return self._holes.gaps()

    def known(self, events: Sequence[Event], upto: int = TOP) -> Counter[bytes]:
        """How often each event's bytes are in the journal up to a position, over the span of time they cover."""
        moments = [event.at or 0 for event in events]
        if not moments:
            return Counter()
        wanted = {event.raw for event in events}
        query = "SELECT raw FROM events WHERE at BETWEEN ? AND ? AND pos <= ?"
        rows = self._database.execute(query, (min(moments), max(moments), upto))
        return Counter(source for (source,) in rows if source in wanted)

    def newest(self, limit: int, upto: int = TOP) -> list[bytes]:
        """The bytes of the newest events, newest first; of those up to a position."""
        query = "SELECT raw FROM events WHERE pos <= ? ORDER BY pos DESC LIMIT ?"
        return [source for (source,) in self._database.execute(query, (upto, limit))]

    def newest_at(self, upto: int = TOP) -> int:
        """The latest time of any event up to a position, in microseconds since 1970; 0 where there is none."""
        query = "SELECT at FROM events WHERE pos <= ? ORDER BY at DESC LIMIT 1"
        row = self._database.execute(query, (upto,)).fetchone()
        return int(row[0]) if row else 0

    def holds(self, events: Sequence[Event], upto: int = TOP) -> bool:
        """Whether all of `events` are in the journal, up to a position."""
        known = self.known(events, upto)
        return all(event.raw in known for event in events)

    def events(self, execution_id: str | None = None) -> Iterator[Event]:
        """All events, or those of one run, in feed order."""
        where, values = ("WHERE execution_id = ?", (execution_id,)) if execution_id is not None else ("", ())
        rows = self._database.execute(f"SELECT raw FROM events {where} ORDER BY pos", values)  # noqa: S608  (two constants)
        for (source,) in rows:
            yield read_stored(source)

    def mark_gap(self, found_at: int) -> None:
        """Note that events are missing before the next one appended; `found_at` in microseconds since 1970."""
        self._holes.give_up(self._top(), found_at)

    def gap_count(self) -> int:
        """How many gaps the journal has."""
        (count,) = self._database.execute("SELECT count(*) FROM gaps").fetchone()
        return int(count)

    def _top(self) -> int:
        """The highest position that is taken, or kept free for a hole with nothing above it yet."""
        top = self._bound("max")
        return max(-1 if top is None else top, self._holes.top())

    def _bound(self, which: str) -> int | None:
        (pos,) = self._database.execute(f"SELECT {which}(pos) FROM events").fetchone()  # noqa: S608  ("min" or "max")
        return None if pos is None else int(pos)

    def _insert(self, events: Sequence[Event], positions: Iterable[int]) -> None:
        with self._transaction():
            self._insert_rows(events, positions)

    def _insert_rows(self, events: Sequence[Event], positions: Iterable[int]) -> None:
        rows = ((pos, e.at or 0, e.execution_id, e.raw) for pos, e in zip(positions, events, strict=False))
        self._database.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", rows)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            yield


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
