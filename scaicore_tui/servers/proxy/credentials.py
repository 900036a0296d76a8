"""Chooses the credential that a request is sent with (API §4). The choice is made here only.

1. The caller's own credential, unchanged: a ScaiKey JWT or an API key. ScaiGrid verifies it, so callers get exactly the
   rights they already have. A caller's API key is never replaced by the tenant's, which may allow more.
2. The tenant's key in ScaiVault.
3. The key in the environment.

2 and 3 are *lent*: nothing here verifies the caller. They are used only if the operator turned that on (`lend_key`),
and only for requests by a program on this machine, with no sign of a web page or another server in between. That is no
proof: a reverse proxy on this machine that adds no header and keeps its connections open looks like any other program.

The tenant is the one that the operator configured. The signature of a JWT cannot be verified here, so its claims never
choose a key; they can only forbid one: a token of another tenant is lent none. `SCAIFLOW_DEPLOY_AUTH` restricts the
choice: `user_jwt` to the caller's own JWT, `api_key` to API keys, own or lent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import httpx
from starlette.datastructures import Headers
from starlette.types import Scope

from scaicore_tui.auth.jwt import is_jwt, read_claims
from scaicore_tui.auth.sources import fetch_tenant_key
from scaicore_tui.clock import Clock
from scaicore_tui.config.target import is_loopback, parse_host_header
from scaicore_tui.config.token_sources import TENANT_PATTERN
from scaicore_tui.errors import Unreachable
from scaicore_tui.secrets import Secret
from scaicore_tui.servers.proxy import problems
from scaicore_tui.servers.proxy.config import ProxyConfig
from scaicore_tui.servers.proxy.problems import missing_credentials

KEY_CACHE_S = 60.0

_BEARER = re.compile(r"bearer +([\x21-\x7e]+) *", re.IGNORECASE)
_API_KEY_PREFIX = "sgk_"
# The headers that HTTP clients send. Any other header may have been added by a reverse proxy, tunnel or content
# delivery network; there is no complete list of those. The request id is our own.
_CLIENT_HEADERS = frozenset(
    (
        *("accept", "accept-charset", "accept-encoding", "accept-language", "authorization", "cache-control"),
        *("connection", "content-encoding", "content-length", "content-type", "cookie", "dnt", "expect", "host"),
        *("pragma", "priority", "te", "transfer-encoding", "upgrade-insecure-requests", "user-agent"),
        *("traceparent", "tracestate", "x-request-id"),
    )
)
_BROWSER_PREFIX = "sec-"


@dataclass(frozen=True)
class Caller:
    """The sender of a request, as far as the request says.

    `authorization` is the header as it came. `tenant_id` is an unverified claim. `obstacle` says why no key may be lent
    to the request; None if one may.
    """

    kind: Literal["nobody", "jwt", "api_key"]
    authorization: str = field(default="", repr=False)
    tenant_id: str | None = None
    obstacle: str | None = None


def read_caller(scope: Scope) -> Caller:
    """Read the caller from a request. Raises ProxyProblem 401 for a credential of an unknown kind."""
    headers = Headers(scope=scope).getlist("authorization")
    obstacle = why_not_lent(scope)
    if not headers:
        return Caller("nobody", obstacle=obstacle)
    bearer = _BEARER.fullmatch(headers[0])
    if len(headers) > 1 or bearer is None:
        raise problems.unauthorized("one Authorization header with a bearer token is expected")
    token = bearer[1]
    if len(token) > len(_API_KEY_PREFIX) and token.startswith(_API_KEY_PREFIX):
        return Caller("api_key", headers[0], obstacle=obstacle)
    if is_jwt(token):
        return Caller("jwt", headers[0], _tenant_claim(token), obstacle)
    raise problems.unauthorized("neither a ScaiKey token nor an API key")


def _tenant_claim(token: str) -> str | None:
    claims = read_claims(token)
    tenant = None if claims is None else claims.tenant_id
    return tenant if tenant is not None and TENANT_PATTERN.fullmatch(tenant) else None


def why_not_lent(scope: Scope) -> str | None:
    """Return why no key may be lent to a request; None if one may.

    A web page is recognised by `Origin` or `Sec-Fetch-Site`, and one that made its name resolve to this machine by
    `Host`. A forwarded request is recognised by additional headers, by HTTP/1.0, which reverse proxies still use, or by
    a connection for a single request.
    """
    headers = Headers(scope=scope)
    client = scope.get("client")
    if client is None or not is_loopback(client[0]):
        return "it comes from another machine"
    if "origin" in headers or headers.get("sec-fetch-site", "none") != "none":
        return "it comes from a web page"
    if not is_loopback(parse_host_header(headers.get("host", ""))):
        return "its Host is not this machine"
    # nginx closes each connection to its upstream unless configured otherwise.
    closes = "close" in headers.get("connection", "").lower()
    if scope["http_version"] == "1.0" or closes or not all(_is_client_header(name) for name in headers):
        return "it was forwarded, or has a header of a kind that reverse proxies add"
    return None


def _is_client_header(name: str) -> bool:
    return name in _CLIENT_HEADERS or name.startswith(_BROWSER_PREFIX)


class CredentialPolicy:
    """Chooses credentials for one proxy; `vault` is None if no ScaiVault is configured."""

    def __init__(self, config: ProxyConfig, vault: VaultKeys | None) -> None:
        self._config = config
        self._vault = vault

    async def authorization(self, caller: Caller) -> str:
        """Return the Authorization header to send.

        Raises ProxyProblem: 412 if no credential may be used, 502 if ScaiVault does not answer.
        """
        if self._is_own_allowed(caller):
            return caller.authorization
        refusal = self._why_not_lent(caller)
        if refusal is not None:
            raise missing_credentials(refusal)
        key = await self._tenant_key() or self._config.api_key
        if key is None:
            raise missing_credentials(f"no ScaiGrid credentials for tenant '{self._config.tenant_id}'")
        return f"Bearer {key.reveal()}"

    def _is_own_allowed(self, caller: Caller) -> bool:
        refused = {None: "nobody", "user_jwt": "api_key", "api_key": "jwt"}[self._config.deploy_auth]
        return caller.kind not in ("nobody", refused)

    def _why_not_lent(self, caller: Caller) -> str | None:
        if self._config.deploy_auth == "user_jwt":
            return "no ScaiKey token: this proxy accepts only the caller's own token"
        carried = "a token, where an API key is needed" if caller.kind == "jwt" else "none"
        refusal = f"no ScaiGrid credentials: the request carries {carried}, and this proxy lends it none"
        if not self._config.lend_key:
            return refusal
        if caller.obstacle is not None:
            return f"{refusal}: {caller.obstacle}"
        if None not in (caller.tenant_id, self._config.tenant_id) and caller.tenant_id != self._config.tenant_id:
            return f"{refusal}: its token names another tenant"
        return None

    async def _tenant_key(self) -> Secret | None:
        if self._vault is None or self._config.tenant_id is None:
            return None
        return await self._vault.api_key(self._config.tenant_id)


class _CachedKey(NamedTuple):
    key: Secret | None
    expires_at: float


class VaultKeys:
    """The tenants' ScaiGrid keys in one ScaiVault, cached in memory for KEY_CACHE_S.

    That a tenant has no key is cached, too; a failure of the vault is not.
    """

    def __init__(self, http: httpx.AsyncClient, url: str, token: Secret, clock: Clock) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._token = token
        self._clock = clock
        self._cache: dict[str, _CachedKey] = {}

    async def api_key(self, tenant_id: str) -> Secret | None:
        """Return the tenant's key; None if it has none. Raises ProxyProblem 502 if the vault cannot be read.

        No other key is used while the vault is down: the request would act as a different user.
        """
        self._drop_expired()
        if tenant_id not in self._cache:
            key = await self._fetch(tenant_id)
            self._cache[tenant_id] = _CachedKey(key, self._clock.monotonic() + KEY_CACHE_S)
        return self._cache[tenant_id].key

    def _drop_expired(self) -> None:
        now = self._clock.monotonic()
        self._cache = {tenant_id: cached for tenant_id, cached in self._cache.items() if cached.expires_at > now}

    async def _fetch(self, tenant_id: str) -> Secret | None:
        try:
            return await fetch_tenant_key(self._http, self._url, self._token, tenant_id)
        except Unreachable as error:
            raise problems.vault_unavailable(error.message) from None
