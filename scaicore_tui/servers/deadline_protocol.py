"""Uvicorn's HTTP protocol with deadlines for receiving a request and for sending its response.

Uvicorn limits idle connections only: a client that sends one byte at a time, or never reads, could hold a connection
for ever.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import h11
from uvicorn.protocols.http.flow_control import CLOSE_HEADER
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from scaicore_tui.servers.request_guard import MAX_HEAD_BYTES, OVERLOADED, refusal_body

# For a whole request to arrive, from when its first byte could have; and for a written response to be read.
REQUEST_TIMEOUT_S = 30.0
# For a refused client to read the response, before the connection is aborted.
REFUSAL_GRACE_S = 2.0
# Default limit. Beyond it requests get a 503; beyond twice as many, connections are aborted at once.
MAX_CONNECTIONS = 200


class Timer:
    """Calls `action` after a delay, unless cleared before."""

    def __init__(self, action: Callable[[], object]) -> None:
        self._action = action
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, seconds: float) -> None:
        """Start the timer; a running one goes on unchanged."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._action)

    def clear(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class DeadlineProtocol(H11Protocol):
    """One connection, with deadlines and a limit on the number of connections."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The request guard refuses requests over the limit: what uvicorn refuses would be missing from the access log.
        self._max_connections, self.limit_concurrency = self.limit_concurrency or MAX_CONNECTIONS, None
        self._request_deadline = Timer(lambda: self._refuse(HTTPStatus.REQUEST_TIMEOUT))
        self._response_deadline = Timer(self._abort)
        self._refusal_deadline = Timer(self._abort)
        self._is_refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > 2 * self._max_connections:
            self._abort()
            return
        # Any byte that the system does not take at once begins the deadline: with a buffer, a client that has stopped
        # reading would go unnoticed.
        transport.set_write_buffer_limits(0)
        self._request_deadline.begin(REQUEST_TIMEOUT_S)

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        self._request_deadline.begin(REQUEST_TIMEOUT_S)
        self.app_state = {**self.app_state, OVERLOADED: len(self.connections) >= self._max_connections}
        super().data_received(data)
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._request_deadline.clear()

    def send_400_response(self, msg: str) -> None:
        """Refuse bytes that are not HTTP, or a head that is too large."""
        is_too_large = len(self.conn.trailing_data[0]) > MAX_HEAD_BYTES
        self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE if is_too_large else HTTPStatus.BAD_REQUEST)

    def pause_writing(self) -> None:
        """Begin the deadline for a client that does not read the response at once."""
        super().pause_writing()
        self._response_deadline.begin(REQUEST_TIMEOUT_S)

    def resume_writing(self) -> None:
        """End the deadline: the client has read all that was written."""
        super().resume_writing()
        self._response_deadline.clear()

    def connection_lost(self, exc: Exception | None) -> None:
        for deadline in (self._request_deadline, self._response_deadline, self._refusal_deadline):
            deadline.clear()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Close the connection once the request under way is answered."""
        super().shutdown()
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_started:
            # Without this header the client might already send its next request, and could not know its outcome.
            cycle.default_headers = [*cycle.default_headers, CLOSE_HEADER]

    def _refuse(self, status: HTTPStatus) -> None:
        """Send an error response if none has begun, and close the connection."""
        self._is_refused = True
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self._abort()
            return
        body = json.dumps(refusal_body(status)).encode()
        head = (
            f"HTTP/1.1 {status} {status.phrase}\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.write_eof()
        # If closed at once, with part of the request unread, the system would discard the response.
        self._refusal_deadline.begin(REFUSAL_GRACE_S)

    def _abort(self) -> None:
        self.transport.abort()
