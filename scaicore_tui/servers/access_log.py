"""The access log: one JSON line per request, with an id that finds the request in the logs of every server it passed.

Nothing in a line is chosen by the caller except a request id of a harmless form: no path, query, header or body.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scaicore_tui.clock import Clock
from scaicore_tui.secrets import MIN_SECRET_CHARS
from scaicore_tui.timefmt import MICROS_PER_SECOND, format_iso

REQUEST_ID_HEADER = b"x-request-id"

_WELL_FORMED = re.compile(r"[A-Za-z0-9_.:-]{1,64}", re.ASCII)
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class AccessLog:
    """ASGI middleware that passes one entry per request to `write`. `process` is the id of this server process."""

    def __init__(self, app: ASGIApp, clock: Clock, write: Callable[[dict[str, object]], None], process: int) -> None:
        self._app = app
        self._clock = clock
        self._write = write
        self._process = process

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_at, started = self._clock.now(), self._clock.monotonic()
        response = _Response(request_id(Headers(scope=scope)), send)
        headers = _with_request_id(scope["headers"], response.request_id)
        try:
            await self._app({**scope, "headers": headers}, receive, response.send)
        finally:
            self._write(
                {
                    "time": format_iso(int(started_at * 1000) * (MICROS_PER_SECOND // 1000)),
                    "request_id": response.request_id,
                    "method": scope["method"] if scope["method"] in _METHODS else None,
                    **_route_facts(scope),
                    "status": response.status,
                    "ms": round((self._clock.monotonic() - started) * 1000, 1),
                    "bytes": response.bytes,
                    "pid": self._process,
                }
            )


class _Response:
    """Observes the response: its status, None until it begins, and the bytes of its body."""

    def __init__(self, request_id: str, send: Send) -> None:
        self.request_id = request_id
        self.status: int | None = None
        self.bytes = 0
        self._send = send

    async def send(self, message: Message) -> None:
        """Send a message on, with the request id."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": _with_request_id(message.get("headers", ()), self.request_id)}
        self.bytes += len(message.get("body", b""))
        await self._send(message)


def request_id(headers: Headers) -> str:
    """Return the caller's request id if it is well formed and no part of a credential; otherwise a new one."""
    sent = headers.getlist(REQUEST_ID_HEADER.decode())
    if len(sent) == 1 and _WELL_FORMED.fullmatch(sent[0]) and not _is_secret(sent[0], headers):
        return sent[0]
    return f"req_{secrets.token_hex(12)}"


def _is_secret(sent_id: str, headers: Headers) -> bool:
    """Return true if an id, by the caller's mistake, would put a token into the log."""
    credentials = " ".join(headers.getlist("authorization"))
    return len(sent_id) >= MIN_SECRET_CHARS and ("sgk_" in sent_id or sent_id in credentials)


def _with_request_id(headers: Iterable[tuple[bytes, bytes]], value: str) -> list[tuple[bytes, bytes]]:
    others = [pair for pair in headers if pair[0].lower() != REQUEST_ID_HEADER]
    return [*others, (REQUEST_ID_HEADER, value.encode())]


def _route_facts(scope: Scope) -> dict[str, object]:
    from scaicore_tui.servers.proxy import request_info

    info = request_info.get(scope)
    return {"route": info.route, "upstream_calls": info.upstream_calls, "coalesced": info.is_shared}
