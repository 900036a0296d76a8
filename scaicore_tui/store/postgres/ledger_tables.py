"""The tables of a team's ledger, and who creates them. They are outside the schemas of the feeds.

A role that only answers needs USAGE on the schema, SELECT on all its tables, INSERT and UPDATE on `writes`, UPDATE on
`ledger_state`, and INSERT, UPDATE and DELETE on `presence`. Only a recorder creates a ledger: if answerers did, two of
them whose tokens can't be compared could create one each.
"""

from __future__ import annotations

from contextlib import closing

import psycopg

from scaicore_tui.config import Identity
from scaicore_tui.errors import ScaicoreError
from scaicore_tui.log import Log, error_fields
from scaicore_tui.store.database import store_identity
from scaicore_tui.store.postgres.address import ledger_schema_of, parse_address
from scaicore_tui.store.postgres.connection import ServerConnection
from scaicore_tui.store.postgres.migration import migrate

_log = Log(__name__)
DAY_S = 86_400
# As in the ledger of a machine: how long a write whose outcome may not be known is kept.
RETENTION_S = 365 * DAY_S
# The server's clock, in microseconds since 1970.
NOW = "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)"
# A released step is never changed. Each change takes the next number of `change`, whose row it locks until it is
# committed: so changes become visible in the order of their numbers. Only one write to a target holds the claim.
MIGRATIONS = (
    """
    CREATE TABLE identity (
        source bytea NOT NULL
    );
    CREATE TABLE writes (
        id bytea PRIMARY KEY,
        kind bytea NOT NULL,
        target_id bytea NOT NULL,
        person bytea NOT NULL,
        machine bytea NOT NULL,
        progress bytea NOT NULL,
        core_id bytea,
        execution_id bytea,
        resolution bytea,
        comment bytea,
        entity_id bytea,
        message bytea NOT NULL,
        request_id bytea,
        is_exclusive integer NOT NULL,
        holds_claim integer NOT NULL,
        claimed_at bigint NOT NULL,
        changed_at bigint NOT NULL,
        change bigint NOT NULL
    );
    CREATE UNIQUE INDEX writes_claim ON writes (target_id) WHERE holds_claim = 1;
    CREATE INDEX writes_change ON writes (change);
    CREATE TABLE presence (
        session_id bytea PRIMARY KEY,
        target_id bytea NOT NULL,
        person bytea NOT NULL,
        expires_at bigint NOT NULL
    );
    """,
)
LEDGER_VERSION = len(MIGRATIONS)
_CREATE_STATE = """CREATE TABLE ledger_state (version integer NOT NULL, change bigint NOT NULL);
INSERT INTO ledger_state VALUES (0, 0)"""
_DELETE_OLD = f"DELETE FROM writes WHERE changed_at < {NOW} - ?"  # noqa: S608  (constants)


def prepare_ledger(url: str, identity: Identity, stored: Identity) -> None:
    """Create the ledger of a feed's team, or bring its tables to this version; `stored` is what is known of the feed.

    If that fails, the log says so, and events are recorded all the same: writes are then refused.
    """
    try:
        with closing(ServerConnection(parse_address(url, ledger_schema_of(identity)))) as connection:
            _prepare(connection, stored)
    except (ScaicoreError, psycopg.Error) as error:
        _log.warning("no ledger for the team", **error_fields(error))


def _prepare(connection: ServerConnection, stored: Identity) -> None:
    # Another recorder may do the same. The lock ends with the connection.
    connection.execute("SELECT pg_advisory_lock(?)", (connection.address.lock_key,))
    migrate(connection, "ledger_state", _CREATE_STATE, MIGRATIONS)
    store_identity(connection, stored)
    connection.execute(_DELETE_OLD, (RETENTION_S * 1_000_000,))
