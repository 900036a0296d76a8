"""Where a token can be had from, as values: `config.tokens` chooses among them, `credentials` asks them."""

from __future__ import annotations

import re
from pathlib import Path

from msgspec import Struct

from scaicore_tui.secrets import Secret

# What a tenant's id looks like: it becomes a part of a URL.
TENANT_PATTERN = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


class EnvToken(Struct, frozen=True):
    """A variable of the environment holds it."""

    name: str
    token: Secret


class TokenFile(Struct, frozen=True):
    """A file that holds it and nothing else. A new one may be written into it while the program runs."""

    name: str
    path: Path


class TokenCommand(Struct, frozen=True):
    """A program that prints it and nothing else. No shell is started."""

    profile: str
    arguments: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"token_command of profile {self.profile}"


class VaultKey(Struct, frozen=True):
    """The API key of a tenant, which a ScaiVault keeps (API §4)."""

    url: str
    token: Secret
    tenant: str

    @property
    def name(self) -> str:
        return f"ScaiVault, tenant {self.tenant}"


TokenSource = EnvToken | TokenFile | TokenCommand | VaultKey
