"""Refuses requests that no server of ours should take, before the application sees them.

A web page can make its own host name resolve to this machine (DNS rebinding) and then read our responses as its own.
Only `Host` shows that. An address in `Host` was never looked up, so it cannot be such a name.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from http import HTTPStatus
from urllib.parse import unquote

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from scaicore_tui.config.target import is_loopback, parse_host_header

MAX_HEAD_BYTES = 16 * 1024

_ABSOLUTE = re.compile(rb"https?://([^/]*)(/.*)?", re.IGNORECASE)
# Error code, message and fix for each status.
_REFUSALS = {
    HTTPStatus.BAD_REQUEST: (
        "bad_request",
        "the request is not valid HTTP",
        "send one content length, and percent-encode everything but plain ASCII",
    ),
    HTTPStatus.REQUEST_TIMEOUT: ("request_timeout", "the request was not complete in time", "send it again"),
    HTTPStatus.MISDIRECTED_REQUEST: (
        "misdirected_request",
        "this server does not accept the name in the Host header",
        "use its address, or start it with serve --allow-host NAME",
    ),
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: (
        "head_too_large",
        f"the request's head is larger than {MAX_HEAD_BYTES} bytes",
        "send fewer or shorter headers",
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: ("too_many_connections", "the server has too many connections", "try again later"),
}


def refuse(status: HTTPStatus) -> JSONResponse:
    """Return the response that refuses a request, in ScaiFlow's error style (API §5). It ends the connection."""
    error, message, fix = _REFUSALS[status]
    body = {"detail": {"error": error, "message": message, "fix": fix}}
    return JSONResponse(body, status, {"Connection": "close"})


class RequestGuard:
    """ASGI middleware. `address` is where the server listens; `host_names` are accepted in `Host` besides addresses.

    On loopback, names and addresses of loopback are accepted; elsewhere, any address. Requests for `public_paths` may
    name any host: health checks use all kinds of names, and those paths reveal nothing.
    """

    def __init__(
        self, app: ASGIApp, address: str, host_names: Collection[str] = (), public_paths: Collection[str] = ()
    ) -> None:
        self._app = app
        self._is_local = is_loopback(address)
        self._host_names = frozenset(name.lower() for name in host_names)
        self._public_paths = frozenset(public_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope = in_origin_form(scope)
        status = self._refusal(scope)
        await (self._app if status is None else refuse(status))(scope, receive, send)

    def _refusal(self, scope: Scope) -> HTTPStatus | None:
        headers = Headers(scope=scope)
        if _head_bytes(scope) > MAX_HEAD_BYTES:
            return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        if "transfer-encoding" in headers and "content-length" in headers:
            # With two lengths, a server that reads the other one would see a second, smuggled request.
            return HTTPStatus.BAD_REQUEST
        if scope["path"] not in self._public_paths and not self._is_accepted(headers.get("host", "")):
            return HTTPStatus.MISDIRECTED_REQUEST
        return None

    def _is_accepted(self, header: str) -> bool:
        if not header:
            # Health checks in HTTP/1.0 send no Host. HTTP/1.1 requires one, and browsers always send it.
            return True
        host = parse_host_header(header)
        if host is None:
            return False
        return host in self._host_names or is_loopback(host) or (not self._is_local and _is_address(host))


def in_origin_form(scope: Scope) -> Scope:
    """Return the request with a path as its target, if that was an absolute URL or `*` (RFC 9112 §3.2).

    The host of an absolute URL replaces the `Host` header.
    """
    raw_path: bytes = scope["raw_path"]
    if raw_path == b"*" and scope["method"] == "OPTIONS":
        return {**scope, "path": "/", "raw_path": b"/"}
    absolute = _ABSOLUTE.fullmatch(raw_path)
    if absolute is None:
        return scope
    path = absolute[2] or b"/"
    headers = [pair for pair in scope["headers"] if pair[0] != b"host"]
    return {
        **scope,
        "path": unquote(path.decode("ascii")),
        "raw_path": path,
        # An empty authority names no host; `-` is refused like any other unreadable one.
        "headers": [*headers, (b"host", absolute[1] or b"-")],
    }


def _head_bytes(scope: Scope) -> int:
    """Return the approximate size of a request's head in bytes."""
    headers = sum(len(name) + len(value) + 4 for name, value in scope["headers"])
    return len(scope["raw_path"]) + len(scope["query_string"]) + headers


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
