"""The access log: one line for each request, and the id by which it is found in the logs of all who saw it.

Nothing in a line was chosen by a caller, but for an id of a harmless shape: no path, no query, no header, no body.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scaicore_tui.clock import Clock
from scaicore_tui.secret import SHORTEST
from scaicore_tui.wire.timestamps import SECOND, iso

ID = b"x-request-id"

_WELL_FORMED = re.compile(r"[A-Za-z0-9_.:-]{1,64}", re.ASCII)
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class AccessLog:
    """An ASGI application in front of another, that hands each entry to `write`; `process` tells which of several."""

    def __init__(self, app: ASGIApp, clock: Clock, write: Callable[[dict[str, object]], None], process: int) -> None:
        self._app = app
        self._clock = clock
        self._write = write
        self._process = process

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        at, begun, answer = self._clock.now(), self._clock.monotonic(), _Answer(request_id(Headers(scope=scope)), send)
        try:
            await self._app({**scope, "headers": _identified(scope["headers"], answer.id)}, receive, answer.send)
        finally:
            self._write(
                {
                    "time": iso(int(at * 1000) * (SECOND // 1000)),
                    "request_id": answer.id,
                    "method": scope["method"] if scope["method"] in _METHODS else None,
                    **_trail(scope),
                    "status": answer.status,
                    "ms": round((self._clock.monotonic() - begun) * 1000, 1),
                    "bytes": answer.bytes,
                    "pid": self._process,
                }
            )


class _Answer:
    """What is sent, on its way: its status, None before there is one, and the bytes of its body."""

    def __init__(self, name: str, send: Send) -> None:
        self.id = name
        self.status: int | None = None
        self.bytes = 0
        self._send = send

    async def send(self, message: Message) -> None:
        """Pass it on, with the id."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": _identified(message.get("headers", ()), self.id)}
        self.bytes += len(message.get("body", b""))
        await self._send(message)


def request_id(headers: Headers) -> str:
    """The caller's own, where it is well formed and no part of a credential; or else a new one."""
    told = headers.getlist(ID.decode())
    if len(told) == 1 and _WELL_FORMED.fullmatch(told[0]) and not _is_secret(told[0], headers):
        return told[0]
    return f"req_{secrets.token_hex(12)}"


def _is_secret(name: str, headers: Headers) -> bool:
    """Somebody's mistake, that would tell a token to whoever reads the log."""
    sent = " ".join(headers.getlist("authorization"))
    return len(name) >= SHORTEST and ("sgk_" in name or name in sent)


def _identified(headers: object, name: str) -> list[tuple[bytes, bytes]]:
    kept = [pair for pair in headers if pair[0].lower() != ID]  # type: ignore[attr-defined]
    return [*kept, (ID, name.encode())]


def _trail(scope: Scope) -> dict[str, object]:
    from scaicore_tui.proxy.trail import left_in

    trail = left_in(scope)
    return {"route": trail.route, "upstream_calls": trail.upstream_calls, "coalesced": trail.is_shared}
