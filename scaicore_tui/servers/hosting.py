"""Serves ASGI applications on sockets of this machine until the caller ends it."""

from __future__ import annotations

import asyncio
import errno
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from math import ceil
from typing import Any, NamedTuple

import h11
import uvicorn
from starlette.types import ASGIApp

from scaicore_tui.clock import Clock, SystemClock
from scaicore_tui.errors import Unreachable, UsageError
from scaicore_tui.servers.connection_limits import IDLE_CONNECTION_S, ConnectionLimits
from scaicore_tui.servers.request_guard import MAX_HEAD_BYTES, RequestGuard

SHUTDOWN_GRACE_S = 2
# Time for cancelled requests to send an error response.
CANCELLED_REPLY_S = 1.0
# Buffered of an unfinished head. What is larger than MAX_HEAD_BYTES and fits gets the guard's response; what does not
# fit gets uvicorn's.
MAX_UNFINISHED_HEAD_BYTES = 5 * MAX_HEAD_BYTES
# asyncio reports exhaustion many times a second; one message per interval is enough.
EXHAUSTION_REPORT_INTERVAL_S = 60.0
# The system has no descriptors or no memory left for a connection.
_EXHAUSTED = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))

_log = logging.getLogger(__name__)


class Listener(NamedTuple):
    """A bound socket and the URL that reaches it."""

    socket: socket.socket
    url: str


class _Server(uvicorn.Server):
    """A server that leaves signals to its caller and sets `ready` once it accepts connections."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # Later messages would contain bytes that strangers sent. The applications report their own errors.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        self.ready.set()


def bind(host: str, port: int) -> Listener:
    """Bind a socket; port 0 takes any free one. Raises UsageError if the address is invalid or taken."""
    if not host.strip():
        # The system would take an empty address for all of them.
        raise UsageError(
            "--host is empty: an address to listen on is needed",
            hint="use --host 127.0.0.1, or --host 0.0.0.0 for every address",
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio turns Nagle's algorithm off; otherwise each response is delayed by 40 ms.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except (socket.gaierror, TypeError, ValueError) as error:  # the latter two: not encodable
        bound.close()
        raise UsageError(
            f"cannot listen on {host!r}: not an address", hint="give --host an IP address or a host name"
        ) from error
    except OSError as error:
        bound.close()
        raise UsageError(f"cannot listen on {host}:{port}: {error.strerror}", hint="choose another --port") from error
    shown_host = f"[{host}]" if ":" in host else host
    return Listener(bound, f"http://{shown_host}:{bound.getsockname()[1]}")


@asynccontextmanager
async def serve_app(
    app: ASGIApp,
    bound: socket.socket,
    *,
    date_header: bool = True,
    host_names: Collection[str] = (),
    public_paths: Collection[str] = (),
    wrap: Callable[[ASGIApp], ASGIApp] = lambda app: app,
    grace_s: float | None = None,
    max_connections: int | None = None,
) -> AsyncIterator[None]:
    """Serve `app` on `bound`: ready when entered, stopped gracefully when left.

    `date_header` is off for a proxy, whose responses carry the date of the server behind it. `host_names` are accepted
    in `Host` besides addresses; requests for `public_paths` may name any host. `wrap` adds an outer layer, which also
    sees the requests that the request guard refuses. Requests under way get `grace_s` seconds to end
    (default: SHUTDOWN_GRACE_S). Raises CannotReach if the server cannot start.
    """
    guard = RequestGuard(app, bound.getsockname()[0], host_names, public_paths)
    limits = ConnectionLimits(guard, SystemClock(), max_connections)
    config = uvicorn.Config(
        wrap(limits),
        http="h11",
        ws="none",
        h11_max_incomplete_event_size=MAX_UNFINISHED_HEAD_BYTES,
        proxy_headers=False,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=date_header,
        timeout_graceful_shutdown=SHUTDOWN_GRACE_S if grace_s is None else ceil(grace_s),
        timeout_keep_alive=IDLE_CONNECTION_S,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[bound]))
    ready = asyncio.create_task(server.ready.wait())
    await asyncio.wait((task, ready), return_when=asyncio.FIRST_COMPLETED)
    ready.cancel()
    if task.done():
        raise Unreachable("the server did not start", hint="its messages on standard error say why")
    handle_loop_errors()
    enforcement = asyncio.create_task(limits.enforce(server))
    try:
        yield
    finally:
        server.should_exit = True
        await task
        enforcement.cancel()
        if server.server_state.tasks:
            # They were just cancelled: let them send their error responses.
            await asyncio.wait(server.server_state.tasks, timeout=CANCELLED_REPLY_S)


async def stdin_closed() -> None:
    """Wait until standard input ends, as it does when the owner of this process ends.

    Ctrl-C and Ctrl-\\ are ignored from now on: on a shared terminal they are meant for the owner.
    """
    closed = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, closed.set)
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    await closed.wait()


@contextmanager
def sigterm_event() -> Iterator[asyncio.Event]:
    """Yield an event that the first SIGTERM sets; a second SIGTERM has its earlier effect."""
    loop, received = asyncio.get_running_loop(), asyncio.Event()
    before = signal.getsignal(signal.SIGTERM)

    def stop(*_: object) -> None:
        signal.signal(signal.SIGTERM, before)
        loop.call_soon_threadsafe(received.set)

    signal.signal(signal.SIGTERM, stop)
    try:
        yield received
    finally:
        signal.signal(signal.SIGTERM, before)


def handle_loop_errors(clock: Clock = SystemClock()) -> None:  # noqa: B008  (it has no state)
    """Log a warning, not a crash, when connections cannot be accepted because no descriptors are left.

    The handler stays for as long as the loop, longer than the server: asyncio retries a second after such a failure.
    """
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    next_report = float("-inf")

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        nonlocal next_report
        error = context.get("exception")
        if _is_late_retry(error, context) or isinstance(error, h11.LocalProtocolError):
            # The latter: uvicorn refuses a false chunk of a request that is already answered. The connection ends.
            return
        if not isinstance(error, OSError) or error.errno not in _EXHAUSTED:
            (before or type(loop).default_exception_handler)(loop, context)
        elif clock.monotonic() >= next_report:
            next_report = clock.monotonic() + EXHAUSTION_REPORT_INTERVAL_S
            _log.warning(
                "scaicore-tui: %s: new connections wait until others close · "
                "raise the limit of open files (ulimit -n, LimitNOFILE), or lower --connections",
                error.strerror,
            )

    loop.set_exception_handler(handle)


def _is_late_retry(error: object, context: dict[str, Any]) -> bool:
    """Return true if asyncio retried to accept a connection and found the socket closed."""
    return isinstance(error, ValueError) and "_start_serving" in str(context.get("message"))
