"""What no request to a server of ours may be, whatever it asks for: refused before the application sees it.

A page of another site may have its own name point at this machine (DNS rebinding), and then reads our answers as its
own: all that tells is `Host`. An address in there was looked up nowhere, so it can't be such a name.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from scaicore_tui.config.target import is_loopback, named_host

MAX_HEAD = 16 * 1024
# In the state of a request: whether it came when there were too many connections.
BUSY = "is_busy"

_ABSOLUTE = re.compile(rb"https?://([^/]*)(/.*)?", re.IGNORECASE)
# Of each refusal the error, the message and what to do.
_REFUSALS = {
    HTTPStatus.BAD_REQUEST: (
        "bad_request",
        "the request is not valid HTTP",
        "send one length, and percent-encode all but plain ASCII",
    ),
    HTTPStatus.REQUEST_TIMEOUT: ("request_timeout", "the request did not come to its end in time", "send it again"),
    HTTPStatus.MISDIRECTED_REQUEST: (
        "misdirected_request",
        "this server does not go by the name in Host",
        "ask it by its address, or start it with serve --allow-host NAME",
    ),
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: (
        "head_too_large",
        f"a request's head may have {MAX_HEAD} bytes",
        "send fewer or shorter headers",
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: ("too_many_connections", "there are too many connections", "try again"),
}


def problem(status: HTTPStatus) -> dict[str, Any]:
    """The body of a refusal, in ScaiFlow's style (API §5)."""
    error, message, fix = _REFUSALS[status]
    return {"detail": {"error": error, "message": message, "fix": fix}}


class Door:
    """An ASGI application in front of another; `address` is where it listens, `names` are what else it is called.

    On loopback it goes by the names and addresses of loopback, elsewhere by any address. The paths in `public` tell
    nothing, and are answered by any name: health checks come with the names of all kinds of infrastructure.
    """

    def __init__(self, app: ASGIApp, address: str, names: Collection[str] = (), public: Collection[str] = ()) -> None:
        self._app = app
        self._is_local = is_loopback(address)
        self._names = frozenset(name.lower() for name in names)
        self._public = frozenset(public)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope = in_origin_form(scope)
        status = self._refusal(scope)
        await (self._app if status is None else _no(status))(scope, receive, send)

    def _refusal(self, scope: Scope) -> HTTPStatus | None:
        headers = Headers(scope=scope)
        if scope.get("state", {}).get(BUSY):
            return HTTPStatus.SERVICE_UNAVAILABLE
        if _size(scope) > MAX_HEAD:
            return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        if "transfer-encoding" in headers and "content-length" in headers:
            # Two lengths: what is behind the shorter would be a request of its own to whoever reads it the other way.
            return HTTPStatus.BAD_REQUEST
        if scope["path"] not in self._public and not self._is_ours(headers.get("host", "")):
            return HTTPStatus.MISDIRECTED_REQUEST
        return None

    def _is_ours(self, header: str) -> bool:
        if not header:
            # Health checks in HTTP/1.0 name no host (HTTP/1.1 without one is no HTTP). Browsers always do.
            return True
        host = named_host(header)
        if host is None:
            return False
        return host in self._names or is_loopback(host) or (not self._is_local and _is_address(host))


def in_origin_form(scope: Scope) -> Scope:
    """The same request with a path for its target, where that was a whole URL or `*` (RFC 9112 §3.2).

    The host of a whole URL counts in place of the header's.
    """
    raw_path: bytes = scope["raw_path"]
    if raw_path == b"*" and scope["method"] == "OPTIONS":
        return {**scope, "path": "/", "raw_path": b"/"}
    found = _ABSOLUTE.fullmatch(raw_path)
    if found is None:
        return scope
    path = found[2] or b"/"
    headers = [pair for pair in scope["headers"] if pair[0] != b"host"]
    return {
        **scope,
        "path": unquote(path.decode("ascii")),
        "raw_path": path,
        # An authority that is empty names a host as little as one that can't be read: it is none.
        "headers": [*headers, (b"host", found[1] or b"-")],
    }


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


def _no(status: HTTPStatus) -> JSONResponse:
    return JSONResponse(problem(status), status, {"Connection": "close"})
