"""A live server whose feed tells only what a measurement wants: runs that are over, one that goes on, nothing else."""

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
    "core_expense-approval": ("read_receipt", "policy", "review", "book", "tell"),
    "core_invoice-batch": ("load", "each", "extract", "post", "report"),
}
NODES = 5
# So many events tell a run.
EVENTS = 2 + 2 * NODES
A_ROW = "exec_"


def told(count: int) -> list[Event]:
    """That many runs, one after the other, the last an hour ago and at work in its last node."""
    begin = (int(time.time()) - 3600 - count) * SECOND
    events = [event for number in range(count) for event in run(number, begin + number * SECOND)]
    return events[:-2]


def run(number: int, at: int) -> Iterator[Event]:
    """A run of some nodes."""
    execution, step = f"exec_{number:012x}", SECOND // (EVENTS + 1)
    core = list(CORES)[number % len(CORES)]
    yield started(at, execution, core=core, input={"ticket": number})
    for place, node in enumerate(CORES[core]):
        yield entered(node, at + step * (2 * place + 1), execution)
        result = {"node": node, "ticket": number, "words": f"what {node} came to, for ticket {number * 7919}"}
        yield exited(node, at + step * (2 * place + 2), execution, result_binding_value=result)
    yield completed(at + step * (EVENTS - 1), execution)


@contextmanager
def served(sim: Responder) -> Iterator[dict[str, str]]:
    """A server of that feed, in a thread; yields the environment of an app that is to watch it."""

    async def answer(request: Request) -> Response:
        # As it came: a path may name what no URL shows as it is.
        path = request.scope["raw_path"].decode("ascii")
        found = sim.respond(httpx.Request(request.method, f"{url}{path}", params=request.query_params))
        limits = {name: value for name, value in found.headers.items() if "ratelimit" in name}
        return Response(found.content, found.status_code, limits, "application/json")

    socket, url = bind("127.0.0.1", 0)
    loop, over, ready = asyncio.new_event_loop(), asyncio.Event(), threading.Event()

    async def serve() -> None:
        async with serve_app(Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])]), socket):
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(10)
        yield {"SCAICORE_TUI_URL": f"{url}/api/v1", "SCAICORE_TUI_TOKEN": TOKEN}
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()
