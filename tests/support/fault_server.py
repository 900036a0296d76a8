"""A raw-socket server with every fault that a client may meet, and a session that is observed until it recovers.

The server responds correctly until a test sets a fault. A session polls it meanwhile, and shows status and messages.
"""

from __future__ import annotations

import asyncio
import gzip
import ssl
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import trustme
from msgspec.structs import replace

from scaicore_tui.api import transport
from scaicore_tui.clock import SystemClock
from scaicore_tui.config import Api, Target
from scaicore_tui.runs import Delta
from scaicore_tui.secrets import Secret
from scaicore_tui.session import Session
from scaicore_tui.sync.status import ConnectionState
from scaicore_tui.tui.render.status import problem_text
from scaicore_tui.tui.state import AppState
from tests.support.builders import completed, entered, started
from tests.support.tcp_server import stop_listening

INTERVAL_S = 0.2
# Timeouts (silence, whole response): for faults in which the server is slow, and for all others.
SHORT_TIMEOUTS_S, LONG_TIMEOUTS_S = (1.0, 2.0), (20.0, 60.0)
# The longest wait of a test, on a busy machine.
TIMEOUT_S = 40.0
TOKEN = "sk-very-secret"
MIB = 1024 * 1024
BOMB_BYTES = 200 * MIB

# Responds to one request, given its head. Returns True to keep the connection open.
Respond = Callable[["FaultServer", bytes, asyncio.StreamWriter], Awaitable[bool]]


@dataclass(frozen=True)
class Fault:
    """One fault, and what the app must show: the connection state, and a `message` (a pattern) on the problem line.

    path: only requests for it get the fault. certificate: the kind that the server uses. serving: False if the server
    does not listen. is_harmless: the app must stay live.
    """

    name: str
    message: str
    respond: Respond | None = None
    state: ConnectionState = ConnectionState.OFFLINE
    path: bytes = b""
    certificate: str = ""
    serving: bool = True
    url: str = ""

    @property
    def is_harmless(self) -> bool:
        return self.state is ConnectionState.LIVE

    @property
    def is_tls(self) -> bool:
        return bool(self.certificate)

    @property
    def is_slow(self) -> bool:
        """True if the response takes too long."""
        return any(text in self.message for text in ("takes longer than", "no answer"))


@dataclass
class FaultServer:
    """Serves one run and one checkpoint, or the `fault`."""

    tls: ssl.SSLContext | None = None
    fault: Fault | None = None
    requests: list[bytes] = field(default_factory=list)
    used: set[asyncio.StreamWriter] = field(default_factory=set)
    dropped: int = 0
    port: int = 0
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"{'http' if self.tls is None else 'https'}://127.0.0.1:{self.port}/api/v1"

    async def open(self) -> None:
        """Listen, on the previous port if there was one."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and drop all connections."""
        if self._server is not None:
            await stop_listening(self._server)
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # A task that is cancelled before it begins closes nothing by itself.
        task.add_done_callback(lambda _: writer.close())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self.fault is not None and self.fault.certificate == "none":
                writer.write(response_bytes(b"", b"400 Bad Request"))
                return
            while await self._answer(await reader.readuntil(b"\r\n\r\n"), writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass  # expected: the client closed the connection
        finally:
            self.used.discard(writer)
            writer.close()

    async def _answer(self, head: bytes, writer: asyncio.StreamWriter) -> bool:
        """Respond to one request. Return True to keep the connection open."""
        self.requests.append(head)
        fault = self.fault
        if fault is not None and fault.respond is not None and fault.path in head.split(b" ", 2)[1]:
            keeps_open = await fault.respond(self, head, writer)
            with suppress(ConnectionError):
                await writer.drain()
            return keeps_open
        writer.write(good_response(head))
        await writer.drain()
        self.used.add(writer)
        return True


EVENTS = [started(), entered("classify"), completed()]
PAGE = b'{"data": {"events": [' + b", ".join(event.raw for event in EVENTS[::-1]) + b'], "next_cursor": null}}'
INBOX = b'{"data": {"checkpoints": [{"id": "ckpt_1", "options": ["approve"], "title": "?"}], "next_cursor": null}}'
QUOTA = b"X-Scaigrid-Ratelimit-Limit: 1000000\r\nX-Scaigrid-Ratelimit-Remaining: 999999\r\n"


def good_response(head: bytes, days: float = 0.0) -> bytes:
    """Return the correct response to a request, with a clock that is `days` ahead."""
    now = datetime.now(UTC) + timedelta(days=days)
    date = b"Date: %b\r\n" % format_datetime(now, usegmt=True).encode()
    return response_bytes(PAGE if b"/events?" in head else INBOX, headers=date)


def response_bytes(
    body: bytes, status: bytes = b"200 OK", kind: bytes = b"application/json", headers: bytes = b""
) -> bytes:
    """Return a response with Content-Length."""
    length = str(len(body)).encode()
    content = b"Content-Type: %b\r\nContent-Length: %b\r\n" % (kind, length)
    return b"HTTP/1.1 %b\r\n%b%b%b\r\n" % (status, content, QUOTA, headers) + body


def sends(data: bytes) -> Respond:
    """Write `data` and close the connection."""

    async def behave(server: FaultServer, head: bytes, writer: asyncio.StreamWriter) -> bool:
        writer.write(data)
        return False

    return behave


def sends_repeatedly(begin: bytes, piece: bytes, times: int, pause: float = 0.0) -> Respond:
    """Write `begin`, then `piece` repeatedly, with a pause of `pause` seconds after each."""

    async def behave(server: FaultServer, head: bytes, writer: asyncio.StreamWriter) -> bool:
        writer.write(begin)
        for _ in range(times):
            writer.write(piece)
            await writer.drain()
            if pause:
                await SystemClock().sleep(pause)
        return False

    return behave


async def resets_during_body(server: FaultServer, head: bytes, writer: asyncio.StreamWriter) -> bool:
    writer.write(good_response(head)[:-20])
    await writer.drain()
    writer.transport.abort()
    return False


async def hangs(server: FaultServer, head: bytes, writer: asyncio.StreamWriter) -> bool:
    await SystemClock().sleep(TIMEOUT_S)
    return False


async def sends_early_hints(server: FaultServer, head: bytes, writer: asyncio.StreamWriter) -> bool:
    writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 3 + good_response(head))
    return True


