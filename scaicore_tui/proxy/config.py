"""The proxy's settings, checked when they are made: a proxy with settings that make no sense never starts."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

import httpx

from scaicore_tui.config.sources import TENANT
from scaicore_tui.config.target import check_url
from scaicore_tui.config.tls import client_context
from scaicore_tui.config.tokens import TENANT_VARIABLE
from scaicore_tui.errors import ConfigError
from scaicore_tui.secret import Secret

DeployAuth = Literal["user_jwt", "api_key"]
# Seconds; who polls would else see nothing new for a whole minute.
MOST_COALESCED = 60.0


@dataclass(frozen=True)
class ProxyConfig:
    """Where the ScaiGrid is, and which credentials there are for it (API §4). Times are in seconds.

    `lend_key` lends a key, that of the tenant `tenant_id` or `api_key`, to programs of this machine that bring none of
    their own: each of them can then act with it, whoever runs it. It makes sense only on a port bound to loopback.
    For so many seconds `coalesce` keeps answers to reads, for callers with the same credential; with 0, none.
    """

    upstream: str
    vault_url: str | None = None
    vault_token: Secret | None = None
    api_key: Secret | None = None
    deploy_auth: DeployAuth | None = None
    tenant_id: str | None = None
    lend_key: bool = False
    read_timeout: float = 15.0
    invoke_timeout: float = 300.0
    coalesce: float = 0.0

    def __post_init__(self) -> None:
        _check_base("upstream", self.upstream)
        if self.vault_url is not None:
            _check_base("SCAIVAULT_URL", self.vault_url)
            if self.vault_token is None:
                raise ConfigError("SCAIVAULT_URL is set, but no token for it", hint="set SCAIVAULT_TOKEN")
        _check_secret("SCAIVAULT_TOKEN", self.vault_token)
        _check_secret("SCAIGRID_API_KEY", self.api_key)
        if self.deploy_auth not in (None, *get_args(DeployAuth)):
            raise ConfigError(f"no SCAIFLOW_DEPLOY_AUTH {self.deploy_auth!r}", hint="user_jwt or api_key, or unset")
        if min(self.read_timeout, self.invoke_timeout) <= 0:
            raise ConfigError("nothing is ever answered in no time", hint="--read-timeout and --invoke-timeout")
        if not 0 <= self.coalesce <= MOST_COALESCED:
            raise ConfigError(f"answers are kept for {MOST_COALESCED:g} s at most", hint="--coalesce 2s")
        if self.tenant_id is not None and not TENANT.fullmatch(self.tenant_id):
            raise ConfigError(f"not a tenant's id: {self.tenant_id!r}")
        if self.lend_key:
            self._check_lending()

    @property
    def has_key(self) -> bool:
        """Whether there is a key of its own to lend."""
        return self.api_key is not None or (self.vault_url is not None and self.tenant_id is not None)

    def _check_lending(self) -> None:
        if self.deploy_auth == "user_jwt":
            raise ConfigError(
                "--lend-key lends a key, and SCAIFLOW_DEPLOY_AUTH=user_jwt forbids that", hint="leave out one of them"
            )
        if not self.has_key:
            raise ConfigError(
                "--lend-key has no key to lend",
                hint=f"set SCAIGRID_API_KEY, or SCAIVAULT_URL, SCAIVAULT_TOKEN and {TENANT_VARIABLE}",
            )

    def tls(self) -> ssl.SSLContext | None:
        """The TLS of connections to ScaiGrid and ScaiVault; None where neither has any.

        Of the environment, the certificates of an own authority count (`SSL_CERT_FILE`, `SSL_CERT_DIR`). Raises
        ConfigError where those can't be used.
        """
        urls = filter(None, (self.upstream, self.vault_url))
        return client_context() if any(urlsplit(url).scheme == "https" for url in urls) else None

    @classmethod
    def from_env(cls, upstream: str, env: Mapping[str, str], **overrides: Any) -> ProxyConfig:
        """Settings out of the environment, empty ones being unset; `overrides` win. Raises ConfigError."""
        said: dict[str, Any] = {
            "vault_url": _text(env, "SCAIVAULT_URL"),
            "vault_token": _secret(env, "SCAIVAULT_TOKEN"),
            "api_key": _secret(env, "SCAIGRID_API_KEY"),
            "deploy_auth": _text(env, "SCAIFLOW_DEPLOY_AUTH"),
            "tenant_id": _text(env, TENANT_VARIABLE),
        }
        return cls(upstream, **(said | overrides))


def _text(env: Mapping[str, str], name: str) -> str | None:
    return env.get(name, "").strip() or None


def _secret(env: Mapping[str, str], name: str) -> Secret | None:
    text = _text(env, name)
    return None if text is None else Secret(text)


def _check_base(name: str, url: str) -> None:
    try:
        # Tokens travel to both: never in the clear over a network.
        parts = urlsplit(check_url(url, has_token=True))
        is_base = bool(httpx.URL(url).host) and parts.port != 0 and not parts.query and not parts.fragment
    except (ValueError, httpx.InvalidURL):
        is_base = False
    if not is_base:
        raise ConfigError(f"{name} cannot be called: {url!r}", hint="it should look like https://scaigrid.example.com")


def _check_secret(name: str, secret: Secret | None) -> None:
    if secret is not None and not secret.is_sendable:
        raise ConfigError(f"{name} has characters that no header can carry", hint="look for spaces and line breaks")
