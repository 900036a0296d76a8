"""The credential with which the proxy sends a request (API §4)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from scaicore_tui.secrets import Secret
from scaicore_tui.servers.proxy.credentials import why_not_lent
from tests.support.proxy import (
    EVENTS,
    INVOKE,
    Grid,
    answer,
    client_of,
    exchange,
    grid_server,
    jwt,
    proxied,
    raw_request,
)

JWT = jwt(sub="usr_ada", tenant_id="acme", exp=1)
OWN_KEY = "sgk_of_the_caller"
ENV_KEY = Secret("sgk_of_the_environment")
VAULT_KEY = "sgk_of_the_tenant"
FIX = "POST /v1/tenants/me/scaigrid_credentials"

NO_KEYS: dict[str, Any] = {}
KEY_NOT_LENT: dict[str, Any] = {"api_key": ENV_KEY}
KEY_LENT: dict[str, Any] = KEY_NOT_LENT | {"lend_key": True}


def sent(grid: Grid) -> list[str]:
    return [request.headers["authorization"] for request in grid.received]


def assert_missing(response: httpx.Response) -> None:
    assert response.status_code == 412
    detail = response.json()["detail"]
    assert set(detail) == {"error", "message", "fix"}
    assert detail["error"] == "missing_credentials"
    assert FIX in detail["fix"]


@pytest.mark.parametrize(
    ("token", "pin", "settings", "expected"),
    [
        # Not pinned: the caller's own credential comes first; a lent key is used only if lending is on.
        (JWT, None, NO_KEYS, JWT),
        (JWT, None, KEY_LENT, JWT),
        (OWN_KEY, None, NO_KEYS, OWN_KEY),
        (OWN_KEY, None, KEY_LENT, OWN_KEY),
        (None, None, NO_KEYS, None),
        (None, None, KEY_NOT_LENT, None),
        (None, None, KEY_LENT, ENV_KEY.reveal()),
        # Pinned to the caller's own token.
        (JWT, "user_jwt", KEY_NOT_LENT, JWT),
        (OWN_KEY, "user_jwt", KEY_NOT_LENT, None),
        (None, "user_jwt", KEY_NOT_LENT, None),
        # Pinned to API keys. A JWT is not verified here, so its caller gets a key only if every caller does.
        (OWN_KEY, "api_key", KEY_LENT, OWN_KEY),
        (OWN_KEY, "api_key", NO_KEYS, OWN_KEY),
        (JWT, "api_key", KEY_LENT, ENV_KEY.reveal()),
        (JWT, "api_key", KEY_NOT_LENT, None),
        (JWT, "api_key", NO_KEYS, None),
        (None, "api_key", KEY_LENT, ENV_KEY.reveal()),
        (None, "api_key", KEY_NOT_LENT, None),
    ],
)
async def test_the_precedence_of_credentials(
    token: str | None, pin: str | None, settings: dict[str, Any], expected: str | None
) -> None:
    async with proxied(token, deploy_auth=pin, **settings) as (grid, client):
        response = await client.get(EVENTS)
    if expected is None:
        assert_missing(response)
        assert not grid.received
    else:
        assert sent(grid) == [f"Bearer {expected}"]


@pytest.mark.parametrize(
    ("token", "pin", "tenant", "expected"),
    [
        (None, None, None, ENV_KEY.reveal()),
        (None, None, "acme", VAULT_KEY),
        (JWT, None, None, JWT),
        (JWT, None, "acme", JWT),
        (JWT, "api_key", "acme", VAULT_KEY),
        # The tenant in a JWT is not verified, so it never selects a key; it can only exclude one.
        (JWT, "api_key", None, ENV_KEY.reveal()),
        (JWT, "api_key", "globex", None),
        (jwt(tenant_id="globex"), "api_key", "acme", None),
        (jwt(sub="usr_ada"), "api_key", "acme", VAULT_KEY),
        (jwt(tenant_id="../../admin"), "api_key", None, ENV_KEY.reveal()),
        (jwt(tenant_id=7), "api_key", None, ENV_KEY.reveal()),
        ("a.b.c", "api_key", None, ENV_KEY.reveal()),
        (OWN_KEY, "api_key", "acme", OWN_KEY),
    ],
)
async def test_the_tenants_key_takes_precedence_over_the_environments(
    token: str | None, pin: str | None, tenant: str | None, expected: str | None
) -> None:
    async with grid_server() as vault:
        vault.reply = answer(b'{"data": "%s"}' % VAULT_KEY.encode())
        keys = {"vault_url": vault.url, "vault_token": Secret("vt"), "tenant_id": tenant, "deploy_auth": pin}
        async with proxied(token, **KEY_LENT, **keys) as (grid, client):
            response = await client.get(EVENTS)
    if expected is None:
        assert_missing(response)
    assert sent(grid) == ([] if expected is None else [f"Bearer {expected}"])
    requested = {request.target for request in vault.received}
    assert requested == ({b"/v1/secrets/tenants/acme/scaigrid_api_key"} if expected == VAULT_KEY else set())


async def test_the_callers_authorization_header_passes_unchanged() -> None:
    async with proxied(None) as (grid, client):
        await client.get(EVENTS, headers={"Authorization": f"bEARER   {JWT}"})
    assert sent(grid) == [f"bEARER   {JWT}"]


async def test_a_credential_of_an_unknown_kind_is_refused() -> None:
    invalid_tokens = ("opaque", "a.b", "a.b.c.d", "a..c", "sgk_", "a.b.c d.e.f", "a.b.caf\xe9")
    async with proxied(None, **KEY_LENT) as (grid, client):
        for header in ("", "Bearer", "Basic eDp5", JWT, *(f"Bearer {token}" for token in invalid_tokens)):
            response = await client.get(EVENTS, headers=[(b"Authorization", header.strip().encode("latin-1"))])
            assert response.status_code == 401, header
            assert response.json()["detail"].startswith("invalid token: ")
            assert response.headers["www-authenticate"] == "Bearer"
    assert not grid.received


async def test_two_authorization_headers_are_refused() -> None:
    request = raw_request(EVENTS.encode(), b"GET", b"Authorization: Bearer a.b.c", b"Authorization: Bearer sgk_x")
    async with proxied(None) as (grid, client):
        assert (await exchange(str(client.base_url), request)).startswith(b"HTTP/1.1 401")
    assert not grid.received


async def test_a_web_page_cannot_borrow_a_key() -> None:
    revealing_headers = [
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
        ("Host", "evil.example"),
        ("Host", "127.0.0.1.evil.example:8001"),
        ("Host", "[::1"),
    ]
    async with proxied(None, **KEY_LENT) as (grid, client):
        for name, value in revealing_headers:
            assert_missing(await client.post(INVOKE, content=b"{}", headers={name: value}))
    assert not grid.received


async def test_a_forwarded_request_cannot_borrow_a_key() -> None:
    revealing_headers = [
        *("Forwarded", "Via", "X-Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"),
        *("X-Forwarded-User", "X-Forwarded-Anything", "X-Real-IP", "X-Client-IP", "X-Cluster-Client-IP"),
        *("True-Client-IP", "CF-Connecting-IP", "CF-Ray", "Cdn-Loop", "Fastly-Client-IP", "Fly-Client-IP"),
        *("X-Envoy-External-Address", "X-Amzn-Trace-Id", "X-Azure-ClientIP", "X-ARR-LOG-ID", "X-Varnish"),
        *("Remote-User", "X-Auth-Request-Email", "Tailscale-User-Login", "X-A-Proxy-Not-Known-Yet"),
    ]
    async with proxied(None, **KEY_LENT) as (grid, client):
        for name in revealing_headers:
            assert_missing(await client.post(INVOKE, content=b"{}", headers={name: "127.0.0.1"}))
        # A plain `proxy_pass` of nginx adds no header, but uses a connection for only one request.
        for version in ("1.0", "1.1"):
            head = f"GET {EVENTS} HTTP/{version}\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
            assert b" 412 " in (await exchange(str(client.base_url), head)).partition(b"\r\n")[0]
    assert not grid.received


@pytest.mark.parametrize("client", [("10.0.0.7", 4000), ("192.168.1.1", 1), None])
def test_another_machine_cannot_borrow_a_key(client: tuple[str, int] | None) -> None:
    scope = {"type": "http", "http_version": "1.1", "client": client, "headers": [(b"host", b"127.0.0.1")]}
    assert why_not_lent(scope) == "it comes from another machine"
    assert why_not_lent({**scope, "client": ("127.0.0.1", 4000)}) is None
    assert why_not_lent({**scope, "client": ("::1", 4000)}) is None


async def test_a_program_on_this_machine_can_borrow_a_key() -> None:
    async with proxied(None, **KEY_LENT) as (grid, client):
        for host in ("localhost:8001", "127.0.0.1", "[::1]:8001"):
            await client.get(EVENTS, headers={"Host": host})
        await client.get(EVENTS, headers={"Sec-Fetch-Mode": "cors", "Cache-Control": "no-cache", "Traceparent": "00-1"})
        await client.post(INVOKE, json={}, headers={"X-Request-Id": "1"})
    assert sent(grid) == [f"Bearer {ENV_KEY.reveal()}"] * 5


async def test_a_lent_key_is_never_in_the_response() -> None:
    async with proxied(None, **KEY_LENT) as (grid, client):
        response = await client.get(EVENTS)
        async with client_of(str(client.base_url), "opaque") as other_client:
            refused = await other_client.get(EVENTS)
    assert len(grid.received) == 1
    for one in (response, refused):
        assert "sgk_" not in one.text + str(one.headers)
