"""Follow a journal on a server: one connection that is notified of commits, and reads what they changed.

A notification is only a hint: what changed is read from the tables, so nothing is missed without one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress

import psycopg

from scaicore_tui.store.changes import Changes, Content, Known, read_changes, read_content, read_state
from scaicore_tui.store.engine import transaction
from scaicore_tui.store.journal import Journal
from scaicore_tui.store.postgres.address import Address
from scaicore_tui.store.postgres.connection import Connection, ServerConnection

# Only such a name goes into a statement.
_SCHEMA = re.compile(r"[a-z0-9_]+")


class ServerFollower:
    """Reads the changes of one journal. Its methods block, except `fileno`; one thread at a time may call them.

    A connection that was lost is replaced by the next call.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._connection: ServerConnection | None = None
        # The highest revision of a notification so far; -1 before the first.
        self.notified_revision = -1

    @property
    def label(self) -> str:
        """The address, for people."""
        return self._address.label

    @property
    def fileno(self) -> int | None:
        """The descriptor that can be read when there is a notification, or the connection is lost; None without one."""
        connection = None if self._connection is None else self._connection.connection
        return None if connection is None or connection.closed else connection.fileno()

    def read(self, known: Known, summaries_of: Collection[str]) -> Changes | Content:
        """Return what changed since `known`; or all content, with some summaries, if that is too much or not known.

        Raises StorageError and CredentialsError.
        """
        with self._open() as (journal, connection):
            found = self._read(journal, known, summaries_of)
            with journal.using():
                self._take_notifications(connection)
            return found

    def _read(self, journal: Journal, known: Known, summaries_of: Collection[str]) -> Changes | Content:
        state = read_state(journal)
        if (state.revision, state.lineage) == (known.revision, known.lineage):
            return Changes(state, known.last_position)
        with journal.using() as database, transaction(database, journal.dialect.begin_snapshot):
            return read_changes(journal, known) or read_content(journal, summaries_of)

    def _take_notifications(self, connection: Connection) -> None:
        """Take the notifications that arrived; those of later commits say that there is more to read."""
        for notification in connection.notifies(timeout=0):
            with suppress(ValueError):
                self.notified_revision = max(self.notified_revision, int(notification.payload))

    @contextmanager
    def _open(self) -> Iterator[tuple[Journal, Connection]]:
        """Yield the journal and its connection; after an error that is closed, as it may be lost."""
        try:
            if self._connection is None:
                self._connection = ServerConnection(self._address)
                self._listen(self._connection.connection)
            yield Journal(self._connection), self._connection.connection
        except BaseException:
            self.close()
            raise

    def _listen(self, connection: Connection) -> None:
        """Ask for notifications, where the server has them."""
        self.notified_revision = -1
        if _SCHEMA.fullmatch(self._address.schema):
            with suppress(psycopg.errors.FeatureNotSupported, psycopg.errors.SyntaxError):
                connection.execute(f"LISTEN {self._address.schema}".encode())

    def close(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
