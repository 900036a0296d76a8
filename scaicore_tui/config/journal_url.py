"""The location of a journal: a file, or a PostgreSQL server by its URL."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

from msgspec import Struct

from scaicore_tui.config.identity import Identity
from scaicore_tui.errors import ConfigError
from scaicore_tui.secrets import Secret

_SCHEME = re.compile(r"postgres(ql)?://")


class JournalUrl(Struct, frozen=True):
    """A PostgreSQL server, as libpq reads `text`. Printed, it has no password.

    `wanted` is the feed whose journal is meant; None for the only one there.
    """

    text: str
    wanted: Identity | None = None

    def __str__(self) -> str:
        parts = urlsplit(self.text)
        return f"postgresql://{parts.netloc.rpartition('@')[2]}{parts.path}"

    def __repr__(self) -> str:
        return f"JournalUrl({self})"

    @property
    def name(self) -> str:
        """The name of the database."""
        return urlsplit(self.text).path.strip("/") or "journal"


JournalLocation: TypeAlias = Path | JournalUrl


def parse_journal(text: str) -> JournalLocation:
    """Return the location that the option `--journal` names. Raises ConfigError for a malformed URL."""
    if not _SCHEME.match(text):
        return Path(text)
    try:
        password = urlsplit(text).password
    except ValueError:
        raise malformed_url() from None
    if password:
        Secret(unquote(password))
    return JournalUrl(text)


def why_not_in_a_file(text: str) -> str:
    """Return why `text` can't be the journal of a profile in the configuration file; empty if it can."""
    try:
        parts = urlsplit(text) if _SCHEME.match(text) else None
    except ValueError:
        parts = None
    if parts is None:
        return "journal is the address of a server, as postgresql://USER@HOST/DATABASE; --journal FILE names a file"
    if parts.password or "password" in parse_qs(parts.query):
        return "journal must not contain a password: put that into ~/.pgpass"
    return ""


def malformed_url() -> ConfigError:
    """Return the error for a URL that libpq does not understand. A password in the URL is not repeated."""
    return ConfigError(
        "the address of the journal is not a PostgreSQL URL",
        effect="nothing was read or changed",
        hint="postgresql://USER@HOST:5432/DATABASE; the password belongs in ~/.pgpass",
    )
