"""Connections to a journal on a server: one that reads, a pool of them, and the one that writes."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

import psycopg
from msgspec.structs import replace
from psycopg.pq import TransactionStatus
from psycopg_pool import ConnectionPool

from scaicore_tui.errors import StorageError
from scaicore_tui.store.dialects import POSTGRES
from scaicore_tui.store.engine import Cursor, Database, EventRow, Partitions
from scaicore_tui.store.postgres.address import Address
from scaicore_tui.store.postgres.failures import connect_failure, damaged, server_failure
from scaicore_tui.store.postgres.tables import TABLES_VERSION

# The pool logs each attempt that failed; a session reports that itself.
logging.getLogger("psycopg").addHandler(logging.NullHandler())
logging.getLogger("psycopg").propagate = False

Connection = psycopg.Connection[tuple[Any, ...]]
_STORED = re.compile(r"\bmain\.")
# An index only takes values up to some 2,700 bytes: ids, which may be longer, are found by a digest.
_BY_ID = re.compile(r"(?<!\.)\bexecution_id( =| IN) (\?|ANY\(\?\)|\([?, ]+\))")
_SAME_ID = re.compile(r"(\w+\.execution_id) = (\w+\.execution_id)")
_CONFLICT_OF_IDS = re.compile(r"ON CONFLICT \((receiver, )?(execution_id|id)\)")
_USE_SCHEMA = "SELECT set_config('search_path', %s, false)"
_OPEN = (TransactionStatus.ACTIVE, TransactionStatus.INTRANS, TransactionStatus.INERROR)
MAX_READERS = 4
POOL_TIMEOUT_S = 10.0
MAX_IDLE_S = 60.0


@lru_cache(1_000)
def translate(query: str) -> bytes:
    """Return a statement with psycopg's marks: values go in binary form, as bytes are twice as long as text."""
    query = _SAME_ID.sub(r"sha256(\1) = sha256(\2)", _BY_ID.sub(_by_digest, query))
    query = _CONFLICT_OF_IDS.sub(r"ON CONFLICT (\1sha256(\2))", query)
    return _STORED.sub("", query).replace("%", "%%").replace("?", "%b").encode()


def _by_digest(condition: re.Match[str]) -> str:
    """Return a condition on an id as one on its digest."""
    sign, values = condition.groups()
    digests = "ANY(ARRAY(SELECT sha256(id) FROM unnest(?::bytea[]) AS ids (id)))" if "ANY" in values else None
    return f"sha256(execution_id){sign} {digests or values.replace('?', 'sha256(?)')}"


def pack(values: Sequence[object]) -> list[object]:
    """Return values as the columns take them: texts as bytes, truth values and enumerations as numbers."""
    return [_packed(value) for value in values]


def _packed(value: object) -> object:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, int):
        return int(value)
    return [_packed(inner) for inner in value] if isinstance(value, list) else value


def connect(address: Address) -> Connection:
    """Connect, and use the schema of the journal. Raises StorageError or CredentialsError."""
    try:
        connection = psycopg.connect(address.conninfo, **address.options)
        use_schema(connection, address)
    except psycopg.Error as error:
        raise connect_failure(error, address.label) from None
    return connection


def use_schema(connection: Connection, address: Address) -> None:
    """Let names without a schema mean those of the journal, and no others."""
    connection.execute(_USE_SCHEMA, (address.schema,))


def run(connection: Connection, query: str, values: Sequence[object] = ()) -> psycopg.Cursor[tuple[Any, ...]]:
    """Run one statement."""
    return connection.cursor(binary=True).execute(translate(query), pack(values))


