"""The connection of the writer, of which a journal has one at a time.

The writer holds an advisory lock, which the server releases when the connection ends. Connections can be lost without
either side knowing: so each writer also takes the next number (`epoch`), and each of its transactions checks that no
other has taken one. A transaction locks that number, so another writer only begins after it. Where advisory locks do
nothing, as with CockroachDB, the number alone keeps a former writer out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress

import psycopg

from scaicore_tui.errors import Conflict
from scaicore_tui.store.engine import Cursor, EventRow
from scaicore_tui.store.postgres.address import Address
from scaicore_tui.store.postgres.connection import ServerConnection, connect
from scaicore_tui.store.postgres.failures import UNCHANGED, ServerFailure, WriterReplaced, too_new
from scaicore_tui.store.postgres.partitions import EventPartitions
from scaicore_tui.store.postgres.roles import grant_to_groups
from scaicore_tui.store.postgres.tables import CREATE_STATE, MIGRATIONS, TABLES_VERSION

_LOCK = "SELECT pg_try_advisory_lock(?)"
_UNLOCK = "SELECT pg_advisory_unlock(?)"
_HAS_SCHEMA = "SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = convert_from(?, 'UTF8')"
_VERSION = "SELECT version FROM journal_state"
_TAKE_OVER = "UPDATE journal_state SET epoch = epoch + 1 RETURNING epoch"
_RESUME = "UPDATE journal_state SET epoch = epoch + 1 WHERE epoch = ? RETURNING epoch"
_INSERT_EVENTS = "INSERT INTO events SELECT * FROM unnest(?::bigint[], ?::bigint[], ?::bytea[], ?::bytea[])"
_STILL_WRITER = "SELECT 1 FROM journal_state WHERE epoch = ? FOR SHARE"


class ServerWriter(ServerConnection):
    """The connection of the only writer. A lost one is replaced, unless another process has written since."""

    def __init__(self, address: Address) -> None:
        """Connect, become the writer, and migrate the tables.

        Raises Conflict if another process is the writer, StorageError, and CredentialsError.
        """
        super().__init__(address)
        # Within a transaction a lost connection is not replaced: the first statements of it are lost.
        self._is_writing = False
        self._event_partitions = EventPartitions(self)
        try:
            self._become_writer()
        except self.errors as error:
            self.close()
            failure = self.failure(error)
            if failure is None:
                raise
            raise failure from error
        except BaseException:
            self.close()
            raise

    @property
    def partitions(self) -> EventPartitions:
        """The partitions of the table of events."""
        return self._event_partitions

    def execute(self, query: str, values: Sequence[object] = (), /) -> Cursor:
        """Run one statement. If the connection was lost before, a new one is made."""
        self._reconnect_if_lost()
        return super().execute(query, values)

    def executemany(self, query: str, rows: Iterable[Sequence[object]], /) -> None:
        """Run one statement for each of `rows`, sent together."""
        self._reconnect_if_lost()
        super().executemany(query, rows)

    def begin_writing(self) -> None:
        """Begin a transaction. Raises WriterReplaced if another process has become the writer."""
        self._reconnect_if_lost()
        super().begin_writing()
        if super().execute(_STILL_WRITER, (self._epoch,)).fetchone() is None:
            self.rollback()
            raise self._replaced()
        self._is_writing = True

    def insert_events(self, rows: Sequence[EventRow]) -> None:
        """Store events, by rising positions: all in one statement, as each one has to find its partition."""
        if rows:
            self._event_partitions.add_missing(rows[0][0], rows[-1][0])
            self.execute(_INSERT_EVENTS, [list(column) for column in zip(*rows, strict=True)])

    def commit(self) -> None:
        """Commit the current transaction."""
        super().commit()
        self._is_writing = False

    def rollback(self) -> None:
        """Undo the current transaction."""
        self._is_writing = False
        self._event_partitions.forget()
        super().rollback()

    def close(self) -> None:
        """Release the lock, and close the connection: the next writer need not wait for the server to notice."""
        if not self.connection.closed:
            with suppress(psycopg.Error):
                super().execute(_UNLOCK, (self.address.lock_key,))
        super().close()

    def _become_writer(self) -> None:
        if not self._lock():
            raise Conflict(
                f"another scaicore-tui is writing to {self.address.label}",
                effect=UNCHANGED,
                hint="close the other one, or use a file: --journal FILE",
            )
        self._migrate()
        self._epoch = int(super().execute(_TAKE_OVER).fetchone()[0])

    def _lock(self) -> bool:
        return bool(super().execute(_LOCK, (self.address.lock_key,)).fetchone()[0])

    def _migrate(self) -> None:
        """Create the schema, and bring its tables to the current version. Raises StorageError if they are newer."""
        if not super().execute(_HAS_SCHEMA, (self.address.schema,)).fetchone()[0]:
            self.connection.execute(f"CREATE SCHEMA {self.address.schema}".encode())
        if super().execute("SELECT to_regclass('journal_state')").fetchone()[0] is None:
            self.connection.execute(CREATE_STATE)
        (version,) = super().execute(_VERSION).fetchone()
        if version > TABLES_VERSION:
            raise too_new(self.address.label)
        for number, step in enumerate(MIGRATIONS[version:], version + 1):
            self._take_step(number, step)
        if version < TABLES_VERSION:
            grant_to_groups(self, self.address.schema)

    def _take_step(self, number: int, step: str) -> None:
        """Migrate to the next version: all of it or nothing. Another process may have done it by now."""
        with self.connection.transaction():
            (version,) = super().execute(f"{_VERSION} FOR UPDATE").fetchone()
            if version < number:
                self.connection.execute(step.encode())
                super().execute("UPDATE journal_state SET version = ?", (number,))

    def _reconnect_if_lost(self) -> None:
        """Connect again after the connection was lost. Raises StorageError, also if its lock is not yet released."""
        if self._is_writing or not self.connection.closed:
            return
        self.connection = connect(self.address)
        is_writer = self._lock()
        found = super().execute(_RESUME, (self._epoch,)).fetchone() if is_writer else None
        if found is not None:
            self._epoch = int(found[0])
            return
        self.close()
        if is_writer:
            raise self._replaced()
        raise ServerFailure(
            f"another connection is writing to {self.address.label}", effect=UNCHANGED, hint="this is tried again"
        )

    def _replaced(self) -> WriterReplaced:
        return WriterReplaced(
            f"another scaicore-tui has become the writer of {self.address.label}",
            effect="this one has stopped writing; nothing is lost",
            hint="restart this one if it is to write again",
        )
