"""Open the journal of a feed on a server, for writing or for reading."""

from __future__ import annotations

from contextlib import suppress

from scaicore_tui.config import Identity
from scaicore_tui.errors import ConfigError, NotFound
from scaicore_tui.store.database import store_identity
from scaicore_tui.store.engine import Database
from scaicore_tui.store.journal import Journal
from scaicore_tui.store.leadership import IF_FREE, Claim
from scaicore_tui.store.postgres.address import SCHEMA_PREFIX, parse_address, schema_of
from scaicore_tui.store.postgres.connection import ServerConnection, ServerPool
from scaicore_tui.store.postgres.failures import not_ready, too_new
from scaicore_tui.store.postgres.following import ServerFollower
from scaicore_tui.store.postgres.ledger_tables import prepare_ledger
from scaicore_tui.store.postgres.recorders import LeaderJournal, Recorders
from scaicore_tui.store.postgres.tables import TABLES_VERSION
from scaicore_tui.store.postgres.writer import ServerWriter

_SCHEMAS = """SELECT convert_to(nspname, 'UTF8') FROM pg_namespace
WHERE starts_with(nspname, convert_from(?, 'UTF8')) AND has_schema_privilege(oid, 'USAGE') ORDER BY nspname"""


def open_for_writing(url: str, identity: Identity) -> Journal:
    """Open the journal of a feed for reading and writing, or create it.

    Raises Conflict if another process writes it, ConfigError for a malformed address, StorageError, and
    CredentialsError.
    """
    return open_as_leader(url, identity, IF_FREE).journal


def open_as_leader(url: str, identity: Identity, claim: Claim) -> LeaderJournal:
    """Do the same as `open_for_writing`, also if the claim allows it to replace another process."""
    writer = ServerWriter(parse_address(url, schema_of(identity)), claim)
    try:
        stored = _stored_identity(writer)
        if stored is None:
            store_identity(writer, identity)
        prepare_ledger(url, identity, stored or identity)
        journal = Journal(writer, reader=ServerPool(writer.address), identity=stored or identity)
        return LeaderJournal(journal, lambda: writer.epoch)
    except BaseException:
        writer.close()
        raise


def open_recorders(url: str, identity: Identity) -> Recorders:
    """Return the recorders of the journal of a feed. Nothing is connected yet. Raises ConfigError."""
    return Recorders(parse_address(url, schema_of(identity)))


def open_for_reading(url: str, wanted: Identity | None = None) -> Journal:
    """Open the journal of a feed for reading, even while it is written; without `wanted`, that of the only feed.

    Raises NotFound if there is none, ConfigError if there are several, and the errors of `open_for_writing`.
    """
    connection = _connect_for_reading(url, wanted)
    try:
        return Journal(connection, identity=_stored_identity(connection))
    except BaseException:
        connection.close()
        raise


def open_for_following(url: str, wanted: Identity | None = None) -> tuple[Journal, ServerFollower]:
    """Open the journal of a feed for a viewer: to read from several threads, and to follow what its recorder writes.

    Raises the errors of `open_for_reading`.
    """
    connection = _connect_for_reading(url, wanted)
    try:
        identity, address = _stored_identity(connection), connection.address
    finally:
        connection.close()
    return Journal(ServerPool(address, min_size=0), identity=identity), ServerFollower(address)


def _connect_for_reading(url: str, wanted: Identity | None) -> ServerConnection:
    """Return a connection that uses the schema of a feed. Raises the errors of `open_for_reading`."""
    connection = ServerConnection(parse_address(url, ""))
    try:
        connection.use(find_schema(connection, wanted))
        _check_tables(connection)
    except connection.errors as error:
        connection.close()
        failure = connection.failure(error)
        if failure is None:
            raise
        raise failure from error
    except BaseException:
        connection.close()
        raise
    return connection


def readable_feeds(connection: ServerConnection) -> dict[str, Identity]:
    """Return the feeds that the role may read, by schema. Those of others are not named."""
    found = dict[str, Identity]()
    for name in _readable_schemas(connection):
        connection.use(name)
        identity = _stored_identity(connection)
        if identity is not None:
            found[name] = identity
    return found


def _readable_schemas(connection: ServerConnection) -> list[str]:
    return [name.decode() for (name,) in connection.execute(_SCHEMAS, (SCHEMA_PREFIX,))]


def find_schema(connection: ServerConnection, wanted: Identity | None) -> str:
    """Return the schema of the feed `wanted`, or of the only one. Raises NotFound, or ConfigError for several."""
    if wanted is not None and schema_of(wanted) in _readable_schemas(connection):
        return schema_of(wanted)
    feeds = readable_feeds(connection)
    found = {name: identity for name, identity in feeds.items() if wanted is None or _may_be(identity, wanted)}
    if not found:
        whose = "" if wanted is None else f" of {wanted.label}"
        hint = "start `record` with this address once, as a role that the owner of the database permits to"
        raise NotFound(f"there is no journal{whose} at {connection.address.label} that this role may read", hint=hint)
    if len(found) > 1:
        labels = ", ".join(sorted(identity.label for identity in found.values()))
        raise ConfigError(
            f"there are {len(found)} journals at {connection.address.label}: {labels}",
            effect="nothing was read",
            hint="name the feed with --profile or --url",
        )
    return next(iter(found))


def _may_be(identity: Identity, wanted: Identity) -> bool:
    """Return whether a feed may be the wanted one. Profiles have other names on other machines."""
    return identity.has_same_targets(wanted) and identity.core == wanted.core


def _check_tables(connection: ServerConnection) -> None:
    label = connection.address.label
    (version,) = connection.execute("SELECT version FROM journal_state").fetchone()
    if version != TABLES_VERSION:
        raise too_new(label) if version > TABLES_VERSION else not_ready(label)


def _stored_identity(database: Database) -> Identity | None:
    """Return the identity of the feed in the journal; None if it has none."""
    row = database.execute("SELECT source FROM identity").fetchone()
    with suppress(ValueError):
        return None if row is None else Identity.from_json(row[0])
    return None
