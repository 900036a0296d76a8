"""What no request to a server of ours may be, whatever it asks for: refused before the application sees it.

A page of another site may have its own name point at this machine (DNS rebinding), and then reads our answers as its
own: all that tells is `Host`. An address in there was looked up nowhere, so it can't be such a name.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from scaicore_tui.config.target import is_loopback, named_host

MAX_HEAD = 16 * 1024
# In the state of a request: whether it came when there were too many connections.
BUSY = "is_busy"


class Door:
    """An ASGI application in front of another; `address` is where it listens, `names` are what else it is called.

    On loopback it goes by the names and addresses of loopback, elsewhere by any address.
    """

    def __init__(self, app: ASGIApp, address: str, names: Collection[str] = ()) -> None:
        self._app = app
        self._is_local = is_loopback(address)
        self._names = frozenset(name.lower() for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        if scope.get("state", {}).get(BUSY):
            return _no(503, "too many connections: try again")
        if _size(scope) > MAX_HEAD:
            return _no(431, f"a request's head may have {MAX_HEAD} bytes")
        if "transfer-encoding" in headers and "content-length" in headers:
            # Two lengths: what is behind the shorter would be a request of its own to whoever reads it the other way.
            return _no(400, "a request has one length: Content-Length or Transfer-Encoding")
        if not self._is_ours(named_host(headers.get("host", ""))):
            return _no(421, "this server does not go by that name: serve --allow-host NAME lets it")
        return None

    def _is_ours(self, host: str | None) -> bool:
        if host is None:
            return False
        return host in self._names or is_loopback(host) or (not self._is_local and _is_address(host))


def _size(scope: Scope) -> int:
    """The bytes of a request's head, about."""
    headers = sum(len(name) + len(value) + 4 for name, value in scope["headers"])
    return len(scope["raw_path"]) + len(scope["query_string"]) + headers


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _no(status: int, words: str) -> PlainTextResponse:
    return PlainTextResponse(f"{words}\n", status, {"Connection": "close"})
