"""`Target`: everything that a client needs to connect to one API."""

from __future__ import annotations

import ipaddress
import re
from enum import StrEnum
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

from scaicore_tui.config.token_sources import TokenSource
from scaicore_tui.config.ui import UiTable
from scaicore_tui.errors import ConfigError
from scaicore_tui.secrets import Secret

# A request fails after this long without a byte of the response.
DEFAULT_TIMEOUT_S = 10.0


class Api(StrEnum):
    """The two products that serve the four calls (API §1)."""

    SCAIFLOW = "scaiflow"
    SCAIGRID = "scaigrid"


class Color(StrEnum):
    """Background colour of a profile's name in the status bar."""

    RED = "red"
    AMBER = "amber"
    GREEN = "green"
    BLUE = "blue"
    VIOLET = "violet"


# Of one label of a host name (RFC 1035 §2.3.4).
MAX_LABEL_BYTES = 63
# Host and optional port (RFC 9110 §7.2); no user, no path.
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::[0-9]*)?", re.ASCII)
_DEFAULT_PATHS = {Api.SCAIFLOW: "/api/v1", Api.SCAIGRID: ""}
_VERSION_PATH = "/v1"
_RESOURCES_PATHS = {Api.SCAIFLOW: "/scaicore", Api.SCAIGRID: "/v1/modules/scaicore"}
_FLOWS_PATHS = {Api.SCAIFLOW: "/flows", Api.SCAIGRID: "/v1/flows"}


class Target(Struct, frozen=True):
    """One API with the settings of one profile.

    Attributes:
        url: the address as configured; see `base_url`.
        name: name of the profile.
        token: the token, if known before the first request; `token_source` names its source, for people.
        sources: asked in order if there is no token yet, or if it expires or is rejected.
        tenant: tenant of a token that names none itself.
        core: only this Core; None for all.
        interval: seconds between polls.
        timeout: seconds without a byte before a request fails.
        protected: writes need a typed confirmation.
        journal: URL of the journal on a server that the profile names.
        keep_days: runs are deleted from the journal this many days after they ended; None keeps all.
        keep_mb: the oldest ended runs are deleted if the journal is larger than this many MB; None keeps all.
        low_bandwidth: the person's terminal is on a slow connection.
        ca_file: CA bundle that replaces the trust store of the operating system.
        flows: folder with the graphs of flows, as JSON files.
        redact: paths in payloads whose values an export replaces.
        offline: show only recorded data; send no requests.
        is_url_from_profile: the profile `name` set the URL.
        ui: how the app looks.
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
    journal: str | None = None
    keep_days: float | None = None
    keep_mb: float | None = None
    low_bandwidth: bool = False
    ca_file: Path | None = None
    flows: Path | None = None
    redact: tuple[str, ...] = ()
    offline: bool = False
    color: Color | None = None
    is_url_from_profile: bool = False
    ui: UiTable = UiTable()

    def prune_before(self, now: float) -> int | None:
        """Return the time before which ended runs are deleted, in microseconds since 1970; `now` is in seconds."""
        return None if self.keep_days is None else int((now - self.keep_days * 86_400) * 1_000_000)

    @property
    def max_bytes(self) -> int | None:
        """Maximum size of the journal in bytes; None for no limit."""
        return None if self.keep_mb is None else int(self.keep_mb * 1_000_000)

    @property
    def base_url(self) -> str:
        """The URL; if it has no path, with the default path of the API."""
        url = self.url.rstrip("/")
        return url if urlsplit(url).path else url + _DEFAULT_PATHS[self.api]

    @property
    def has_default_path(self) -> bool:
        """True if the URL is that of a server itself, not of one of several behind a gateway (API §1)."""
        return urlsplit(self.base_url).path in (_DEFAULT_PATHS[self.api], _VERSION_PATH)

    @property
    def resources_url(self) -> str:
        """The URL under which the four calls are."""
        suffix = _RESOURCES_PATHS[self.api]
        return self.base_url if self.base_url.endswith(suffix) else self.base_url + suffix

    @property
    def flows_url(self) -> str:
        """The URL under which ScaiFlow lists its flows (API §6). A ScaiGrid has none there: it answers 404."""
        return self.base_url.removesuffix(_RESOURCES_PATHS[self.api]) + _FLOWS_PATHS[self.api]

    @property
    def host(self) -> str:
        """Host and port, for people."""
        return urlsplit(self.url).netloc.rpartition("@")[2]

    @property
    def title(self) -> str:
        """Name of the API for people: the profile if it sets the URL, else the host."""
        return self.name if self.is_url_from_profile else self.host

    @property
    def link_profile(self) -> str:
        """The profile in links to its runs, or the host; empty for a recorded file, which belongs to no profile."""
        return "" if self.offline and not self.is_url_from_profile else self.title

    @property
    def has_credential(self) -> bool:
        """True if there is a token or a source for one."""
        return self.token is not None or bool(self.sources)

    @property
    def is_loopback(self) -> bool:
        """True if the URL is on this machine."""
        return is_loopback(urlsplit(self.url).hostname)


def is_loopback(host: str | None) -> bool:
    """Return True if `host` is this machine."""
    if host is None or host == "localhost":
        return host is not None
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse_host_header(header: str) -> str | None:
    """Return the host of a `Host` header, in lower case and without port; None if the header is invalid."""
    found = _HOST.fullmatch(header)
    return found and (found[1] or found[2]).lower()


def check_url(url: str, *, has_token: bool) -> str:
    """Return `url` if a client may use it.

    Raises:
        ConfigError: it is not an HTTP address, it contains a user, password, query or fragment, or a token would be
            sent over a network without TLS.
    """
    parts = _split(url)
    if parts is None or parts.scheme not in ("http", "https") or not _is_host_name(parts.hostname):
        raise invalid_url_error(url)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError(
            "the URL must not contain a user, a password or a query", hint="set SCAICORE_TUI_TOKEN for a token"
        )
    if parts.scheme == "http" and has_token and not is_loopback(parts.hostname):
        raise ConfigError(
            f"a token is never sent unencrypted to {parts.hostname}",
            hint="use https:// (http:// works on loopback only)",
        )
    return url


def invalid_url_error(url: str) -> ConfigError:
    """Return the error for a URL that cannot be the address of an API."""
    return ConfigError(
        f"not a web address: {_without_secrets(url)!r}", hint="use the form https://scaiflow.example.com"
    )


def _is_host_name(name: str | None) -> bool:
    """Return True if DNS can look up the name: no label is empty, too long or invalid punycode."""
    labels = (name or "").removesuffix(".").split(".")
    if not all(0 < len(label) <= MAX_LABEL_BYTES for label in labels):
        return False
    if all(label.isascii() and not label.startswith("xn--") for label in labels):
        return True  # without loading the codec below, which is slow
    try:
        ".".join(labels).encode("idna").decode("idna")
    except UnicodeError:
        return False
    return True


def _split(url: str) -> SplitResult | None:
    """Return the parts of a URL; None if its host or port is invalid."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _without_secrets(url: str) -> str:
    """Return an invalid URL without the parts that may hold secrets: user, password, query and fragment."""
    return re.split("[?#]", url.rpartition("@")[2])[0]