class _Server:
    """The common parts of all connections."""

    dialect = POSTGRES
    errors = (psycopg.Error,)

    def __init__(self, address: Address) -> None:
        self.address = address

    def execute(self, query: str, values: Sequence[object] = (), /) -> Cursor:
        """Run one statement."""
        raise NotImplementedError

    @property
    def partitions(self) -> Partitions | None:
        """None: nothing is written here."""
        return None

    def has_current_schema(self) -> bool:
        """Return whether the tables are those of this version."""
        found = self.execute("SELECT version FROM journal_state").fetchone()
        return bool(found == (TABLES_VERSION,))

    def failure(self, error: Exception) -> StorageError | None:
        """Return the StorageError for a failure of the server; None for any other error."""
        return server_failure(error, self.address.label)

    def damage_error(self) -> StorageError:
        """Return the error for content that can't be decoded."""
        return damaged(self.address.label)


class ServerConnection(_Server):
    """One connection. It is not replaced when it is lost."""

    is_concurrent = False

    def __init__(self, address: Address) -> None:
        super().__init__(address)
        self.connection = connect(address)

    def use(self, schema: str) -> None:
        """Read another schema from now on."""
        self.address = replace(self.address, schema=schema)
        use_schema(self.connection, self.address)

    @property
    def in_transaction(self) -> bool:
        """True within a transaction."""
        return self.connection.info.transaction_status in _OPEN

    def execute(self, query: str, values: Sequence[object] = (), /) -> Cursor:
        """Run one statement."""
        return run(self.connection, query, values)

    def executemany(self, query: str, rows: Iterable[Sequence[object]], /) -> None:
        """Run one statement for each of `rows`, sent together."""
        self.connection.cursor().executemany(translate(query), map(pack, rows))

    def begin_writing(self) -> None:
        """Begin a transaction."""
        self.execute("BEGIN")

    def insert_events(self, rows: Sequence[EventRow]) -> None:
        """Raise an error: nothing is written here."""
        raise NotImplementedError

    def commit(self) -> None:
        """Commit the current transaction. Raises an error if a statement in it failed: then it would only be undone."""
        if self.connection.info.transaction_status is TransactionStatus.INERROR:
            raise psycopg.errors.InFailedSqlTransaction("a statement failed, and the transaction went on")
        self.connection.commit()

    def rollback(self) -> None:
        """Undo the current transaction."""
        self.connection.rollback()

    def close(self) -> None:
        """Close the connection."""
        with suppress(psycopg.Error):
            self.connection.close()


def require_connection(database: Database) -> ServerConnection:
    """Return the connection of a journal on a server that was opened for reading. Raises TypeError for any other."""
    if not isinstance(database, ServerConnection):
        raise TypeError("not a connection to a server")
    return database


class ServerPool(_Server):
    """Connections for reading, each used for one statement: several threads read at once. Lost ones are replaced."""

    is_concurrent = True
    in_transaction = False

    def __init__(self, address: Address, min_size: int = 1) -> None:
        """`min_size` connections are made at once, and kept; others are closed when they are unused for a while."""
        super().__init__(address)
        self._pool = ConnectionPool(
            address.conninfo,
            kwargs=address.options,
            min_size=min_size,
            max_idle=MAX_IDLE_S,
            max_size=MAX_READERS,
            configure=lambda connection: use_schema(connection, address),
            check=ConnectionPool.check_connection,
            timeout=POOL_TIMEOUT_S,
            num_workers=1,
            open=True,
        )

    def execute(self, query: str, values: Sequence[object] = (), /) -> Cursor:
        """Run one statement. Its rows stay readable after the connection went back to the pool."""
        with self._pool.connection() as connection:
            return run(connection, query, values)

    def executemany(self, query: str, rows: Iterable[Sequence[object]], /) -> None:
        """Raise an error: nothing is written here."""
        raise NotImplementedError

    def begin_writing(self) -> None:
        """Raise an error: nothing is written here."""
        raise NotImplementedError

    def insert_events(self, rows: Sequence[EventRow]) -> None:
        """Raise an error: nothing is written here."""
        raise NotImplementedError

    def commit(self) -> None:
        """Do nothing: there is no transaction."""

    def rollback(self) -> None:
        """Do nothing: there is no transaction."""

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()
