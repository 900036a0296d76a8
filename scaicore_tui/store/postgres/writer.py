"""The connection of the writer, of which a journal has one at a time.

The writer holds an advisory lock, which the server releases when the connection ends. Connections can be lost without
either side knowing: so each writer also takes the next number (`epoch`), and each of its transactions checks that no
other has taken one. A transaction locks that number, so another writer only begins after it. Where advisory locks do
nothing, as with CockroachDB, the number alone keeps a former writer out.

A writer that is stuck, or whose connection is lost without the server knowing, keeps the lock. A `Claim` that replaces
it takes the next number all the same, and asks the server to end the connection that holds the lock. If the role may
not do that, the new writer takes the lock later.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from secrets import randbits

import psycopg

from scaicore_tui.errors import Conflict
from scaicore_tui.store.engine import Cursor, EventRow
from scaicore_tui.store.leadership import IF_FREE, Claim, WriterReplaced
from scaicore_tui.store.postgres.address import Address
from scaicore_tui.store.postgres.connection import ServerConnection, connect
from scaicore_tui.store.postgres.failures import UNCHANGED, ServerFailure
from scaicore_tui.store.postgres.migration import migrate
from scaicore_tui.store.postgres.partitions import EventPartitions
from scaicore_tui.store.postgres.tables import CREATE_STATE, MIGRATIONS

_LOCK = "SELECT pg_try_advisory_lock(?)"
_WAIT_FOR_LOCK = "SELECT pg_advisory_lock(?)"
_UNLOCK = "SELECT pg_advisory_unlock(?)"
# A crash of the server may lose the last commits, and viewers may have read them: so a new lineage of revisions begins
# with each connection of a writer.
_NEW_LINEAGE = """UPDATE journal_state
SET epoch = epoch + 1, former_lineage = lineage, lineage = ?, forked_at = revision"""
_TAKE_OVER = f"{_NEW_LINEAGE} RETURNING epoch"
_RESUME = f"{_NEW_LINEAGE} WHERE epoch = ? RETURNING epoch"
_LINEAGE_BITS = 63
# Each transaction has the next revision. Viewers are notified when it is committed; CockroachDB can't notify.
_NEXT_REVISION = "UPDATE journal_state SET revision = revision + 1 WHERE epoch = ? RETURNING revision"
_CAN_NOTIFY = "SELECT count(*) FROM pg_catalog.pg_proc WHERE proname = 'pg_notify'"
_AND_NOTIFY = ", pg_notify(convert_from(?, 'UTF8'), revision::text)::text"
_EPOCH = "SELECT epoch FROM journal_state"
_INSERT_EVENTS = "INSERT INTO events SELECT * FROM unnest(?::bigint[], ?::bigint[], ?::bytea[], ?::bytea[])"
# The server ends the transaction of a stuck writer after this time, and then another can take the next number.
_LIMIT_IDLE_TIME = "SET idle_in_transaction_session_timeout = '10s'"
_LIMIT_LOCK_WAIT, _NO_LOCK_LIMIT = "SET lock_timeout = '2s'", "SET lock_timeout = 0"
_END_HOLDER = """SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1
AND (classid::bigint << 32 | objid::bigint) = ? AND pid <> pg_backend_pid()
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


class ServerWriter(ServerConnection):
    """The connection of the only writer. A lost one is replaced, unless another process has written since."""

    def __init__(self, address: Address, claim: Claim = IF_FREE) -> None:
        """Connect, become the writer, and migrate the tables.

        Raises Conflict if another process is the writer, StorageError, and CredentialsError.
        """
        super().__init__(address)
        # Counts the writers: the newest has the highest number.
        self.epoch = 0
        self._has_lock = False
        # Within a transaction a lost connection is not replaced: the first statements of it are lost.
        self._is_writing = False
        self._event_partitions = EventPartitions(self)
        try:
            self._become_writer(claim)
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
        self._has_lock = self._has_lock or self._lock()
        super().begin_writing()
        if not self._take_revision():
            self.rollback()
            raise self._replaced()
        self._is_writing = True

    def _take_revision(self) -> bool:
        """Give the transaction the next revision; return False if another process has become the writer."""
        if self._can_notify:
            values: tuple[object, ...] = (self.epoch, self.address.schema)
            return super().execute(_NEXT_REVISION + _AND_NOTIFY, values).fetchone() is not None
        return super().execute(_NEXT_REVISION, (self.epoch,)).fetchone() is not None

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

    def _become_writer(self, claim: Claim) -> None:
        super().execute(_LIMIT_LOCK_WAIT)
        self._has_lock = self._lock()
        if not self._has_lock:
            self._replace_holder(claim)
        migrate(self, "journal_state", CREATE_STATE, MIGRATIONS)
        self._can_notify = bool(super().execute(_CAN_NOTIFY).fetchone()[0])
        found = self._take_over(claim)
        if found is None:
            raise self._conflict()
        self.epoch = int(found[0])
        super().execute(_NO_LOCK_LIMIT)
        super().execute(_LIMIT_IDLE_TIME)

    def _replace_holder(self, claim: Claim) -> None:
        """End the connection that holds the lock, if the claim says so. Raises Conflict if it does not replace it."""
        newest = super().execute(_EPOCH).fetchone() if claim.replaces is not None else None
        if newest is None or newest[0] != claim.replaces:
            raise self._conflict()
        if claim.ends_holder:
            # Ending a connection of another role is not permitted: then only the number is taken.
            with suppress(psycopg.Error):
                super().execute(_END_HOLDER, (self.address.lock_key,)).fetchall()
                super().execute(_WAIT_FOR_LOCK, (self.address.lock_key,))
                self._has_lock = True

    def _take_over(self, claim: Claim) -> tuple[int] | None:
        """Take the next number, and return it; None if the writer to be replaced is not the newest any more."""
        lineage = randbits(_LINEAGE_BITS)
        if claim.replaces is None:
            query = super().execute(_TAKE_OVER, (lineage,))
        else:
            query = super().execute(_RESUME, (lineage, claim.replaces))
        found: tuple[int] | None = query.fetchone()
        return found

    def _conflict(self) -> Conflict:
        return Conflict(
            f"another scaicore-tui is writing to {self.address.label}",
            effect=UNCHANGED,
            hint="close the other one, or use a file: --journal FILE",
        )

    def _lock(self) -> bool:
        return bool(super().execute(_LOCK, (self.address.lock_key,)).fetchone()[0])

    def _reconnect_if_lost(self) -> None:
        """Connect again after the connection was lost. Raises StorageError, also if its lock is not yet released."""
        if self._is_writing or not self.connection.closed:
            return
        self.connection = connect(self.address)
        self._has_lock = self._lock()
        values = (randbits(_LINEAGE_BITS), self.epoch)
        found = super().execute(_RESUME, values).fetchone() if self._has_lock else None
        if found is not None:
            self.epoch = int(found[0])
            super().execute(_LIMIT_IDLE_TIME)
            return
        has_lock = self._has_lock
        self.close()
        if has_lock:
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
