"""The kinds of token sources. `config.tokens` chooses among them, `auth.provider` fetches tokens from them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from scaicore_tui.secrets import Secret

# A tenant id becomes part of a URL.
TENANT_PATTERN = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")

# The keys that name a source of tokens; a table has at most one of them.
TOKEN_KEYS = ("token_env", "token_file", "token_command")
# A program with its arguments.
Arguments = Annotated[tuple[Annotated[str, Meta(min_length=1)], ...], Meta(min_length=1)]


class EnvToken(Struct, frozen=True):
    """An environment variable that holds the token."""

    name: str
    token: Secret


class TokenFile(Struct, frozen=True):
    """A file that holds only the token. It is read again when the token expires, so it may be replaced."""

    name: str
    path: Path


class TokenCommand(Struct, frozen=True):
    """A program, run without a shell, that prints only the token."""

    profile: str
    arguments: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"token_command of profile {self.profile}"


class VaultKey(Struct, frozen=True):
    """The API key of a tenant, stored in ScaiVault (API §4)."""

    url: str
    token: Secret
    tenant: str

    @property
    def name(self) -> str:
        return f"ScaiVault, tenant {self.tenant}"


TokenSource = EnvToken | TokenFile | TokenCommand | VaultKey
