"""A live server for measurements, whose feed has ended runs and one running one."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scaicore_tui.protocol import Event
from scaicore_tui.servers.hosting import bind, serve_app
from tests.support.builders import SECOND, completed, entered, exited, started
from tests.support.feed_simulator import Responder

TOKEN = "sk-bench"
CORES = {
    "core_support-triage": ("classify", "look_up", "route", "draft", "send"),
    "core_expense-approval": ("read_receipt", "policy", "review", "book", "notify"),
    "core_invoice-batch": ("load", "each", "extract", "post", "report"),
}
NODES_PER_RUN = 5
EVENTS_PER_RUN = 2 + 2 * NODES_PER_RUN
# Text that is on the screen once a run is listed.
RUN_SHOWN = "exec_"


def events_of(count: int) -> list[Event]:
    """Return the events of `count` runs, one per second. The last one began an hour ago and is in its last node."""
    begin = (int(time.time()) - 3600 - count) * SECOND
    events = [event for number in range(count) for event in run(number, begin + number * SECOND)]
    return events[:-2]


def run(number: int, at: int) -> Iterator[Event]:
    """Yield the events of a completed run."""
    execution, step = f"exec_{number:012x}", SECOND // (EVENTS_PER_RUN + 1)
    core = list(CORES)[number % len(CORES)]
    yield started(at, execution, core=core, input={"ticket": number})
    for index, node in enumerate(CORES[core]):
        yield entered(node, at + step * (2 * index + 1), execution)
        result = {"node": node, "ticket": number, "summary": f"result of {node} for ticket {number * 7919}"}
        yield exited(node, at + step * (2 * index + 2), execution, result_binding_value=result)
    yield completed(at + step * (EVENTS_PER_RUN - 1), execution)


@contextmanager
def served(sim: Responder) -> Iterator[dict[str, str]]:
    """Run a server with this feed in a thread; yield the environment variables of an app that connects to it."""

    async def answer(request: Request) -> Response:
        # The undecoded path: a decoded one may contain characters that a URL cannot.
        path = request.scope["raw_path"].decode("ascii")
        found = sim.respond(httpx.Request(request.method, f"{url}{path}", params=request.query_params))
        limits = {name: value for name, value in found.headers.items() if "ratelimit" in name}
        return Response(found.content, found.status_code, limits, "application/json")

    socket, url = bind("127.0.0.1", 0)
    loop, stop, ready = asyncio.new_event_loop(), asyncio.Event(), threading.Event()

    async def serve() -> None:
        async with serve_app(Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])]), socket):
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(10)
        yield {"SCAICORE_TUI_URL": f"{url}/api/v1", "SCAICORE_TUI_TOKEN": TOKEN}
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
