"""Find the proxy for a URL: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, read here and nowhere else.

Only the variables that matter for the URL are validated: an error in an unused one is ignored.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from msgspec import Struct

from scaicore_tui.config.target import is_loopback
from scaicore_tui.errors import ConfigError
from scaicore_tui.secrets import Secret

NO_PROXY = "NO_PROXY"
_SYSTEM = "the system settings"
_HTTP = ("http", "https")
_SOCKS = ("socks5", "socks5h")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_HOST = re.compile(r"[\w.:%-]+")
_PORTS = {"http": 80, "https": 443}
# A domain, with an optional `.`, `*` or `*.` before it and an optional port after it.
_DOMAIN = re.compile(r"\*?\.?([^\s:/*]+)(?::(\d+))?")


class Proxy(Struct, frozen=True):
    """One proxy: its `url` without user and password, its `host` with port, and the `variable` that sets it."""

    url: str
    host: str
    variable: str
    auth: tuple[str, Secret] | None = None


def find_proxy(url: str, env: Mapping[str, str] = os.environ) -> Proxy | None:
    """Return the proxy for `url`; None to connect directly. Raises ConfigError, which names the faulty variable."""
    parts = urlsplit(url)
    if is_loopback(parts.hostname):
        return None
    variable, value = _configured_proxy(parts.scheme, env)
    if not value or _is_excepted(parts, env, by_system=variable == _SYSTEM):
        return None
    return _parse_proxy(value.strip(), variable)


def proxy_label(url: str, env: Mapping[str, str] = os.environ) -> str | None:
    """Return the proxy for `url` for display; None if there is none or it is invalid."""
    try:
        proxy = find_proxy(url, env)
    except ConfigError:
        return None
    return f"{proxy.host} ({proxy.variable})" if proxy is not None else None


def invalid_no_proxy_entries(env: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Return the entries of `NO_PROXY` that are neither hosts nor networks, and have no effect."""
    _, text = _value(NO_PROXY, env)
    return tuple(entry for entry in _entries(text) if _network(entry) is None and _is_invalid(entry))


def _value(name: str, env: Mapping[str, str]) -> tuple[str, str]:
    """Return a variable's actual name and its value; lower case first, as in curl and Python."""
    lower = name.lower()
    return (lower, env[lower]) if lower in env else (name, env.get(name, ""))


def _configured_proxy(scheme: str, env: Mapping[str, str]) -> tuple[str, str]:
    """Return the variable that sets the proxy for a scheme, and its value; both empty if none does."""
    for name in (f"{scheme.upper()}_PROXY", "ALL_PROXY"):
        variable, text = _value(name, env)
        # Under CGI, HTTP_PROXY comes from a request header that anybody can send (CVE-2016-5385).
        if text.strip() and not (variable == "HTTP_PROXY" and "REQUEST_METHOD" in env):
            return variable, text
    if env is not os.environ:
        return "", ""
    # The system-wide setting on Windows and macOS; nothing on Linux.
    return _SYSTEM, getproxies().get(scheme, "")


def _is_excepted(parts: SplitResult, env: Mapping[str, str], *, by_system: bool) -> bool:
    """Return True if `NO_PROXY`, or the system's list of exceptions, contains the host."""
    host, port = (parts.hostname or "").rstrip("."), parts.port or _PORTS.get(parts.scheme)
    if by_system:
        return bool(proxy_bypass(host))
    _, text = _value(NO_PROXY, env)
    return any(_excepts(entry, host, port) for entry in _entries(text))


def _entries(text: str) -> Iterator[str]:
    yield from (entry for entry in re.split(r"[\s,]+", text) if entry)


def _excepts(entry: str, host: str, port: int | None) -> bool:
    """Return True if an entry of NO_PROXY is `*`, or a network, an address or a domain that contains this host."""
    if entry == "*":
        return True
    if network := _network(entry):
        addresses, only = network
        return only in (None, port) and _is_in(host, addresses)
    found = _DOMAIN.fullmatch(_without_scheme(entry))
    if found is None or found[2] not in (None, str(port)):
        return False
    domain = found[1].rstrip(".").lower()
    return host == domain or host.endswith(f".{domain}")


def _network(entry: str) -> tuple[IPv4Network | IPv6Network, int | None] | None:
    """Parse an entry as a network, or as an address (a network of one), with its port; None if it is neither."""
    text = _without_scheme(entry)
    found = re.fullmatch(r"\[([^\]]+)\](?::(\d+))?(/\d+)?|([\d.]+):(\d+)", text)
    address, port = text, None
    if found is not None:
        address = f"{found[1] or found[4]}{found[3] or ''}"
        port = int(found[2] or found[5]) if found[2] or found[5] else None
    try:
        return ip_network(address, strict=False), port
    except ValueError:
        return None


def _is_in(host: str, network: IPv4Network | IPv6Network) -> bool:
    try:
        return ip_address(host.partition("%")[0]) in network
    except ValueError:
        return False


def _is_invalid(entry: str) -> bool:
    return entry != "*" and _DOMAIN.fullmatch(_without_scheme(entry)) is None


def _without_scheme(entry: str) -> str:
    return _SCHEME.sub("", entry, count=1)


def _parse_proxy(text: str, variable: str) -> Proxy:
    """Parse the value of a variable. Raises ConfigError, which does not repeat a password."""
    scheme, _, rest = (text if _SCHEME.match(text) else f"http://{text}").partition("://")
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    if "@" in rest and "@" not in authority:
        hint = "in its user and password, write # as %23, / as %2F and ? as %3F"
        raise _unusable(variable, "a special character in its password ends the address", hint)
    login, _, host = authority.rpartition("@")
    _check_scheme(scheme.lower(), variable)
    if not _is_host(host):
        raise proxy_address_error(variable)
    user, _, password = login.partition(":")
    auth = (unquote(user), Secret(unquote(password))) if login else None
    return Proxy(f"{scheme.lower()}://{host}", host, variable, auth)


def proxy_address_error(variable: str) -> ConfigError:
    """Return the error for a variable whose value is not an address."""
    return _unusable(variable, "its value is not a proxy address", "use the form http://proxy.example.com:3128")


def _check_scheme(scheme: str, variable: str) -> None:
    if scheme not in (*_HTTP, *_SOCKS):
        raise _unusable(variable, f"a {scheme} proxy is not supported", "use http://, https:// or socks5://")
    if scheme in _SOCKS and find_spec("socksio") is None:
        raise _unusable(variable, "a SOCKS proxy needs the Python package socksio", "pip install socksio")


def _is_host(text: str) -> bool:
    """Return True if `text` is a host with an optional port."""
    try:
        parts = urlsplit(f"//{text}")
        if text.endswith(":"):
            return False
        return _HOST.fullmatch(parts.hostname or "") is not None and parts.port != 0 and text.isprintable()
    except ValueError:
        return False


def _unusable(variable: str, reason: str, hint: str) -> ConfigError:
    return ConfigError(f"{variable} cannot be used: {reason}", hint=f"{hint}; or unset {variable}")
