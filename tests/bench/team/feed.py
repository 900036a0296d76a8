"""The feed at the API's ceiling as a process: `python -m tests.bench.team.feed SECONDS`.

It listens on all addresses, and prints its URL on this machine.
`GET /counts` returns the numbers of offered events, requests, and requests that were rejected.
"""

from __future__ import annotations

import asyncio
import sys
from urllib.parse import urlsplit

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from scaicore_tui.clock import SystemClock
from scaicore_tui.servers.hosting import bind, serve_app, stdin_closed
from tests.bench.ceiling import Server
from tests.support.manual_clock import ManualClock

API_PATH = "/api/v1/scaicore"


class _Feed:
    """The server of the measurement with a manual clock, which here follows the machine's."""

    def __init__(self, seconds: float) -> None:
        self._system = SystemClock()
        self._begin = self._system.monotonic()
        self._clock = ManualClock(self._system.now())
        self._server = Server(self._clock, seconds)
        self._requests = 0

    async def answer(self, request: Request) -> Response:
        """Answer as the API does, with its rate limit."""
        self._follow_time()
        self._requests += 1
        found = self._server.respond(httpx.Request("GET", str(request.url)))
        return Response(found.content, found.status_code, dict(found.headers), "application/json")

    async def counts(self, request: Request) -> Response:
        """Return what was offered so far, and the requests."""
        self._follow_time()
        self._server.catch_up()
        offered, rejected = len(self._server.log), self._server.rejected
        return JSONResponse({"offered": offered, "requests": self._requests, "rejected": rejected})

    def _follow_time(self) -> None:
        self._clock.advance(self._system.monotonic() - self._begin - self._clock.monotonic())


async def serve(seconds: float) -> None:
    """Serve until standard input closes."""
    feed = _Feed(seconds)
    routes = [Route("/counts", feed.counts)]
    routes += [Route(f"{API_PATH}/{name}", feed.answer) for name in ("events", "checkpoints")]
    bound, url = bind("0.0.0.0", 0)  # noqa: S104  (the recorders are in other namespaces)
    async with serve_app(Starlette(routes=routes), bound):
        print(f"http://127.0.0.1:{urlsplit(url).port}", flush=True)  # noqa: T201  (the parent process reads the URL)
        await stdin_closed()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
