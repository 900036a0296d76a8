"""ScaiVault over HTTP: the requests, the cached keys and their lifetime, and failures."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from scaicore_tui.secrets import Secret
from scaicore_tui.servers.proxy import ProxyConfig
from tests.support.manual_clock import ManualClock
from tests.support.proxy import EVENTS, Grid, answer, client_of, grid_server, proxy_server

FOUND = answer(b'{"data": {"value": "sgk_tenant", "version": 3}}')
UNUSABLE = [
    answer(b'{"data": "sgk_old"}', "500 Oh"),
    answer(b"", "403 Forbidden"),
    answer(b"", "302 Found", "Location: /elsewhere"),
    answer(b"no json"),
    answer(b"[]"),
    answer(b'{"data": null}'),
    answer(b'{"data": ""}'),
    answer(b'{"data": "sgk_a\\r\\nX-Evil: 1"}'),
    b"not http\r\n\r\n",
]


@asynccontextmanager
async def with_vault(
    clock: ManualClock | None = None, api_key: str | None = None
) -> AsyncIterator[tuple[Grid, Grid, httpx.AsyncClient]]:
    """Yield a grid, a vault, and a client of the proxy that sends no credential."""
    async with grid_server() as grid, grid_server() as vault:
        config = ProxyConfig(
            grid.url,
            vault_url=vault.url + "/",
            vault_token=Secret("vault-token"),
            tenant_id="acme",
            api_key=Secret(api_key) if api_key else None,
            lend_key=True,
        )
        async with proxy_server(config, clock) as url, client_of(url) as client:
            yield grid, vault, client


@pytest.mark.parametrize("body", [b'{"data": "sgk_tenant"}', b'{"data": {"value": "sgk_tenant"}}'])
async def test_the_key_is_read_from_data(body: bytes) -> None:
    async with with_vault() as (grid, vault, client):
        vault.reply = answer(body)
        assert (await client.get(EVENTS)).status_code == 200
    assert grid.received[0].headers["authorization"] == "Bearer sgk_tenant"
    assert vault.received[0].line == b"GET /v1/secrets/tenants/acme/scaigrid_api_key HTTP/1.1"
    assert vault.received[0].headers["authorization"] == "Bearer vault-token"


async def test_a_key_is_cached_for_a_minute() -> None:
    clock = ManualClock()
    async with with_vault(clock) as (grid, vault, client):
        vault.reply = FOUND
        for seconds in (0, 30, 29.9):
            clock.advance(seconds)
            await client.get(EVENTS)
        assert len(vault.received) == 1
        vault.reply = answer(b'{"data": "sgk_new"}')
        clock.advance(0.2)
        await client.get(EVENTS)
    assert len(vault.received) == 2
    assert grid.received[-1].headers["authorization"] == "Bearer sgk_new"


async def test_a_missing_tenant_key_is_cached_and_the_environments_key_is_used() -> None:
    async with with_vault(ManualClock(), "sgk_env") as (grid, vault, client):
        vault.reply = answer(b'{"detail": "no such secret"}', "404 Not Found")
        for _ in range(2):
            await client.get(EVENTS)
    assert len(vault.received) == 1
    assert {request.headers["authorization"] for request in grid.received} == {"Bearer sgk_env"}


async def test_the_error_for_no_key_names_the_tenant() -> None:
    async with with_vault() as (grid, vault, client):
        vault.reply = answer(b"", "404 Not Found")
        response = await client.get(EVENTS)
    assert response.status_code == 412
    assert response.json()["detail"]["message"] == "no ScaiGrid credentials for tenant 'acme'"
    assert not grid.received


async def test_no_other_key_is_used_while_the_vault_fails() -> None:
    async with with_vault(api_key="sgk_env") as (grid, vault, client):
        for reply in UNUSABLE:
            vault.reply = reply
            response = await client.get(EVENTS)
            assert response.status_code == 502
            assert response.json()["detail"]["error"] == "vault_unavailable"
            assert "sgk_" not in response.text
            assert "vault-token" not in response.text
        assert not grid.received
        vault.reply = FOUND
        assert (await client.get(EVENTS)).status_code == 200


async def test_a_cookie_of_the_grid_is_not_sent_to_the_vault() -> None:
    clock = ManualClock()
    async with with_vault(clock) as (grid, vault, client):
        vault.reply = FOUND
        grid.reply = answer(b"{}", "200 OK", "Set-Cookie: session=1; Path=/")
        await client.get(EVENTS)
        clock.advance(60)
        await client.get(EVENTS)
    assert len(vault.received) == 2
    assert not any("cookie" in request.headers for request in vault.received)
