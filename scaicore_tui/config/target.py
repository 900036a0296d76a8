"""Where the API is, and how to speak to it: everything a client needs, settled."""

from __future__ import annotations

import ipaddress
import re
from enum import StrEnum
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

from scaicore_tui.config.token_sources import TokenSource
from scaicore_tui.errors import ConfigError
from scaicore_tui.secrets import Secret

# Seconds without a byte of an answer.
DEFAULT_TIMEOUT_S = 10.0


class Api(StrEnum):
    """The two products that serve the four calls (API §1)."""

    SCAIFLOW = "scaiflow"
    SCAIGRID = "scaigrid"


class Color(StrEnum):
    """What a profile's name stands on in the status bar."""

    RED = "red"
    AMBER = "amber"
    GREEN = "green"
    BLUE = "blue"
    VIOLET = "violet"


# In bytes (RFC 1035 §2.3.4).
MAX_LABEL_BYTES = 63
# RFC 9110 §7.2: no user, no path, nothing to read in two ways.
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::[0-9]*)?", re.ASCII)
_USUAL_PATH = {Api.SCAIFLOW: "/api/v1", Api.SCAIGRID: ""}
_BARE_PATH = "/v1"
_RESOURCES = {Api.SCAIFLOW: "/scaicore", Api.SCAIGRID: "/v1/modules/scaicore"}


class Target(Struct, frozen=True):
    """One API, as one profile sees it; writes to a `protected` one are typed out.

    `interval` and `timeout` are in seconds. Where the `token` is known its `token_source` says where it came from; the
    `sources` are asked in their order where it is not, where it runs out, and where it is refused. A token that names
    no tenant itself belongs to `tenant`. Runs that ended more
    than `keep_days` ago are forgotten, and the oldest where the journal has more than `keep_mb` million bytes; None
    keeps all. `low_bandwidth` is about the person's link. The authorities in a `ca_file` are believed, and no others.
    `offline` there is only what was recorded: nothing is asked of the API. `is_named` says that the profile of that
    `name` gave the URL.
    """

    url: str
    api: Api = Api.SCAIFLOW
    name: str = "default"
    token: Secret | None = None
    token_source: str = ""
    sources: tuple[TokenSource, ...] = ()
    tenant: str | None = None
    core: str | None = None
    interval: float = 5.0
    timeout: float = DEFAULT_TIMEOUT_S
    read_only: bool = False
    protected: bool = False
    keep_days: float | None = None
    keep_mb: float | None = None
    low_bandwidth: bool = False
    ca_file: Path | None = None
    offline: bool = False
    color: Color | None = None
    is_url_from_profile: bool = False

    def prune_before(self, now: float) -> int | None:
        """The moment before which runs are forgotten, in microseconds; `now` in seconds, both since 1970."""
        return None if self.keep_days is None else int((now - self.keep_days * 86_400) * 1_000_000)

    @property
    def max_bytes(self) -> int | None:
        """How large the journal may be."""
        return None if self.keep_mb is None else int(self.keep_mb * 1_000_000)

    @property
    def base_url(self) -> str:
        """The URL with the backend's usual path, where it has none."""
        url = self.url.rstrip("/")
        return url if urlsplit(url).path else url + _USUAL_PATH[self.api]

    @property
    def has_default_path(self) -> bool:
        """Whether the URL is that of a backend itself, and not of one of several behind a gateway (API §1)."""
        return urlsplit(self.base_url).path in (_USUAL_PATH[self.api], _BARE_PATH)

    @property
    def resources_url(self) -> str:
        """The URL that the four calls hang under."""
        suffix = _RESOURCES[self.api]
        return self.base_url if self.base_url.endswith(suffix) else self.base_url + suffix

    @property
    def host(self) -> str:
        """Host and port, for people."""
        return urlsplit(self.url).netloc.rpartition("@")[2]

    @property
    def title(self) -> str:
        """What people call it: by its profile, where that says which API it is, or by its host."""
        return self.name if self.is_url_from_profile else self.host

    @property
    def has_credential(self) -> bool:
        """Whether there is a token, or something to ask for one."""
        return self.token is not None or bool(self.sources)

    @property
    def is_loopback(self) -> bool:
        """Whether the URL can't leave this machine."""
        return is_loopback(urlsplit(self.url).hostname)


def is_loopback(host: str | None) -> bool:
    """Whether `host` names this machine itself."""
    if host is None or host == "localhost":
        return host is not None
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse_host_header(header: str) -> str | None:
    """The host that a `Host` header names, in lower case and without its port; None where it is no host and port."""
    found = _HOST.fullmatch(header)
    return found and (found[1] or found[2]).lower()


def check_url(url: str, *, has_token: bool) -> str:
    """`url`, if a client may use it. Raises ConfigError: no web address, one that carries what belongs elsewhere, or a
    token in the clear over a network."""
    parts = _split(url)
    if parts is None or parts.scheme not in ("http", "https") or not _is_host_name(parts.hostname):
        raise invalid_url_error(url)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError(
            "a URL must not carry a user, a password or a query", hint="set SCAICORE_TUI_TOKEN for a token"
        )
    if parts.scheme == "http" and has_token and not is_loopback(parts.hostname):
        raise ConfigError(
            f"a token is never sent in the clear to {parts.hostname}", hint="use https:// (plain http: loopback only)"
        )
    return url


def invalid_url_error(url: str) -> ConfigError:
    """This can't be the address of an API."""
    return ConfigError(f"not a web address: {_shown(url)!r}", hint="it should look like https://scaiflow.example.com")


def _is_host_name(name: str | None) -> bool:
    """Whether it could be looked up: no label is empty, too long, or encoded (`xn--`) from nothing."""
    labels = (name or "").removesuffix(".").split(".")
    if not all(0 < len(label) <= MAX_LABEL_BYTES for label in labels):
        return False
    if all(label.isascii() and not label.startswith("xn--") for label in labels):
        return True  # loading the codec below takes a while
    try:
        ".".join(labels).encode("idna").decode("idna")
    except UnicodeError:
        return False
    return True


def _split(url: str) -> SplitResult | None:
    """The parts of a URL; None where it has a host or port that none can have."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _shown(url: str) -> str:
    """What may be told of an address that is none: a password may stand before the host, a token behind it."""
    return re.split("[?#]", url.rpartition("@")[2])[0]
