"""Build the TLS and proxy options of the HTTP client for one URL, from the environment."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict
from urllib.parse import urlsplit

from scaicore_tui.config.proxies import find_proxy, proxy_address_error
from scaicore_tui.config.target import invalid_url_error
from scaicore_tui.config.tls import client_context

if TYPE_CHECKING:
    import httpx


class NetworkOptions(TypedDict):
    """Options of httpx.AsyncClient. `trust_env` is off: httpx's errors would not name the faulty variable."""

    verify: ssl.SSLContext
    proxy: httpx.Proxy | None
    trust_env: bool


def network_options(url: str, ca_file: Path | None = None) -> NetworkOptions:
    """Return the options for `url`. Raises ConfigError, which names the unusable variable or file."""
    _check_address(url)
    context = ssl_context_for(url, ca_file)
    return {"verify": context, "proxy": _proxy(url, context), "trust_env": False}


def ssl_context_for(url: str, ca_file: Path | None = None) -> ssl.SSLContext:
    """Return the TLS context for `url`. Raises ConfigError, which names the unusable variable or file."""
    if urlsplit(url).scheme == "http":
        # Loading certificates takes longer than connecting, and a plain connection needs none.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return client_context(ca_file)


def _check_address(url: str) -> None:
    """Raise ConfigError for a host that httpx rejects; else every request would raise an unspecific error."""
    import httpx

    try:
        httpx.URL(url).host  # noqa: B018  (the host is decoded on access)
    except (ValueError, httpx.InvalidURL) as error:
        raise invalid_url_error(url) from error


def _proxy(url: str, context: ssl.SSLContext) -> httpx.Proxy | None:
    found = find_proxy(url)
    if found is None:
        return None
    import httpx

    auth = None if found.auth is None else (found.auth[0], found.auth[1].reveal())
    encrypted = context if found.url.startswith("https:") else None
    try:
        return httpx.Proxy(found.url, ssl_context=encrypted, auth=auth)
    except (ValueError, httpx.InvalidURL) as error:
        raise proxy_address_error(found.variable) from error
