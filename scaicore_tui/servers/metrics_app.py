"""Serves metrics over HTTP, on a socket of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from scaicore_tui.config.target import is_loopback
from scaicore_tui.metrics import CONTENT_TYPE, Family, render
from scaicore_tui.servers.hosting import Listener, serve_app

METRICS_PATH, HEALTH_PATH = "/metrics", "/healthz"
# Prometheus keeps one connection open; the others are for probes and people.
MAX_CONNECTIONS = 20
GRACE_S = 1.0


def build_metrics(read: Callable[[], Sequence[Family]]) -> Starlette:
    """Build the application: `read` returns the metrics as they are now, and may not block."""
    one_at_a_time = asyncio.Lock()

    async def metrics(_: Request) -> Response:
        async with one_at_a_time:
            # The text is made in a thread: the event loop polls meanwhile.
            body = await asyncio.to_thread(render, read())
        return Response(body, headers={"Content-Type": CONTENT_TYPE})

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    return Starlette(routes=[Route(METRICS_PATH, metrics), Route(HEALTH_PATH, health)])


@asynccontextmanager
async def serve_metrics(listener: Listener, read: Callable[[], Sequence[Family]]) -> AsyncIterator[None]:
    """Serve the metrics inside the block.

    On loopback, requests that name another host are refused, as web pages could send them. Elsewhere Prometheus may use
    any name for this machine.
    """
    address = listener.socket.getsockname()[0]
    public: Collection[str] = (HEALTH_PATH,) if is_loopback(address) else (HEALTH_PATH, METRICS_PATH)
    async with serve_app(
        build_metrics(read),
        listener.socket,
        public_paths=public,
        grace_s=GRACE_S,
        max_connections=MAX_CONNECTIONS,
    ):
        yield
