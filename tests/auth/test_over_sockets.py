"""The client's credentials over real sockets: keys from a vault, and renewal after a 401, which repeats only reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from scaicore_tui.api.client import Client
from scaicore_tui.config import Api, Flags, Target, resolve_target
from scaicore_tui.config.token_sources import TokenFile
from scaicore_tui.errors import CredentialsError, Unreachable
from scaicore_tui.secrets import Secret
from tests.support.grid import MANAGER, serving
from tests.support.proxy import Grid, answer, grid_server

pytestmark = pytest.mark.usefixtures("no_documented_limit")

PAGE = answer(b'{"data": {"events": [], "next_cursor": null}}')


async def read_pages(grid: Grid, vault: Grid, **env: str) -> Client:
    """Read two pages with a client that is configured by variables; return the client."""
    grid.reply = PAGE
    settings = {
        "SCAIGRID_BASE_URL": grid.url,
        "SCAIVAULT_URL": f"{vault.url}/",
        "SCAIVAULT_TOKEN": "vault-token",
        "SCAICORE_TUI_TENANT": "acme",
    }
    target = resolve_target(Flags(), settings | env, Path("none"))
    assert target is not None
    client = Client(target)
    try:
        await client.events(1)
        await client.events(1)
    finally:
        await client.close()
    return client


async def test_without_a_token_the_key_of_the_tenant_is_used() -> None:
    async with grid_server() as grid, grid_server() as vault:
        vault.reply = answer(b'{"data": {"value": "sgk_tenant"}}')
        client = await read_pages(grid, vault, SCAIGRID_API_KEY="sgk_environment")
    assert [request.headers["authorization"] for request in grid.received] == ["Bearer sgk_tenant"] * 2
    (request,) = vault.received
    assert request.target == b"/v1/secrets/tenants/acme/scaigrid_api_key"
    assert request.headers["authorization"] == "Bearer vault-token"
    assert client.bearer.source == "ScaiVault, tenant acme"


async def test_without_a_key_of_the_tenant_the_key_of_the_environment_is_used() -> None:
    async with grid_server() as grid, grid_server() as vault:
        vault.reply = answer(b"", "404 Not Found")
        client = await read_pages(grid, vault, SCAIGRID_API_KEY="sgk_environment")
        assert grid.received[0].headers["authorization"] == "Bearer sgk_environment"
        assert client.bearer.source == "SCAIGRID_API_KEY"
        grid.received.clear()
        with pytest.raises(CredentialsError, match="no token from ScaiVault, tenant acme"):
            await read_pages(grid, vault)
    assert not grid.received


async def test_no_other_key_is_used_while_the_vault_is_down() -> None:
    async with grid_server() as grid, grid_server() as vault:
        vault.reply = answer(b"", "503 Oh")
        with pytest.raises(Unreachable, match="ScaiVault answered 503"):
            await read_pages(grid, vault, SCAIGRID_API_KEY="sgk_environment")
    assert not grid.received


async def test_with_a_token_the_vault_is_not_asked() -> None:
    async with grid_server() as grid, grid_server() as vault:
        await read_pages(grid, vault, SCAICORE_TUI_TOKEN="a.b.c")
        assert grid.received[0].headers["authorization"] == "Bearer a.b.c"
    assert not vault.received


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    """Return a file with the manager's token."""
    path = tmp_path / "token"
    path.write_text(MANAGER)
    path.chmod(0o600)
    return path


def client_with_old_token(url: str, file: Path) -> Client:
    """Return a client with an old token, whose token file already contains a new one."""
    return Client(Target(url=url, api=Api.SCAIGRID, token=Secret("sgk_old"), sources=(TokenFile(str(file), file),)))


async def test_after_a_401_a_read_is_repeated_with_the_new_token(token_file: Path) -> None:
    async with serving() as served:
        client = client_with_old_token(served.url, token_file)
        assert (await client.events(1)).events == []
        assert client.requests == 2
        assert (await client.events(1)).events == []
        await client.close()
    assert client.requests == 3


async def test_after_a_401_a_write_is_not_sent_again(token_file: Path) -> None:
    async with serving() as served:
        client = client_with_old_token(served.url, token_file)
        with pytest.raises(CredentialsError):
            await client.invoke("core_expense-approval", {})
        await client.close()
        assert (client.requests, served.grid.store.executions()) == (1, [])
