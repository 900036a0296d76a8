"""The proxy's settings, validated when they are created: a proxy with invalid settings never starts."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

import httpx

from scaicore_tui.config.target import check_url
from scaicore_tui.config.tls import client_context
from scaicore_tui.config.token_sources import TENANT_PATTERN
from scaicore_tui.config.tokens import TENANT_VARIABLE
from scaicore_tui.errors import ConfigError
from scaicore_tui.secrets import Secret

DeployAuth = Literal["user_jwt", "api_key"]
# With a longer time, a client that polls would see nothing new for more than a minute.
MAX_COALESCE_S = 60.0


@dataclass(frozen=True)
class ProxyConfig:
    """Address of the ScaiGrid, and the credentials that may be used for it (API §4). Times are in seconds.

    `lend_key` lends a key, that of the tenant `tenant_id` or `api_key`, to programs on this machine that send no
    credential. Any such program can then act with it, so it is only for a port bound to loopback.
    `coalesce` is how long responses to reads are kept for callers with the same credential; 0 turns that off.
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
                raise ConfigError("SCAIVAULT_URL is set, but SCAIVAULT_TOKEN is not", hint="set SCAIVAULT_TOKEN")
        _check_secret("SCAIVAULT_TOKEN", self.vault_token)
        _check_secret("SCAIGRID_API_KEY", self.api_key)
        if self.deploy_auth not in (None, *get_args(DeployAuth)):
            raise ConfigError(
                f"SCAIFLOW_DEPLOY_AUTH is {self.deploy_auth!r}", hint="set it to user_jwt or api_key, or unset it"
            )
        if min(self.read_timeout, self.invoke_timeout) <= 0:
            raise ConfigError("timeouts must be more than 0 s", hint="change --read-timeout or --invoke-timeout")
        if not 0 <= self.coalesce <= MAX_COALESCE_S:
            raise ConfigError(f"--coalesce takes 0 to {MAX_COALESCE_S:g} s", hint="for example --coalesce 2s")
        if self.tenant_id is not None and not TENANT_PATTERN.fullmatch(self.tenant_id):
            raise ConfigError(f"{TENANT_VARIABLE} is not a tenant id: {self.tenant_id!r}")
        if self.lend_key:
            self._check_lending()

    @property
    def has_key(self) -> bool:
        """Return true if the proxy has a key that it could lend."""
        return self.api_key is not None or (self.vault_url is not None and self.tenant_id is not None)

    def _check_lending(self) -> None:
        if self.deploy_auth == "user_jwt":
            raise ConfigError(
                "--lend-key lends a key, which SCAIFLOW_DEPLOY_AUTH=user_jwt forbids", hint="remove one of the two"
            )
        if not self.has_key:
            raise ConfigError(
                "--lend-key has no key to lend",
                hint=f"set SCAIGRID_API_KEY, or SCAIVAULT_URL, SCAIVAULT_TOKEN and {TENANT_VARIABLE}",
            )

    def tls(self) -> ssl.SSLContext | None:
        """Return the TLS context for ScaiGrid and ScaiVault; None if neither URL uses TLS.

        Certificates of a private authority come from the environment (`SSL_CERT_FILE`, `SSL_CERT_DIR`). Raises
        ConfigError if they cannot be used.
        """
        urls = filter(None, (self.upstream, self.vault_url))
        return client_context() if any(urlsplit(url).scheme == "https" for url in urls) else None

    @classmethod
    def from_env(cls, upstream: str, env: Mapping[str, str], **overrides: Any) -> ProxyConfig:
        """Read settings from the environment, where an empty variable counts as unset; `overrides` win. Raises
        ConfigError.
        """
        settings: dict[str, Any] = {
            "vault_url": _text_or_none(env, "SCAIVAULT_URL"),
            "vault_token": _secret_or_none(env, "SCAIVAULT_TOKEN"),
            "api_key": _secret_or_none(env, "SCAIGRID_API_KEY"),
            "deploy_auth": _text_or_none(env, "SCAIFLOW_DEPLOY_AUTH"),
            "tenant_id": _text_or_none(env, TENANT_VARIABLE),
        }
        return cls(upstream, **(settings | overrides))


def _text_or_none(env: Mapping[str, str], name: str) -> str | None:
    return env.get(name, "").strip() or None


def _secret_or_none(env: Mapping[str, str], name: str) -> Secret | None:
    text = _text_or_none(env, name)
    return None if text is None else Secret(text)


def _check_base(name: str, url: str) -> None:
    try:
        # Tokens are sent to both servers: never unencrypted over a network.
        parts = urlsplit(check_url(url, has_token=True))
        is_base = bool(httpx.URL(url).host) and parts.port != 0 and not parts.query and not parts.fragment
    except (ValueError, httpx.InvalidURL):
        is_base = False
    if not is_base:
        raise ConfigError(f"{name} cannot be called: {url!r}", hint="use a URL such as https://scaigrid.example.com")


def _check_secret(name: str, secret: Secret | None) -> None:
    if secret is not None and not secret.is_sendable:
        raise ConfigError(f"{name} has characters that no HTTP header can carry", hint="remove spaces and line breaks")
