"""Look at a journal on a server for `doctor`: what works, and what the role may do. Nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing, suppress

import psycopg
from msgspec import Struct

from scaicore_tui.config import Identity
from scaicore_tui.errors import ScaicoreError
from scaicore_tui.store.leadership import ENDED_INTERVAL_S
from scaicore_tui.store.postgres.address import parse_address
from scaicore_tui.store.postgres.connection import Connection, ServerConnection
from scaicore_tui.store.postgres.opening import find_schema, readable_feeds
from scaicore_tui.store.postgres.tables import TABLES_VERSION

NOTIFY_TIMEOUT_S = 1.0
_SERVER = """SELECT current_setting('server_version'), pg_is_in_recovery(), current_user,
has_database_privilege(current_database(), 'CREATE')"""
_NOW = "SELECT extract(epoch FROM clock_timestamp())::double precision"
_MAY_WRITE = "SELECT has_table_privilege('events', 'INSERT') AND has_table_privilege('journal_state', 'UPDATE')"
_MAY_ANSWER = """SELECT coalesce(bool_or(has_schema_privilege(relnamespace, 'USAGE')
AND has_table_privilege(pg_class.oid, 'INSERT')), false)
FROM pg_class JOIN pg_namespace AS schema ON schema.oid = relnamespace
WHERE starts_with(nspname, 'ledger_') AND relname = 'writes'"""
_RECORDERS = """SELECT convert_from(host, 'UTF8'), is_leader = 1, (now - seen_at) / 1e6::double precision,
(now - polled_at) / 1e6::double precision, interval_s, convert_from(problem, 'UTF8') FROM recorders,
(SELECT extract(epoch FROM clock_timestamp()) * 1000000 AS now) AS clock ORDER BY is_leader DESC, seen_at DESC"""
# An estimate: to count takes minutes for some hundred million events.
_EVENT_COUNT = """SELECT coalesce(sum(pg_stat_get_live_tuples(inhrelid)), 0)::bigint FROM pg_inherits
WHERE inhparent = to_regclass('events')"""
_CHANNEL = "scaicore_doctor"


class Recorder(Struct, frozen=True):
    """A recorder as it last reported. Ages are in seconds; `polled_age_s` is None if the API never answered it."""

    host: str
    is_leader: bool
    seen_age_s: float
    polled_age_s: float | None
    interval_s: float
    problem: str

    @property
    def has_ended(self) -> bool:
        """True if the process ended by itself."""
        return self.interval_s == ENDED_INTERVAL_S


class ServerReport(Struct):
    """State of a server and a journal. `clock_ahead_s` is how far the server's clock is ahead; `tls` is empty without.

    `problem` says why the feed can't be read; then nothing is known of its tables. `recorders` is None in the tables of
    a version that had none.
    """

    label: str
    version: str
    tls: str
    is_local: bool
    is_replica: bool
    role: str
    may_create: bool
    clock_ahead_s: float
    has_notify: bool
    feeds: Sequence[str] = ()
    problem: ScaicoreError | None = None
    may_write: bool = False
    may_answer: bool = False
    tables_version: int = 0
    known_version: int = TABLES_VERSION
    event_count: int = 0
    recorders: Sequence[Recorder] | None = None


def inspect(url: str, wanted: Identity | None, now: Callable[[], float]) -> ServerReport:
    """Look at the journal of a feed. `now` returns the time in seconds since 1970. Blocks for a second at most.

    Raises StorageError, CredentialsError and ConfigError if the server can't be reached.
    """
    with closing(ServerConnection(parse_address(url, ""))) as server:
        try:
            report = _look_at_server(server, now)
            _look_at_feed(server, wanted, report)
        except psycopg.Error as error:
            failure = server.failure(error)
            if failure is None:
                raise
            raise failure from error
        return report


def _look_at_server(server: ServerConnection, now: Callable[[], float]) -> ServerReport:
    version, is_replica, role, may_create = server.connection.execute(_SERVER).fetchone() or ("", False, "", False)
    before = now()
    (server_time,) = server.connection.execute(_NOW).fetchone() or (before,)
    used = server.connection.pgconn
    return ServerReport(
        server.address.label,
        version,
        _tls(server.connection),
        used.host.startswith(b"/") if used.host else True,
        is_replica,
        role,
        may_create,
        server_time - (before + now()) / 2,
        _has_notify(server.connection),
        [identity.label for identity in readable_feeds(server).values()],
    )


def _tls(connection: Connection) -> str:
    """Return the version of TLS, or only "TLS" if the role may not know it; empty without TLS."""
    if not connection.pgconn.ssl_in_use:
        return ""
    found = connection.execute("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone()
    return str(found[0]) if found else "TLS"


def _has_notify(connection: Connection) -> bool:
    """Return whether a notification of this connection arrives at it."""
    with suppress(psycopg.Error):
        connection.execute(f"LISTEN {_CHANNEL}".encode())
        connection.execute(f"NOTIFY {_CHANNEL}".encode())
        return any(True for _ in connection.notifies(timeout=NOTIFY_TIMEOUT_S, stop_after=1))
    return False


def _look_at_feed(server: ServerConnection, wanted: Identity | None, report: ServerReport) -> None:
    try:
        server.use(find_schema(server, wanted))
    except ScaicoreError as error:
        report.problem = error
        return
    (report.tables_version,) = server.execute("SELECT version FROM journal_state").fetchone()
    (report.event_count,) = server.execute(_EVENT_COUNT).fetchone()
    (report.may_write,) = server.execute(_MAY_WRITE).fetchone()
    (report.may_answer,) = server.connection.execute(_MAY_ANSWER).fetchone() or (False,)
    if server.execute("SELECT to_regclass('recorders') IS NOT NULL").fetchone()[0]:
        rows = server.connection.execute(_RECORDERS).fetchall()
        report.recorders = [Recorder(*row) for row in rows]
