"""Limits how many connections there are, and how long a client may hold one.

Uvicorn itself limits idle connections only: a client that sends one byte at a time, or never reads, could hold its
connection for ever. Two means limit the others. A middleware limits the time for a request's body, and refuses requests
when there are too many connections. A check, once a second, closes the connections whose client is overdue: no complete
head of a request, or a response that is not read. These clients get no response.

Uvicorn creates the connections. Used of it are only its set of open connections, and the transport of each.

Servers with more limits of their own were measured beside it (uvicorn 0.54, Hypercorn 0.18, Granian 2.8; short
responses, 8 connections, 2 busy cores). None limits the time of a body that trickles, or refuses connections with a
response. Hypercorn serves 1,100 requests per second where uvicorn serves 1,800, and its HTTP/2 without TLS cannot be
turned off. Granian serves 10,000; but inside another program it calls itself experimental, takes no socket of ours,
stops without a time limit, and hides the host of an absolute URL from the request guard.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scaicore_tui.clock import Clock
from scaicore_tui.servers.request_guard import refuse

# For a first head to arrive, for the body of a request, and for the client to read each part of a response.
REQUEST_TIMEOUT_S = 30.0
# Without a byte, between two requests. Longer than any client's poll interval: a request sent while its connection is
# being closed would be lost.
IDLE_CONNECTION_S = 75
# Default limit. Beyond it requests get a 503; beyond twice as many, the newest connections are closed.
MAX_CONNECTIONS = 200
CHECK_INTERVAL_S = 1.0
# For a client to read the response to a body that is late, before the connection is closed.
REFUSAL_GRACE_S = 2.0

# Host and port of a client; None if it was gone before they were read.
Address = tuple[str, int] | None
_CLOSE = (b"connection", b"close")


class _Connection:
    """The use that a client makes of its connection.

    Its time is counted in checks: by a clock that runs while the machine is suspended, all clients would be overdue.
    """

    def __init__(self) -> None:
        self.requests = 0
        self.has_responded = False
        self.is_sending = False
        self._checks = 0

    def end(self) -> None:
        """Note that a request has ended, and that the client's time for the next one begins."""
        self.requests -= 1
        self.has_responded = True
        self._checks = 0

    async def send(self, send: Send, message: Message) -> None:
        """Send a part of the response; the client's time to read those before it begins."""
        self.is_sending, self._checks = True, 0
        try:
            await send(message)
        finally:
            self.is_sending = False

    def is_overdue(self, unread_bytes: int) -> bool:
        """Return true if the client has had its time. To be called at each check, with the bytes that are not sent."""
        if self.requests and not self.is_sending:
            # It is the application's turn.
            self._checks = 0
            return False
        self._checks += 1
        may_be_idle = self.has_responded and not self.is_sending and not unread_bytes
        allowed_s = REQUEST_TIMEOUT_S + (IDLE_CONNECTION_S if may_be_idle else 0)
        return self._checks * CHECK_INTERVAL_S > allowed_s


class ConnectionLimits:
    """ASGI middleware for a uvicorn server, which is made known to it by `enforce`."""

    def __init__(self, app: ASGIApp, clock: Clock, max_connections: int | None = None) -> None:
        self._app = app
        self._clock = clock
        self._max_connections = MAX_CONNECTIONS if max_connections is None else max_connections
        self._server: uvicorn.Server | None = None
        # By the client's address, the oldest first.
        self._connections: dict[Address, _Connection] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        connection = self._connections.setdefault(scope["client"], _Connection())
        connection.requests += 1
        exchange = _Exchange(receive, send, connection, self._is_stopping)
        try:
            if self._is_full():
                await refuse(HTTPStatus.SERVICE_UNAVAILABLE)(scope, receive, exchange.send)
                return
            await self._app(scope, exchange.receive, exchange.send)
            if exchange.is_late:
                await exchange.refuse()
        finally:
            connection.end()

    async def enforce(self, server: uvicorn.Server) -> None:
        """Close the overdue connections of a server until cancelled."""
        self._server = server
        while True:
            await self._clock.sleep(CHECK_INTERVAL_S)
            self._check({_address(each.transport): each.transport for each in server.server_state.connections})

    def _check(self, transports: dict[Address, asyncio.Transport]) -> None:
        for address in [address for address in self._connections if address not in transports]:
            del self._connections[address]
        for address in transports:
            self._connections.setdefault(address, _Connection())
        for number, (address, connection) in enumerate(self._connections.items()):
            transport = transports[address]
            is_excess = number >= 2 * self._max_connections and not connection.requests
            if connection.is_overdue(transport.get_write_buffer_size()) or is_excess:
                transport.abort()

    def _is_full(self) -> bool:
        return self._server is not None and len(self._server.server_state.connections) >= self._max_connections

    def _is_stopping(self) -> bool:
        return self._server is not None and self._server.should_exit


class _Exchange:
    """One request and its response, between the application and the server.

    If the body does not arrive in time, the application is told that the client is gone; its response is dropped, and
    `is_late` is true.
    """

    def __init__(self, receive: Receive, send: Send, connection: _Connection, is_stopping: Callable[[], bool]) -> None:
        self._receive = receive
        self._send = send
        self._connection = connection
        self._is_stopping = is_stopping
        self._deadline = asyncio.get_running_loop().time() + REQUEST_TIMEOUT_S
        self._has_body = False
        self._has_begun = False
        self.is_late = False

    async def receive(self) -> Message:
        """Return the next message of the client."""
        if self._has_body:
            # The next message is the end of the connection, which may be far.
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            self.is_late = not self._has_begun
            return {"type": "http.disconnect"}
        self._has_body = not message.get("more_body", False)
        return message

    async def refuse(self) -> None:
        """Send a 408, and leave the client time to read it: closed while bytes arrive, a connection is reset."""
        response = refuse(HTTPStatus.REQUEST_TIMEOUT)
        head = {"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers}
        await self._connection.send(self._send, head)
        await self._connection.send(
            self._send, {"type": "http.response.body", "body": response.body, "more_body": True}
        )
        with suppress(TimeoutError):
            async with asyncio.timeout(REFUSAL_GRACE_S):
                while (await self._receive())["type"] != "http.disconnect":
                    pass
        await self._connection.send(self._send, {"type": "http.response.body"})

    async def send(self, message: Message) -> None:
        """Send a message of the application. While the server is stopping, the last response says so."""
        if self.is_late:
            return
        if message["type"] == "http.response.start":
            self._has_begun = True
            if self._is_stopping():
                # Without this header the client might already send its next request, and could not know its outcome.
                headers = [pair for pair in message.get("headers", ()) if pair != _CLOSE]
                message = {**message, "headers": [*headers, _CLOSE]}
        await self._connection.send(self._send, message)


def _address(transport: asyncio.Transport) -> Address:
    """Return the client's address, as in the scope of its requests."""
    peer = transport.get_extra_info("peername")
    return None if peer is None else (peer[0], peer[1])
