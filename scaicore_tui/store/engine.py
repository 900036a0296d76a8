"""The database as a journal uses it: SQLite (see `database`) or PostgreSQL (see `postgres`).

Statements are texts that both understand, with `?` for each value; `main.` is the stored table where tables in memory
may shadow it. Texts that differ are in `dialects`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from scaicore_tui.errors import StorageError
from scaicore_tui.store.dialects import Dialect
from scaicore_tui.units import Micros, Position

# Position, time, encoded id of the run, and bytes of an event, as the table of events has them.
EventRow = tuple[Position, Micros, str | bytes | None, bytes]


class Cursor(Protocol):
    """The rows of a statement."""

    @property
    def rowcount(self) -> int:
        """The number of rows that the statement changed."""

    def fetchone(self) -> Any:
        """Return the next row; None if there is none."""

    def fetchall(self) -> list[Any]:
        """Return all other rows."""

    def __iter__(self) -> Iterator[Any]: ...


class Partition(Protocol):
    """A part of the table of events: the positions from `first` up to, but not including, `end`."""

    @property
    def first(self) -> Position: ...

    @property
    def end(self) -> Position: ...


class Partitions(Protocol):
    """The parts of a table of events, see `postgres.partitions`."""

    def whole_below(self, position: Position) -> Sequence[Any]:
        """Return the partitions of which every event is below a position, lowest first."""

    def newest_at(self, partition: Any) -> Micros | None:
        """Return the latest time of its events; None if it is empty."""

    def clear(self, partition: Any, kept: Sequence[str | bytes]) -> int:
        """Delete all events except those of some runs, and those outside of runs without a time; return how many."""

    def drop_if_empty(self, partition: Any) -> None:
        """Drop a partition without events."""


class Database(Protocol):
    """One connection. Outside of a transaction, each statement is committed by itself."""

    @property
    def dialect(self) -> Dialect:
        """The texts and values that differ between databases."""

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """The errors that the driver raises."""

    @property
    def is_concurrent(self) -> bool:
        """True if several threads may use it at once."""

    @property
    def partitions(self) -> Partitions | None:
        """The partitions of the table of events; None if it has none, or if nothing is written here."""

    @property
    def in_transaction(self) -> bool:
        """True within a transaction."""

    def execute(self, query: str, values: Sequence[object] = ..., /) -> Cursor:
        """Run one statement."""

    def executemany(self, query: str, rows: Iterable[Sequence[object]], /) -> object:
        """Run one statement for each of `rows`."""

    def has_current_schema(self) -> bool:
        """Return whether the tables are those of this version."""

    def begin_writing(self) -> None:
        """Begin a transaction that no other writer can disturb."""

    def insert_events(self, rows: Sequence[EventRow]) -> None:
        """Store events, by rising positions, in the current transaction."""

    def commit(self) -> None:
        """Commit the current transaction."""

    def rollback(self) -> None:
        """Undo the current transaction."""

    def close(self) -> None:
        """Close the connection."""

    def failure(self, error: Exception) -> StorageError | None:
        """Return the error for people that one of `errors` means; None if the statement is wrong: our mistake."""

    def damage_error(self) -> StorageError:
        """Return the error for content that can't be decoded."""


@contextmanager
def transaction(database: Database, begin: str = "") -> Iterator[None]:
    """Run the body in a transaction: commit it, or on an error roll it back.

    `begin` is the statement that begins it; without one, no other writer can disturb it.
    """
    if begin:
        database.execute(begin)
    else:
        database.begin_writing()
    try:
        yield
        database.commit()
    except BaseException:
        with suppress(*database.errors):
            database.rollback()
        raise
