"""The proxy that the environment names for one URL: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`.

Read here and nowhere else, and only what bears on that URL is judged: a variable that nobody needs stops nothing.
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
_SYSTEM = "the system's settings"
_HTTP = ("http", "https")
_SOCKS = ("socks5", "socks5h")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_HOST = re.compile(r"[\w.:%-]+")
_PORTS = {"http": 80, "https": 443}
# A domain, with or without a dot or a star before it, and a port.
_DOMAIN = re.compile(r"\*?\.?([^\s:/*]+)(?::(\d+))?")


class Proxy(Struct, frozen=True):
    """One proxy: its `url` without user and password, its `host` with the port, and the `variable` that named it."""

    url: str
    host: str
    variable: str
    auth: tuple[str, Secret] | None = None


def find_proxy(url: str, env: Mapping[str, str] = os.environ) -> Proxy | None:
    """The proxy for `url`; None where it is to be asked itself. Raises ConfigError, which names the variable."""
    parts = urlsplit(url)
    if is_loopback(parts.hostname):
        return None
    variable, named = _named(parts.scheme, env)
    if not named or _is_excepted(parts, env, by_system=variable == _SYSTEM):
        return None
    return _checked(named.strip(), variable)


def proxy_label(url: str, env: Mapping[str, str] = os.environ) -> str | None:
    """How the proxy for `url` is told to people; None where there is none that could be used."""
    try:
        proxy = find_proxy(url, env)
    except ConfigError:
        return None
    return f"{proxy.host} ({proxy.variable})" if proxy is not None else None


def invalid_no_proxy_entries(env: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The entries of `NO_PROXY` that are neither hosts nor networks: they except nothing."""
    _, text = _value(NO_PROXY, env)
    return tuple(entry for entry in _entries(text) if _network(entry) is None and _is_odd(entry))


def _value(name: str, env: Mapping[str, str]) -> tuple[str, str]:
    """A variable in lower case, else in upper case, as curl and Python look for it; and how it is spelled."""
    lower = name.lower()
    return (lower, env[lower]) if lower in env else (name, env.get(name, ""))


def _named(scheme: str, env: Mapping[str, str]) -> tuple[str, str]:
    """The variable that names a proxy for URLs of that scheme, and what it says; both empty where none does."""
    for name in (f"{scheme.upper()}_PROXY", "ALL_PROXY"):
        variable, text = _value(name, env)
        # A web server sets HTTP_PROXY from a header that anybody may send (CVE-2016-5385).
        if text.strip() and not (variable == "HTTP_PROXY" and "REQUEST_METHOD" in env):
            return variable, text
    if env is not os.environ:
        return "", ""
    # Nothing on Linux; on Windows and macOS what a person set for all programs.
    return _SYSTEM, getproxies().get(scheme, "")


def _is_excepted(parts: SplitResult, env: Mapping[str, str], *, by_system: bool) -> bool:
    """Whether `NO_PROXY`, or the system's list, has the host of these parts."""
    host, port = (parts.hostname or "").rstrip("."), parts.port or _PORTS.get(parts.scheme)
    if by_system:
        return bool(proxy_bypass(host))
    _, text = _value(NO_PROXY, env)
    return any(_excepts(entry, host, port) for entry in _entries(text))


def _entries(text: str) -> Iterator[str]:
    yield from (entry for entry in re.split(r"[\s,]+", text) if entry)


def _excepts(entry: str, host: str, port: int | None) -> bool:
    """Whether an entry of NO_PROXY is `*`, or a network, an address or a domain that has this host."""
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
    """A network, or an address as a network of one, with its port; None where the entry is neither."""
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


def _is_odd(entry: str) -> bool:
    return entry != "*" and _DOMAIN.fullmatch(_without_scheme(entry)) is None


def _without_scheme(entry: str) -> str:
    return _SCHEME.sub("", entry, count=1)


def _checked(text: str, variable: str) -> Proxy:
    """The proxy that a variable names. Raises ConfigError; a password in it is not repeated."""
    scheme, _, rest = (text if _SCHEME.match(text) else f"http://{text}").partition("://")
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    if "@" in rest and "@" not in authority:
        signs = "write # as %23, / as %2F, ? as %3F in its user and password"
        raise _unusable(variable, "a sign in its password ends the address", signs)
    login, _, host = authority.rpartition("@")
    _check_scheme(scheme.lower(), variable)
    if not _is_host(host):
        raise proxy_address_error(variable)
    user, _, password = login.partition(":")
    auth = (unquote(user), Secret(unquote(password))) if login else None
    return Proxy(f"{scheme.lower()}://{host}", host, variable, auth)


def proxy_address_error(variable: str) -> ConfigError:
    """What that variable holds is no address."""
    return _unusable(variable, "this is no proxy's address", "it should look like http://proxy.example.com:3128")


def _check_scheme(scheme: str, variable: str) -> None:
    if scheme not in (*_HTTP, *_SOCKS):
        raise _unusable(variable, f"a {scheme} proxy is not supported", "http://, https:// or socks5://")
    if scheme in _SOCKS and find_spec("socksio") is None:
        raise _unusable(variable, "it names a SOCKS proxy, for which socksio is missing", "pip install socksio")


def _is_host(text: str) -> bool:
    """Whether it is a host, maybe with a port."""
    try:
        parts = urlsplit(f"//{text}")
        if text.endswith(":"):
            return False
        return _HOST.fullmatch(parts.hostname or "") is not None and parts.port != 0 and text.isprintable()
    except ValueError:
        return False


def _unusable(variable: str, reason: str, hint: str) -> ConfigError:
    return ConfigError(f"{variable} can't be used: {reason}", hint=f"{hint}; or unset {variable}")
