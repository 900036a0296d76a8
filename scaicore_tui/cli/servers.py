"""Serves ASGI applications on sockets of this machine, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from math import ceil

import uvicorn
from starlette.types import ASGIApp

from scaicore_tui.cli.connection import Connection
from scaicore_tui.cli.door import MAX_HEAD, Door
from scaicore_tui.cli.server_log import notice_exhaustion
from scaicore_tui.errors import CannotReach, UsageError

GRACE_SECONDS = 2
# What is cut off has so long to answer that it was.
FAREWELL_SECONDS = 1.0
# Longer than anybody polls: closed just then, a connection takes the request with it that was on its way.
KEEP_SECONDS = 75


class _Server(uvicorn.Server):
    """A server whose signals are its caller's, and that tells when it is ready."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # From here on it would say what strangers send, and what was cut off at the end. Faults the servers tell.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        self.ready.set()


def listen(host: str, port: int) -> tuple[socket.socket, str]:
    """A listening socket and its URL; port 0 takes any free one. Raises UsageError where it can't listen there."""
    if not host.strip():
        # The system takes no address for all of them.
        raise UsageError(
            "--host is empty: nothing says where to listen",
            hint="--host 127.0.0.1, or --host 0.0.0.0 for every address",
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named a TCP socket, or asyncio leaves Nagle's algorithm on, and every answer waits 40 ms for an acknowledgement.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except (socket.gaierror, TypeError, ValueError) as error:  # the latter two: not encodable
        bound.close()
        raise UsageError(
            f"cannot listen on {host!r}: not an address", hint="--host takes an address, or a name of one"
        ) from error
    except OSError as error:
        bound.close()
        raise UsageError(f"cannot listen on {host}:{port}: {error.strerror}", hint="another --port") from error
    shown = f"[{host}]" if ":" in host else host
    return bound, f"http://{shown}:{bound.getsockname()[1]}"


@asynccontextmanager
async def serving(
    app: ASGIApp,
    bound: socket.socket,
    *,
    dates: bool = True,
    names: Collection[str] = (),
    public: Collection[str] = (),
    around: Callable[[ASGIApp], ASGIApp] = lambda app: app,
    grace: float | None = None,
    connections: int | None = None,
) -> AsyncIterator[None]:
    """Serve `app` on `bound`, ready when entered, stopped gracefully when left. It goes by `names`, too, and for the
    paths in `public` by any.

    `dates` is off for a proxy: its answers carry the date of the server behind it. What is `around` it sees also the
    requests that are refused at the door. `grace` seconds, a few unless told otherwise, are left to those under way.
    """
    config = uvicorn.Config(
        around(Door(app, bound.getsockname()[0], names, public)),
        http=Connection,
        ws="none",
        h11_max_incomplete_event_size=MAX_HEAD,
        proxy_headers=False,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=dates,
        limit_concurrency=connections,
        timeout_graceful_shutdown=GRACE_SECONDS if grace is None else ceil(grace),
        timeout_keep_alive=KEEP_SECONDS,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[bound]))
    ready = asyncio.create_task(server.ready.wait())
    await asyncio.wait((task, ready), return_when=asyncio.FIRST_COMPLETED)
    ready.cancel()
    if task.done():
        raise CannotReach("a server of ours could not start")
    notice_exhaustion()
    try:
        yield
    finally:
        server.should_exit = True
        await task
        if server.server_state.tasks:
            # Cancelled just now: they say so to whoever asked.
            await asyncio.wait(server.server_state.tasks, timeout=FAREWELL_SECONDS)


async def input_ended() -> None:
    """Return when standard input ends, as when its owner dies; what is typed on the owner's terminal ends nothing.

    A Ctrl-C there is the owner's, or that of an editor it started.
    """
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, ended.set)
    for typed in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(typed, signal.SIG_IGN)
    await ended.wait()


@contextmanager
def stoppable() -> Iterator[asyncio.Event]:
    """An event that the first SIGTERM sets, which is how services are stopped. A second one does what it did before."""
    loop, asked = asyncio.get_running_loop(), asyncio.Event()
    before = signal.getsignal(signal.SIGTERM)

    def stop(*_: object) -> None:
        signal.signal(signal.SIGTERM, before)
        loop.call_soon_threadsafe(asked.set)

    signal.signal(signal.SIGTERM, stop)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGTERM, before)
