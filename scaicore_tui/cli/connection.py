"""One connection to a server of ours: how long a request may take to come, and its answer to be taken.

Uvicorn has a timeout for idle connections only: whoever sends a byte at a time, or reads none, would hold one for ever.
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

from scaicore_tui.cli.door import BUSY, MAX_HEAD, problem

# Seconds for a whole request to come, from when the first byte of it could have; and for what was written to be taken.
PATIENCE = 30.0
# Seconds that whoever was refused has to read why.
LINGER = 2.0
# From so many connections on, unless told otherwise, requests are answered 503; those beyond twice as many are not even
# read.
MOST = 200


class Deadline:
    """Does `act` when its time is over, unless it is cleared before."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, seconds: float) -> None:
        """So long from now on; one that has begun goes on."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._act)

    def clear(self) -> None:
        """It was met."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Connection(H11Protocol):
    """Uvicorn's connection, with deadlines."""

    def __init__(self, *values: Any, **named: Any) -> None:
        super().__init__(*values, **named)
        # The door says no itself: what uvicorn refuses would be in no log.
        self._most, self.limit_concurrency = self.limit_concurrency or MOST, None
        self._request_due = Deadline(lambda: self._refuse(HTTPStatus.REQUEST_TIMEOUT))
        self._answer_due = Deadline(self._abort)
        self._refusal_due = Deadline(self._abort)
        self._is_refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > 2 * self._most:
            self._abort()
            return
        # What the system does not take at once is waited for, however little: an answer nobody takes would go unseen.
        transport.set_write_buffer_limits(0)
        self._request_due.begin(PATIENCE)

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        self._request_due.begin(PATIENCE)
        self.app_state = {**self.app_state, BUSY: len(self.connections) >= self._most}
        super().data_received(data)
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._request_due.clear()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, or too much of it."""
        is_too_much = len(self.conn.trailing_data[0]) > MAX_HEAD
        self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE if is_too_much else HTTPStatus.BAD_REQUEST)

    def pause_writing(self) -> None:
        """What was written is not taken at once."""
        super().pause_writing()
        self._answer_due.begin(PATIENCE)

    def resume_writing(self) -> None:
        """All of it was taken."""
        super().resume_writing()
        self._answer_due.clear()

    def connection_lost(self, exc: Exception | None) -> None:
        for deadline in (self._request_due, self._answer_due, self._refusal_due):
            deadline.clear()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Close it, once what is under way is answered."""
        super().shutdown()
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_started:
            # Told, or the next request might be on its way already, and nobody could say what became of it.
            cycle.default_headers = [*cycle.default_headers, CLOSE_HEADER]

    def _refuse(self, status: HTTPStatus) -> None:
        """Say no, where nothing was said yet, and hang up."""
        self._is_refused = True
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self._abort()
            return
        body = json.dumps(problem(status)).encode()
        head = (
            f"HTTP/1.1 {status} {status.phrase}\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.write_eof()
        # Hung up at once, with some of the request unread, the system would take the answer back.
        self._refusal_due.begin(LINGER)

    def _abort(self) -> None:
        self.transport.abort()
