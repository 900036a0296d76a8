"""The address of a journal on a server. libpq reads it: with its TLS settings, `.pgpass`, services and variables."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from scaicore_tui.config import Caller, Identity
from scaicore_tui.config.journal_url import malformed_url
from scaicore_tui.secrets import Secret

# Unless the address says something else. A server that is silent for this long counts as gone.
DEFAULTS: Mapping[str, str | int] = {
    "application_name": "scaicore-tui",
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
SCHEMA_PREFIX = "feed_"
LEDGER_PREFIX = "ledger_"
_SCHEMA_DIGITS = 32


class Address(Struct, frozen=True):
    """A journal on a server. `conninfo` is what libpq takes, without the password; `label` is for people."""

    conninfo: str
    password: Secret | None
    label: str
    schema: str

    @property
    def options(self) -> dict[str, Any]:
        """The arguments of psycopg beside `conninfo`."""
        password = {} if self.password is None else {"password": self.password.reveal()}
        return {"autocommit": True, **password}

    @property
    def lock_key(self) -> int:
        """The number of the advisory lock that its writer holds."""
        return int.from_bytes(hashlib.sha256(self.schema.encode()).digest()[:8], signed=True)


def parse_address(url: str, schema: str) -> Address:
    """Return the address of the journal in a schema. Raises ConfigError if the URL is malformed."""
    try:
        given = conninfo_to_dict(url)
    except ProgrammingError:
        # libpq's message may quote the password.
        raise malformed_url() from None
    password = given.pop("password", None)
    secret = Secret(str(password)) if password else None
    conninfo = make_conninfo("", **{**DEFAULTS, **given})
    return Address(conninfo, secret, _label(given), schema)


def _label(given: Mapping[str, object]) -> str:
    host = str(given.get("host") or given.get("service") or "")
    # A path is the folder of a Unix socket.
    port = f":{given['port']}" if given.get("port") and not host.startswith("/") else ""
    return f"postgresql://{'' if host.startswith('/') else host}{port}/{given.get('dbname') or ''}"


def schema_of(identity: Identity) -> str:
    """Return the name of the schema of a feed: the same for all members of a tenant, and with every profile.

    If the tenant is not known, it is that of one key or person, or else of one profile.
    """
    return SCHEMA_PREFIX + _digest([identity.url, identity.core, _owner(identity)])


def ledger_schema_of(identity: Identity) -> str:
    """Return the name of the schema of the ledger for all feeds of a tenant: a checkpoint is in several of them."""
    return LEDGER_PREFIX + _digest([identity.url, _owner(identity)])


def _owner(identity: Identity) -> str:
    caller = identity.caller or Caller()
    return caller.tenant or caller.key or caller.subject or f"profile {identity.profile}"


def _digest(parts: list[str | None]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:_SCHEMA_DIGITS]


def schemas_of(identity: Identity) -> list[str]:
    """Return the names of all schemas that the people of a feed need."""
    return [schema_of(identity), ledger_schema_of(identity)]
