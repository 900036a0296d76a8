"""The proxy for a URL is chosen from variables; invalid values are reported."""

from __future__ import annotations

import pytest

from scaicore_tui.config.proxies import find_proxy, invalid_no_proxy_entries, proxy_label
from scaicore_tui.errors import ConfigError

URL = "https://flow.example.com"
HTTPS_ONLY = {"HTTPS_PROXY": "http://proxy.example:3128"}


@pytest.mark.parametrize(
    ("env", "label"),
    [
        ({}, None),
        (HTTPS_ONLY, "proxy.example:3128 (HTTPS_PROXY)"),
        ({"https_proxy": "proxy.example"}, "proxy.example (https_proxy)"),
        ({**HTTPS_ONLY, "https_proxy": ""}, None),
        ({"HTTP_PROXY": "http://other.example"}, None),
        ({"ALL_PROXY": "HTTP://[::1]:9"}, "[::1]:9 (ALL_PROXY)"),
        ({"ALL_PROXY": "gopher://other.example", **HTTPS_ONLY}, "proxy.example:3128 (HTTPS_PROXY)"),
        ({"HTTPS_PROXY": "http://me:p%23ss@proxy.example:3128/"}, "proxy.example:3128 (HTTPS_PROXY)"),
    ],
)
def test_the_used_variable_is_named(env: dict[str, str], label: str | None) -> None:
    assert proxy_label(URL, env) == label


def test_user_and_password_are_decoded_and_removed_from_the_address() -> None:
    proxy = find_proxy(URL, {"HTTPS_PROXY": "http://me:p%23ss@word@proxy.example:3128"})
    assert proxy is not None
    assert proxy.url == "http://proxy.example:3128"
    assert proxy.auth is not None
    assert (proxy.auth[0], proxy.auth[1].reveal()) == ("me", "p#ss@word")
    assert "p#ss" not in repr(proxy)


@pytest.mark.parametrize(
    "address",
    [
        "http://corp:P#ssw0rd@proxy.example:9",
        "http://corp:P/ssw0rd@proxy.example:9",
        "http://corp:P?ssw0rd@proxy.example:9",
        "http://",
        "http:/proxy.example",
        "http://[::1",
        "http://proxy.example:99999",
        "http://proxy.example:port",
        "::1:9",
        "http://a b",
        "\udcff",
        "gopher://corp:P4ssw0rd@proxy.example",
        "direct://",
        "socks4://proxy.example",
    ],
)
def test_an_unusable_proxy_is_rejected_with_the_name_of_its_variable(address: str) -> None:
    with pytest.raises(ConfigError, match=r"HTTPS_PROXY cannot be used: .*unset HTTPS_PROXY") as raised:
        find_proxy(URL, {"HTTPS_PROXY": address})
    assert "ssw0rd" not in str(raised.value)
    assert proxy_label(URL, {"HTTPS_PROXY": address}) is None


def test_socks_without_its_package_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scaicore_tui.config.proxies.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"ALL_PROXY .*needs the Python package socksio"):
        find_proxy(URL, {"ALL_PROXY": "socks5://proxy.example"})


@pytest.mark.parametrize(
    ("url", "exceptions", "is_excepted"),
    [
        (URL, "*", True),
        (URL, "example.com", True),
        (URL, ".example.com", True),
        (URL, "*.example.com", True),
        (URL, "other.example, FLOW.example.com:443", True),
        (URL, "flow.example.com:8443", False),
        (URL, "low.example.com", False),
        (URL, "flow.example.com.", True),
        (URL, "https://flow.example.com", True),
        ("https://10.1.2.3", "10.0.0.0/8", True),
        ("https://11.1.2.3", "10.0.0.0/8", False),
        ("https://10.1.2.3:8443", "10.1.2.3:8443", True),
        ("https://[fd07:b51a:cc66:f0::7]", "fd07:b51a:cc66:f0::/64", True),
        ("https://[fd08::7]", "fd07:b51a:cc66:f0::/64", False),
        ("https://[fd07::7]", "[fd07::7]:443", True),
        (URL, "fd07:b51a:cc66:f0::/64", False),
        (URL, "fd07::/999 [::1 http://[ <local>", False),
    ],
)
def test_no_proxy_accepts_hosts_domains_and_networks(url: str, exceptions: str, is_excepted: bool) -> None:
    assert (find_proxy(url, {**HTTPS_ONLY, "NO_PROXY": exceptions}) is None) is is_excepted


def test_loopback_ignores_even_an_invalid_proxy() -> None:
    assert find_proxy("http://127.0.0.1:8001", {"HTTP_PROXY": "gopher://x"}) is None


def test_http_proxy_is_ignored_under_cgi() -> None:
    env = {"HTTP_PROXY": "http://proxy.example", "REQUEST_METHOD": "GET"}
    assert find_proxy("http://flow.example.com", env) is None


def test_invalid_no_proxy_entries_are_reported() -> None:
    invalid = invalid_no_proxy_entries({"NO_PROXY": "localhost,10.0.0.0/8 fd07::/64,[::1,fd07::/999,*"})
    assert invalid == ("[::1", "fd07::/999")
