"""The address of a journal on a server. libpq reads it: with its TLS settings, `.pgpass`, services and variables."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from scaicore_tui.config import Identity
from scaicore_tui.errors import ConfigError
from scaicore_tui.secrets import Secret

# Unless the address says something else. A server that is silent for this long counts as gone.
_DEFAULTS: Mapping[str, str | int] = {
    "application_name": "scaicore-tui",
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
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


def parse_address(url: str, identity: Identity) -> Address:
    """Return the address of the journal of a feed. Raises ConfigError if the URL is malformed."""
    try:
        given = conninfo_to_dict(url)
    except ProgrammingError:
        # libpq's message may quote the password.
        raise ConfigError(
            "the address of the journal is not a PostgreSQL URL",
            effect="nothing was read or changed",
            hint="postgresql://USER@HOST:5432/DATABASE; the password belongs in ~/.pgpass",
        ) from None
    password = given.pop("password", None)
    secret = Secret(str(password)) if password else None
    conninfo = make_conninfo("", **{**_DEFAULTS, **given})
    return Address(conninfo, secret, _label(given), schema_of(identity))


def _label(given: Mapping[str, object]) -> str:
    host = str(given.get("host") or given.get("service") or "")
    # A path is the folder of a Unix socket.
    port = f":{given['port']}" if given.get("port") and not host.startswith("/") else ""
    return f"postgresql://{'' if host.startswith('/') else host}{port}/{given.get('dbname') or ''}"


def schema_of(identity: Identity) -> str:
    """Return the name of the schema of a feed, which does not depend on who reads it with which profile."""
    feed = f"{identity.url}\n{identity.core or ''}\n{(identity.caller and identity.caller.tenant) or ''}"
    return f"feed_{hashlib.sha256(feed.encode('utf-8', 'surrogatepass')).hexdigest()[:_SCHEMA_DIGITS]}"
