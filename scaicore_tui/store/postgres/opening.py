"""Open the journal of a feed on a server, for writing or for reading."""

from __future__ import annotations

from contextlib import suppress

from scaicore_tui.config import Identity
from scaicore_tui.store.database import store_identity
from scaicore_tui.store.engine import Database
from scaicore_tui.store.journal import Journal
from scaicore_tui.store.postgres.address import parse_address
from scaicore_tui.store.postgres.connection import ServerConnection, ServerPool
from scaicore_tui.store.postgres.failures import forbidden, not_ready, too_new
from scaicore_tui.store.postgres.tables import TABLES_VERSION
from scaicore_tui.store.postgres.writer import ServerWriter

_IS_USABLE = "SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = convert_from(?, 'UTF8')"


def open_for_writing(url: str, identity: Identity) -> Journal:
    """Open the journal of a feed for reading and writing, or create it.

    Raises Conflict if another process writes it, ConfigError for a malformed address, StorageError, and
    CredentialsError.
    """
    writer = ServerWriter(parse_address(url, identity))
    try:
        stored = _stored_identity(writer)
        if stored is None:
            store_identity(writer, identity)
        return Journal(writer, reader=ServerPool(writer.address), identity=stored or identity)
    except BaseException:
        writer.close()
        raise


def open_for_reading(url: str, identity: Identity) -> Journal:
    """Open the journal of a feed for reading, even while it is written. Raises as `open_for_writing` does."""
    connection = ServerConnection(parse_address(url, identity))
    try:
        _check_tables(connection)
        return Journal(connection, identity=_stored_identity(connection))
    except BaseException:
        connection.close()
        raise


def _check_tables(connection: ServerConnection) -> None:
    label = connection.address.label
    found = connection.execute(_IS_USABLE, (connection.address.schema,)).fetchone()
    if found is not None and not found[0]:
        raise forbidden(label)
    version = 0 if found is None else connection.execute("SELECT version FROM journal_state").fetchone()[0]
    if version != TABLES_VERSION:
        raise too_new(label) if version > TABLES_VERSION else not_ready(label)


def _stored_identity(database: Database) -> Identity | None:
    """Return the identity of the feed in the journal; None if it has none."""
    row = database.execute("SELECT source FROM identity").fetchone()
    with suppress(ValueError):
        return None if row is None else Identity.from_json(row[0])
    return None
