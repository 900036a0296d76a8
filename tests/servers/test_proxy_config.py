"""The proxy's settings: invalid ones are refused, secrets are not printed, the environment is read only on request."""

from __future__ import annotations

import pytest

from scaicore_tui.errors import ConfigError
from scaicore_tui.secrets import Secret
from scaicore_tui.servers.proxy import ProxyConfig
from tests.support.proxy import EVENTS, grid_server, proxied

GRID = "https://scaigrid.example.com"
SECRETS = {"SCAIVAULT_TOKEN": "hush-vault", "SCAIGRID_API_KEY": "sgk_hush"}


def test_settings_come_from_the_environment() -> None:
    env = SECRETS | {
        "SCAIVAULT_URL": "https://vault.example.com",
        "SCAIFLOW_DEPLOY_AUTH": "api_key",
        "SCAICORE_TUI_TENANT": "acme",
    }
    config = ProxyConfig.from_env(GRID, env, lend_key=True)
    assert config == ProxyConfig(
        upstream=GRID,
        vault_url="https://vault.example.com",
        vault_token=Secret("hush-vault"),
        api_key=Secret("sgk_hush"),
        deploy_auth="api_key",
        tenant_id="acme",
        lend_key=True,
    )


def test_empty_variables_are_unset_and_overrides_win() -> None:
    env = {"SCAIVAULT_URL": "", "SCAIGRID_API_KEY": " \n", "SCAIFLOW_DEPLOY_AUTH": "api_key"}
    assert ProxyConfig.from_env(GRID, env, deploy_auth=None) == ProxyConfig(GRID)


def test_lending_is_off_by_default() -> None:
    assert ProxyConfig.from_env(GRID, SECRETS).lend_key is False


@pytest.mark.parametrize(
    ("env", "reason"),
    [
        ({}, "no key to lend"),
        ({"SCAIVAULT_URL": "https://vault.example.com", "SCAIVAULT_TOKEN": "t"}, "no key to lend"),
        ({"SCAICORE_TUI_TENANT": "acme"}, "no key to lend"),
        (SECRETS | {"SCAIFLOW_DEPLOY_AUTH": "user_jwt"}, "user_jwt forbids"),
    ],
)
def test_lending_without_a_lendable_key_is_refused(env: dict[str, str], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        ProxyConfig.from_env(GRID, env, lend_key=True)


def test_a_trailing_line_break_is_removed_from_a_key() -> None:
    config = ProxyConfig.from_env(GRID, {"SCAIGRID_API_KEY": "sgk_hush\n"})
    assert config.api_key == Secret("sgk_hush")


@pytest.mark.parametrize(
    "env",
    [
        {"SCAIFLOW_DEPLOY_AUTH": "both"},
        {"SCAIFLOW_DEPLOY_AUTH": "API_KEY"},
        {"SCAIVAULT_URL": "https://vault.example.com"},
        {"SCAIVAULT_URL": "http://vault.example.com", "SCAIVAULT_TOKEN": "t"},
        {"SCAIVAULT_URL": "vault", "SCAIVAULT_TOKEN": "t"},
        {"SCAIGRID_API_KEY": "sgk_hush\r\nX-Evil: 1"},
        {"SCAIVAULT_TOKEN": "hush hush"},
    ],
)
def test_an_invalid_setting_is_refused(env: dict[str, str]) -> None:
    with pytest.raises(ConfigError) as refused:
        ProxyConfig.from_env(GRID, env)
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    "upstream",
    [
        "",
        "scaigrid.example.com",
        "ftp://scaigrid.example.com",
        "http://scaigrid.example.com",
        "https://user:hush@scaigrid.example.com",
        "https://scaigrid.example.com?x=1",
        "https://scaigrid.example.com#x",
        "https://scaigrid.example.com:99999",
        "https://scaigrid.example.com:port",
        "https://[::1",
        "https://999.1.1.1",
    ],
)
def test_an_invalid_upstream_url_is_refused(upstream: str) -> None:
    with pytest.raises(ConfigError) as refused:
        ProxyConfig(upstream)
    assert "hush" not in str(refused.value)


def test_a_tenant_id_must_fit_into_a_path() -> None:
    with pytest.raises(ConfigError):
        ProxyConfig(GRID, tenant_id="../acme")


def test_secrets_are_not_printed() -> None:
    config = ProxyConfig.from_env(GRID, SECRETS)
    assert "hush" not in f"{config!r} {config}"


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with grid_server() as foreign_urls:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, foreign_urls.url)
        async with proxied() as (grid, client):
            assert (await client.get(EVENTS)).status_code == 200
    assert not foreign_urls.received
    assert len(grid.received) == 1