async def closes_reused_connection(server: FaultServer, head: bytes, writer: asyncio.StreamWriter) -> bool:
    """Respond on a new connection, which seems to stay open; close it on the second request."""
    if writer in server.used:
        server.dropped += 1
        return False
    writer.write(good_response(head))
    server.used.add(writer)
    return True


def with_clock_offset(days: float) -> Respond:
    """Respond correctly, with a clock that is `days` ahead."""

    async def behave(server: FaultServer, head: bytes, writer: asyncio.StreamWriter) -> bool:
        writer.write(good_response(head, days))
        return True

    return behave


async def redirects_to_itself(server: FaultServer, head: bytes, writer: asyncio.StreamWriter) -> bool:
    path = head.split(b" ", 2)[1]
    writer.write(response_bytes(b"", b"302 Found", headers=b"Location: %b\r\n" % path))
    return True


@lru_cache
def gzip_bomb() -> bytes:
    """Return BOMB_BYTES blanks, compressed. They are made in pieces: the test measures this process's memory."""
    packer, piece = zlib.compressobj(9, wbits=31), b" " * (1 << 20)
    packed_pieces = (packer.compress(piece) for _ in range(BOMB_BYTES // len(piece)))
    return b"".join([packer.compress(b'{"data": {"events": ['), *packed_pieces, packer.flush()])


async def sends_gzip_bomb(server: FaultServer, head: bytes, writer: asyncio.StreamWriter) -> bool:
    """Write the bomb, made in a thread since that takes half a second, and close the connection."""
    writer.write(compressed(await asyncio.to_thread(gzip_bomb)))
    return False


def compressed(body: bytes, packing: bytes = b"gzip") -> bytes:
    return response_bytes(body, headers=b"Content-Encoding: %b\r\n" % packing)


LARGE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % BOMB_BYTES
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
PIECE = b" " * 65536
CHUNK = b"10000\r\n" + PIECE + b"\r\n"
DRIP = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
DENIED = response_bytes(b'{"detail": {"error": "forbidden", "message": "scaicore:view is missing"}}', b"403 Forbidden")
HTML = b"<!doctype html><title>Sign in</title><p>Please sign in to the guest network."
STALE = ConnectionState.STALE

FAULTS = (
    Fault("connection refused", "refused: nothing listens there", serving=False),
    Fault("no such host", "no such host|cannot be resolved", url="http://no-such-host.invalid/api/v1"),
    Fault("certificate expired", "its certificate expired", certificate="expired"),
    Fault("certificate of another host", "its certificate is for another host", certificate="other"),
    Fault("certificate of an unknown authority", "unknown authority · ca_file", certificate="unknown"),
    Fault("no TLS on the server", "TLS failed", certificate="none"),
    Fault("closes without a response", "it closed the connection without a response", sends(b"")),
    Fault("reset in the middle of a body", "broke off in the middle", resets_during_body),
    Fault("closed in the middle of a body", "broke off in the middle", sends(good_response(b"GET /events? ")[:-9])),
    Fault("truncated JSON", "its JSON breaks off", sends(response_bytes(PAGE[:-30]))),
    Fault("a web page with status 200", "it is a web page", sends(response_bytes(HTML, kind=b"text/html"))),
    Fault("a body of another type", "it is no JSON", sends(response_bytes(b"pong", kind=b"text/plain"))),
    Fault("no body", "it is empty", sends(response_bytes(b""))),
    Fault("gzip bomb of 200 MB", "larger than 32 MiB", sends_gzip_bomb),
    Fault("invalid gzip", "its compressed data is damaged", sends(compressed(b"hello, this is no gzip"))),
    Fault("truncated gzip", "broke off in the middle", sends(compressed(gzip.compress(PAGE)[:-30]))),
    Fault("an encoding that was not requested", "encoded as 'br'", sends(compressed(b"....", b"br"))),
    Fault("200 MB body", "larger than 32 MiB", sends_repeatedly(LARGE, PIECE, BOMB_BYTES // 65536)),
    Fault("200 MB body in chunks", "larger than 32 MiB", sends_repeatedly(CHUNKED, CHUNK, BOMB_BYTES // 65536)),
    Fault("a slow body", "takes longer than", sends_repeatedly(DRIP, b" ", 2_000, 0.02)),
    Fault("slow headers", "takes longer than", sends_repeatedly(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", 2_000, 0.02)),
    Fault(
        "endless headers", "headers are too long", sends_repeatedly(b"HTTP/1.1 200 OK\r\n", b"X-Y: z\r\n" * 99, 100_000)
    ),
    Fault("endless 1xx", "takes longer than", sends_repeatedly(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", 2_000, 0.02)),
    Fault("no response", "no answer in time", hangs),
    Fault("not HTTP", "response is not HTTP", sends(b"220 mail.example.com ESMTP\r\n\r\n")),
    Fault("another protocol", "response is not HTTP", sends(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n")),
    Fault("redirect loop", "redirects to .* not followed", redirects_to_itself),
    Fault("401", "401: sign in again", sends(response_bytes(b'{"detail": "expired"}', b"401 Unauthorized")), STALE),
    Fault("events 403, checkpoints 200", "events: .*403.* the rest is live", sends(DENIED), STALE, b"/events"),
    Fault(
        "checkpoints 403, events 200", "checkpoints: .*403.* the rest is live", sends(DENIED), STALE, b"/checkpoints"
    ),
    Fault("events hang, checkpoints 200", "events: .*no answer.* the rest is live", hangs, path=b"/events"),
    Fault("500", "500", sends(response_bytes(b'{"detail": "boom"}', b"500 Oops")), STALE),
    Fault(
        "502 of a gateway",
        "Bad Gateway",
        sends(response_bytes(b"<h1>Bad Gateway</h1>", b"502 Bad Gateway", b"text/html")),
    ),
    Fault("a reused connection is closed", "", closes_reused_connection, ConnectionState.LIVE),
    Fault("1xx before the response", "", sends_early_hints, ConnectionState.LIVE),
    Fault("clock a day ahead", "clock is 1d behind the server's", with_clock_offset(1.001), ConnectionState.LIVE),
    Fault(
        "clock a day behind",
        "clock is 1d ahead of the server's",
        with_clock_offset(-1.001),
        ConnectionState.LIVE,
    ),
)


@dataclass(frozen=True)
class FaultResult:
    """The observed effect of a fault.

    recovery_s: seconds until recovery, or None if the fault cannot end. peak_mib: growth of the peak memory, in MiB.
    """

    state: ConnectionState
    message: str
    recovery_s: float | None
    peak_mib: float
    runs: int
    waiting: int


class Watcher:
    """Watches a running session and waits for conditions."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._app_state = AppState(session, "faults")
        self._updated = asyncio.Event()
        session.subscribe(self._on_delta)

    @property
    def state(self) -> ConnectionState:
        return self._app_state.status().state

    @property
    def problem(self) -> str:
        """The text of the problem line."""
        return problem_text(self._app_state.status())

    async def wait_until(self, condition: Callable[[], object]) -> float:
        """Wait until `condition()` is true and return the seconds. Raises TimeoutError."""
        begin = time.perf_counter()
        async with asyncio.timeout(TIMEOUT_S):
            while not condition():
                self._updated.clear()
                await self._updated.wait()
        return time.perf_counter() - begin

    def _on_delta(self, delta: Delta) -> None:
        self._updated.set()


class CertificateAuthority:
    """A trusted certificate authority, and an unknown one."""

    def __init__(self) -> None:
        self._ours, self._theirs = trustme.CA(), trustme.CA()

    def write(self, path: Path) -> Path:
        """Write the trusted CA certificate to a file."""
        self._ours.cert_pem.write_to_path(str(path))
        return path

    def use_certificate(self, context: ssl.SSLContext, kind: str = "good") -> None:
        """Use a certificate of that `kind` from now on."""
        past = datetime(2020, 1, 1, tzinfo=UTC)
        names = ("elsewhere.example",) if kind == "other" else ("127.0.0.1", "localhost")
        times: dict[str, Any] = {"not_before": past, "not_after": past + timedelta(1)} if kind == "expired" else {}
        issuer = self._theirs if kind == "unknown" else self._ours
        issuer.issue_cert(*names, **times).configure_cert(context)


@asynccontextmanager
async def fault_server(authority: CertificateAuthority | None = None) -> AsyncIterator[FaultServer]:
    """Run a server on a port of its own; over TLS if there is an `authority`."""
    context = None
    if authority is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # Without session tickets the server sends its certificate on each connection.
        context.options |= ssl.OP_NO_TICKET
        authority.use_certificate(context)
    server = FaultServer(context)
    await server.open()
    try:
        yield server
    finally:
        await server.close()


def target_of(url: str, ca_file: Path | None = None) -> Target:
    return Target(
        url=url,
        api=Api.SCAIFLOW,
        name="faults",
        token=Secret(TOKEN),
        interval=INTERVAL_S,
        ca_file=ca_file,
    )


@asynccontextmanager
async def polling(
    target: Target, timeouts: tuple[float, float] = SHORT_TIMEOUTS_S
) -> AsyncIterator[tuple[Session, Watcher]]:
    """Run a session with these timeouts (silence, whole response) and the longest wait after failures."""
    before = transport.TOTAL_TIMEOUT_S
    silence, transport.TOTAL_TIMEOUT_S = timeouts
    target = replace(target, timeout=silence)
    try:
        async with Session(target, random_fn=lambda: 1.0) as session:
            watcher = Watcher(session)
            task = asyncio.create_task(session.run())
            try:
                yield session, watcher
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
    finally:
        transport.TOTAL_TIMEOUT_S = before


async def run_fault(fault: Fault, folder: Path) -> FaultResult:
    """Run a session through a fault and its recovery."""
    authority = CertificateAuthority() if fault.is_tls else None
    ca_file = authority.write(folder / "ca.pem") if authority is not None else None
    target = partial(target_of, ca_file=ca_file)
    timeouts = SHORT_TIMEOUTS_S if fault.is_slow else LONG_TIMEOUTS_S
    async with fault_server(authority) as server, polling(target(fault.url or server.url), timeouts) as observed:
        session, watcher = observed
        if not fault.url:
            await watcher.wait_until(lambda: watcher.state is ConnectionState.LIVE)
        before = reset_peak()
        await set_fault(server, fault, authority)
        requests = len(server.requests)
        if fault.is_harmless:
            await watcher.wait_until(
                lambda: len(server.requests) > requests + 6 and (not fault.message or watcher.problem)
            )
        else:
            await watcher.wait_until(lambda: session.connection.failures >= 2)
        state, message, peak = watcher.state, watcher.problem, peak_mib() - before
        seconds = None if fault.url else await clear_fault(server, authority, watcher)
        return FaultResult(state, message, seconds, peak, len(session.index.order), len(session.checkpoints))


async def set_fault(server: FaultServer, fault: Fault, authority: CertificateAuthority | None) -> None:
    """Make the server fail from now on. Close its connections if the fault is in the certificate or the port."""
    server.fault = fault
    if authority is not None or not fault.serving:
        await server.close()
    if authority is not None and server.tls is not None:
        plain = fault.certificate == "none"
        if not plain:
            authority.use_certificate(server.tls, fault.certificate)
        context, server.tls = server.tls, None if plain else server.tls
        await server.open()
        server.tls = context


async def clear_fault(server: FaultServer, authority: CertificateAuthority | None, watcher: Watcher) -> float:
    """End the fault; return the seconds until the session is live again."""
    fault, server.fault = server.fault, None
    if fault is not None and (fault.is_tls or not fault.serving):
        await server.close()
        if authority is not None and server.tls is not None:
            authority.use_certificate(server.tls)
        await server.open()
    return await watcher.wait_until(lambda: watcher.state is ConnectionState.LIVE and not watcher.problem)


def reset_peak() -> float:
    """Reset the peak of this process's memory; return its current size in MiB. Returns 0 without /proc."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _read_status_kib("VmRSS")


def peak_mib() -> float:
    """Return the peak of this process's memory, in MiB."""
    return _read_status_kib("VmHWM")


def _read_status_kib(name: str) -> float:
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(name)), 0.0)
