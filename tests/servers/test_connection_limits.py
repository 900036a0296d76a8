"""Connections are closed by the number of checks that their client is overdue, with transports that only record it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import uvicorn
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from scaicore_tui.servers.connection_limits import (
    CHECK_INTERVAL_S,
    IDLE_CONNECTION_S,
    REQUEST_TIMEOUT_S,
    ConnectionLimits,
)
from tests.support.manual_clock import ManualClock
from tests.support.waiting import in_background, wait_until


@dataclass
class Transport:
    """A transport that records whether it was aborted."""

    port: int
    unread_bytes: int = 0
    is_aborted: bool = False

    def get_extra_info(self, _: str) -> tuple[str, int]:
        return "127.0.0.1", self.port

    def get_write_buffer_size(self) -> int:
        return self.unread_bytes

    def abort(self) -> None:
        self.is_aborted = True


@dataclass(eq=False)
class Connection:
    """An open connection of uvicorn."""

    transport: Transport


@dataclass
class Limited:
    """Connection limits in front of an application that responds when `may_respond` is set."""

    clock: ManualClock = field(default_factory=ManualClock)
    may_respond: asyncio.Event = field(default_factory=asyncio.Event)
    limits: ConnectionLimits = field(init=False)
    server: uvicorn.Server = field(init=False)

    def __post_init__(self) -> None:
        self.limits = ConnectionLimits(self._respond, self.clock)
        self.server = uvicorn.Server(uvicorn.Config(self.limits, log_config=None))

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.may_respond.wait()
        await Response(b"{}")(scope, receive, send)

    def connect(self, port: int) -> Transport:
        """Add an open connection."""
        transport = Transport(port)
        self.server.server_state.connections.add(Connection(transport))  # type: ignore[arg-type]
        return transport

    async def request(self, port: int) -> None:
        """Send a request, and wait for its response."""
        body: Message = {"type": "http.request", "body": b"", "more_body": False}

        async def receive() -> Message:
            return body

        async def send(_: Message) -> None:
            return

        await self.limits({"type": "http", "client": ("127.0.0.1", port), "headers": []}, receive, send)

    async def advance(self, seconds: float) -> None:
        """Let that time pass, with all its checks."""
        for _ in range(round(seconds / CHECK_INTERVAL_S)):
            await wait_until(lambda: self.clock.sleepers)
            self.clock.advance(CHECK_INTERVAL_S)
        await wait_until(lambda: self.clock.sleepers)


@asynccontextmanager
async def limited() -> AsyncIterator[Limited]:
    found = Limited()
    async with in_background(found.limits.enforce(found.server)):
        yield found


async def test_a_connection_without_a_request_is_closed() -> None:
    async with limited() as server:
        transport = server.connect(1)
        await server.advance(REQUEST_TIMEOUT_S)
        assert not transport.is_aborted
        await server.advance(1)
        assert transport.is_aborted


async def test_requests_keep_a_connection_open_even_if_no_check_meets_one() -> None:
    async with limited() as server:
        server.may_respond.set()
        transport = server.connect(1)
        for _ in range(10):
            await server.request(1)
            await server.advance(REQUEST_TIMEOUT_S)
        assert not transport.is_aborted
        await server.advance(IDLE_CONNECTION_S + 1)
        assert transport.is_aborted


async def test_the_time_of_the_application_is_not_limited() -> None:
    async with limited() as server:
        transport = server.connect(1)
        request = asyncio.create_task(server.request(1))
        await server.advance(600)
        assert not transport.is_aborted
        server.may_respond.set()
        await request
        await server.advance(REQUEST_TIMEOUT_S)
        assert not transport.is_aborted


async def test_a_response_that_stays_unread_has_less_time_than_an_idle_connection() -> None:
    async with limited() as server:
        server.may_respond.set()
        transport = server.connect(1)
        await server.request(1)
        transport.unread_bytes = 1
        await server.advance(REQUEST_TIMEOUT_S)
        assert not transport.is_aborted
        await server.advance(1)
        assert transport.is_aborted


async def test_the_time_that_the_machine_is_suspended_does_not_count() -> None:
    async with limited() as server:
        transport = server.connect(1)
        await server.advance(1)
        server.clock.suspend(36_000)
        await server.advance(1)
        assert not transport.is_aborted
