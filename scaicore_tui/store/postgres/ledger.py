"""The ledger of a team on a PostgreSQL server. Each method is one statement, or several that may each stand alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from socket import SHUT_RDWR, socket
from typing import Any, TypeVar

import psycopg
from msgspec.structs import replace
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from scaicore_tui.config import Identity
from scaicore_tui.errors import ConfigError, NotFound, StorageError
from scaicore_tui.store.engine import Cursor
from scaicore_tui.store.postgres.address import DEFAULTS, LEDGER_PREFIX, Address, ledger_schema_of, parse_address
from scaicore_tui.store.postgres.connection import ServerConnection
from scaicore_tui.store.postgres.failures import UNCHANGED, not_ready, too_new
from scaicore_tui.store.postgres.ledger_tables import LEDGER_VERSION, NOW
from scaicore_tui.store.shared_ledger import Presence, SharedWrite

T = TypeVar("T")
# A person waits: a server that is silent for this long counts as gone.
_TIMEOUTS = {"connect_timeout": 5, "tcp_user_timeout": 5_000}
_CLAIM_ATTEMPTS = 5
_SCHEMAS = """SELECT convert_to(nspname, 'UTF8') FROM pg_namespace
WHERE starts_with(nspname, convert_from(?, 'UTF8')) AND has_schema_privilege(oid, 'USAGE') ORDER BY nspname"""
_NEXT = "WITH next AS (UPDATE ledger_state SET change = change + 1 RETURNING change)"
_GIVEN = (
    "id",
    "kind",
    "target_id",
    "person",
    "machine",
    "progress",
    "core_id",
    "execution_id",
    "resolution",
    "comment",
    "entity_id",
    "message",
    "request_id",
    "is_exclusive",
)
_STAMPS = ("claimed_at", "changed_at", "change")
_COLUMNS = ", ".join((*_GIVEN, *_STAMPS, NOW))
# All of it is constant.
_CLAIM = f"""{_NEXT} INSERT INTO writes ({", ".join(_GIVEN)}, holds_claim, {", ".join(_STAMPS)})
VALUES ({", ".join("?" * len(_GIVEN))}, ?, {NOW}, {NOW}, (SELECT change FROM next))
ON CONFLICT DO NOTHING RETURNING change"""  # noqa: S608
_HOLDER = f"SELECT {_COLUMNS} FROM writes WHERE target_id = ? AND holds_claim = 1"  # noqa: S608
# A write that gave its claim up does not get it back: another one may have it.
_UPDATE = f"""{_NEXT} UPDATE writes SET progress = ?, message = ?, request_id = coalesce(?, request_id),
execution_id = coalesce(?, execution_id), holds_claim = least(holds_claim, ?), changed_at = {NOW},
change = (SELECT change FROM next) WHERE id = ?"""  # noqa: S608
_NEWEST = f"SELECT {_COLUMNS} FROM writes ORDER BY change DESC LIMIT ?"  # noqa: S608
_SINCE = f"SELECT {_COLUMNS} FROM writes WHERE change > ? ORDER BY change LIMIT ?"  # noqa: S608
_BY_IDS = f"SELECT {_COLUMNS} FROM writes WHERE id = ANY(?)"  # noqa: S608
_ANNOUNCE = f"""INSERT INTO presence VALUES (?, ?, ?, {NOW} + ?) ON CONFLICT (session_id)
DO UPDATE SET target_id = excluded.target_id, person = excluded.person, expires_at = excluded.expires_at"""  # noqa: S608
_FORGET_EXPIRED = f"DELETE FROM presence WHERE expires_at < {NOW}"  # noqa: S608
_WITHDRAW = "DELETE FROM presence WHERE session_id = ?"
_PRESENT = f"""SELECT target_id, person FROM presence WHERE session_id <> ? AND expires_at >= {NOW}
ORDER BY target_id, person"""  # noqa: S608


class ServerLedger:
    """A ledger on a server. A lost connection is replaced before the next statement."""

    def __init__(self, connection: ServerConnection) -> None:
        self._server = connection
        self._can_notify = True
        # Repeated to keep it alive; only the first time others are told.
        self._announced: Presence | None = None
        self._listen()

    def claim(self, write: SharedWrite) -> SharedWrite | None:
        """Store a write and return None; or return the write that holds the claim to its target."""
        self._require_connection()
        values = [_bytes(getattr(write, name)) for name in _GIVEN]
        # The holder may give its claim up between both statements.
        for _ in range(_CLAIM_ATTEMPTS):
            if self._run(lambda: self._server.execute(_CLAIM, (*values, write.is_exclusive)).fetchone()) is not None:
                self._notify()
                return None
            holder = self._rows(_HOLDER, (_bytes(write.target_id),))
            if holder:
                return holder[0]
        raise StorageError("the claim to this checkpoint changes too often", effect=UNCHANGED, hint="try again")

    def update(self, write: SharedWrite, *, holds_claim: bool, unless_changed_since: int | None = None) -> bool:
        """Store progress, message, request and run of a write, under the conditions of the protocol."""
        texts = map(_bytes, (write.progress, write.message, write.request_id, write.execution_id))
        values = [*texts, holds_claim, write.id]
        if unless_changed_since is None:
            return self._change(_UPDATE, values) > 0
        return self._change(f"{_UPDATE} AND change = ?", [*values, unless_changed_since]) > 0

    def newest(self, limit: int) -> list[SharedWrite]:
        """Return the writes that changed last, in the order of their changes."""
        return self._rows(_NEWEST, (limit,))[::-1]

    def changes_since(self, change: int, limit: int) -> list[SharedWrite]:
        """Return the writes with a later change than the one with that number, in the order of their changes."""
        return self._rows(_SINCE, (change, limit))

    def by_ids(self, ids: Sequence[str]) -> list[SharedWrite]:
        """Return the writes with these ids that are stored."""
        return self._rows(_BY_IDS, (list(ids),))

    def announce(self, session_id: str, presence: Presence, lifetime_s: float) -> None:
        """Store who has a dialog open, and forget who had one."""
        lifetime = int(lifetime_s * 1_000_000)
        self._run(lambda: self._server.execute(_FORGET_EXPIRED))
        values = (session_id, _bytes(presence.target_id), _bytes(presence.person), lifetime)
        self._run(lambda: self._server.execute(_ANNOUNCE, values))
        if presence != self._announced:
            self._announced = presence
            self._notify()

    def withdraw(self, session_id: str) -> None:
        """Remove what a session announced."""
        self._announced = None
        self._change(_WITHDRAW, (session_id,))

    def present(self, but_session: str) -> list[Presence]:
        """Return who has a dialog open, but for one session."""
        found = self._run(lambda: self._server.execute(_PRESENT, (but_session,)).fetchall())
        return [Presence(_text(target_id), _text(person)) for target_id, person in found]

    def socket(self) -> int | None:
        """Return a copy of the connection's descriptor, to be closed; None if nothing will be sent to it."""
        connection = self._server.connection
        if connection.closed or not self._can_notify:
            return None
        try:
            return os.dup(connection.fileno())
        except OSError:
            return None

    def interrupt(self) -> None:
        """End the connection, from another thread: libpq sees that as the end of the server."""
        with suppress(OSError, psycopg.Error), socket(fileno=os.dup(self._server.connection.fileno())) as copy:
            copy.shutdown(SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        self._server.close()

    def _rows(self, query: str, values: Sequence[object]) -> list[SharedWrite]:
        return [_write(row) for row in self._run(lambda: self._server.execute(query, values).fetchall())]

    def _change(self, statement: str, values: Sequence[object]) -> int:
        """Run a statement and tell the other sessions; return the number of rows that it changed."""

        def run() -> Cursor:
            return self._server.execute(statement, values)

        changed = self._run(run).rowcount
        if changed:
            self._notify()
        return changed

    def _run(self, statement: Callable[[], T]) -> T:
        """Run a statement, once. Raises StorageError if the server can't be used: it may have had its effect."""
        try:
            if self._server.connection.closed:
                self._connect()
            return statement()
        except psycopg.Error as error:
            raise self._server.failure(error) or _unexpected(error, self._server.address.label) from error

    def _require_connection(self) -> None:
        """Find out that the connection was lost before anything depends on it, and replace it."""
        with suppress(psycopg.Error):
            self._server.execute("SELECT 1")
            return
        self._server.close()
        self._run(lambda: self._server.execute("SELECT 1"))

    def _connect(self) -> None:
        self._server = ServerConnection(self._server.address)
        self._listen()

    def _listen(self) -> None:
        """Ask to be told of changes. Some servers that speak this protocol can't: then reading must be repeated."""
        connection = self._server.connection
        connection.add_notify_handler(lambda _: None)
        try:
            connection.execute(f"LISTEN {self._server.address.schema}".encode())
            self._can_notify = True
        except psycopg.Error:
            self._can_notify = False

    def _notify(self) -> None:
        """Tell other sessions that something changed. The tables are the truth, this is only a hint."""
        if self._can_notify:
            with suppress(psycopg.Error):
                self._server.connection.execute(f"NOTIFY {self._server.address.schema}".encode())


def open_ledger(url: str, identity: Identity | None) -> ServerLedger:
    """Open the ledger of the team of `identity`, or the only one. Raises the errors of `open_shared_ledger`."""
    connection = ServerConnection(_impatient(parse_address(url, "")))
    try:
        connection.use(_find_schema(connection, identity))
        _check_tables(connection)
        return ServerLedger(connection)
    except psycopg.Error as error:
        connection.close()
        raise connection.failure(error) or _unexpected(error, connection.address.label) from error
    except BaseException:
        connection.close()
        raise


def _check_tables(connection: ServerConnection) -> None:
    (version,) = connection.execute("SELECT version FROM ledger_state").fetchone()
    if version != LEDGER_VERSION:
        label = connection.address.label
        raise too_new(label) if version > LEDGER_VERSION else not_ready(label)


def _unexpected(error: psycopg.Error, label: str) -> StorageError:
    """Return the error for a statement that the server refuses, which must not end a session."""
    text = f"the server refuses a statement ({error.sqlstate})"
    return StorageError(f"can't use the ledger at {label}: {text}", effect=UNCHANGED, hint="see the server's log")


def _impatient(address: Address) -> Address:
    """Return the address with shorter times, unless it has times of its own."""
    given = conninfo_to_dict(address.conninfo)
    shorter = {name: value for name, value in _TIMEOUTS.items() if given.get(name) == str(DEFAULTS[name])}
    return replace(address, conninfo=make_conninfo(address.conninfo, **shorter))


def _find_schema(connection: ServerConnection, identity: Identity | None) -> str:
    """Return the schema of the ledger of `identity`: that of the same owner, or the only one that may be."""
    names = [_text(name) for (name,) in connection.execute(_SCHEMAS, (LEDGER_PREFIX,))]
    if identity is not None and ledger_schema_of(identity) in names:
        return ledger_schema_of(identity)
    found = [name for name in names if identity is None or _may_be_of(connection, name, identity)]
    label, whose = connection.address.label, "" if identity is None else f" for {identity.url}"
    if not found:
        raise NotFound(
            f"there is no ledger{whose} at {label} that this role may use",
            hint="start `record` with this address once, as a role that the owner of the database permits to",
        )
    if len(found) > 1:
        raise ConfigError(
            f"there are {len(found)} ledgers{whose} at {label}",
            hint="name the API with --profile or --url; the token, or `tenant` in the profile, says which team",
        )
    return found[0]


def _may_be_of(connection: ServerConnection, name: str, identity: Identity) -> bool:
    connection.use(name)
    row = connection.execute("SELECT source FROM identity").fetchone()
    with suppress(ValueError):
        return row is not None and Identity.from_json(row[0]).has_same_targets(identity)
    return False


def _write(row: Sequence[Any]) -> SharedWrite:
    """Return a write from its columns."""
    count = len(_GIVEN) + len(_STAMPS)
    fields = dict(zip((*_GIVEN, *_STAMPS), map(_decoded, row[:count]), strict=True))
    return SharedWrite(**fields | {"is_exclusive": bool(fields["is_exclusive"]), "read_at": row[count]})


def _decoded(value: Any) -> Any:
    return _text(value) if isinstance(value, bytes) else value


def _text(value: bytes) -> str:
    return value.decode(errors="surrogatepass")


def _bytes(value: object) -> object:
    """Return a text as bytes, also one with lone surrogates; anything else as it is."""
    return value.encode(errors="surrogatepass") if isinstance(value, str) else value
