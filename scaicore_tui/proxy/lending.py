"""Decides whether a request may borrow the key that this proxy was given: only a program of this machine may, and only
one that asks the proxy itself, with nothing in between.

Nothing here is proof. A reverse proxy on this machine that adds no header, and keeps its connections, looks like any
other program: so a key is lent only where the proxy was started for it (`lend_key`).
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import Scope

from scaicore_tui.config.target import is_loopback, named_host

# What HTTP clients send. Any other header may have been added on the way: there is no complete list of those that
# reverse proxies, tunnels and content networks add, so the list is of what is harmless. The request id is our own.
_PLAIN = frozenset(
    (
        *("accept", "accept-charset", "accept-encoding", "accept-language", "authorization", "cache-control"),
        *(
            "connection",
            "content-encoding",
            "content-length",
            "content-type",
            "cookie",
            "dnt",
            "expect",
            "host",
            "pragma",
        ),
        *("priority", "te", "transfer-encoding", "upgrade-insecure-requests", "user-agent"),
        *("traceparent", "tracestate", "x-request-id"),
    )
)
_BROWSER = "sec-"


def why_not_lent(scope: Scope) -> str | None:
    """Say why a request can't borrow a key; None where it can.

    A web page shows by `Origin` or `Sec-Fetch-Site`, and one that had its name point at this machine by `Host`. What
    was forwarded shows by the headers that were added to it, by HTTP/1.0, which reverse proxies still speak, or by a
    connection for one request.
    """
    headers = Headers(scope=scope)
    client = scope.get("client")
    if client is None or not is_loopback(client[0]):
        return "it comes from another machine"
    if "origin" in headers or headers.get("sec-fetch-site", "none") != "none":
        return "it comes from a web page"
    if not is_loopback(named_host(headers.get("host", ""))):
        return "its Host is not this machine"
    # nginx closes each connection to its upstream unless it is configured otherwise.
    closes = "close" in headers.get("connection", "").lower()
    if scope["http_version"] == "1.0" or closes or not all(_is_plain(name) for name in headers):
        return "it was forwarded, or has a header of a kind that reverse proxies add"
    return None


def _is_plain(name: str) -> bool:
    return name in _PLAIN or name.startswith(_BROWSER)
