"""A raw-socket server with every fault that a client may meet, and a session that is watched until it recovers.

The server answers well until a test sets a fault. A session polls it meanwhile, and shows status and messages.
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
from scaicore_tui.secrets import Secret
from scaicore_tui.session import Session, Update
from scaicore_tui.sync.status import ConnectionState
from scaicore_tui.tui.render.status import problem_text
from scaicore_tui.tui.state import AppState
from tests.support.builders import completed, entered, started

INTERVAL = 0.2
# Seconds without a byte, and for all of an answer, while faults are tried out: a person would wait ten times as long.
# Seconds of silence, and for a whole answer: where a fault is about them, and where it must not be.
SHORT, LONG = (1.0, 2.0), (20.0, 60.0)
# Nothing that is waited for takes longer, on a machine that is busy with other things.
PATIENCE = 40.0
TOKEN = "sk-very-secret"
MIB = 1024 * 1024
BOMB = 200 * MIB

# One request's head, and where to answer it. The connection is closed then, unless it says that it goes on.
Behave = Callable[["FaultServer", bytes, asyncio.StreamWriter], Awaitable[bool]]


@dataclass(frozen=True)
class Fault:
    """One way to misbehave, and what must be said of it: the state, and words on the line that tells of trouble.

    With `path` only requests for that are answered badly. `certificate` is what the server shows. One that is not
    `serving` listens no more. `is_harmless` are those that nobody need notice.
    """

    name: str
    words: str
    behave: Behave | None = None
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
        """Whether what is wrong is that it takes too long."""
        return any(words in self.words for words in ("takes longer than", "no answer"))


@dataclass
class FaultServer:
    """Serves one run and one checkpoint; or the `fault`."""

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
        """Listen, on the port that it had."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Listen no more, and drop all connections."""
        if self._server is not None:
            self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self.fault is not None and self.fault.certificate == "none":
                writer.write(answer(b"", b"400 Bad Request"))
                return
            while await self._answer(await reader.readuntil(b"\r\n\r\n"), writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass  # the client went away, as it should
        finally:
            self.used.discard(writer)
            writer.close()

    async def _answer(self, head: bytes, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; whether the connection goes on."""
        self.requests.append(head)
        fault = self.fault
        if fault is not None and fault.behave is not None and fault.path in head.split(b" ", 2)[1]:
            goes_on = await fault.behave(self, head, writer)
            with suppress(ConnectionError):
                await writer.drain()
            return goes_on
        writer.write(good(head))
        await writer.drain()
        self.used.add(writer)
        return True


EVENTS = [started(), entered("classify"), completed()]
PAGE = b'{"data": {"events": [' + b", ".join(event.raw for event in EVENTS[::-1]) + b'], "next_cursor": null}}'
INBOX = b'{"data": {"checkpoints": [{"id": "ckpt_1", "options": ["approve"], "title": "?"}], "next_cursor": null}}'
QUOTA = b"X-Scaigrid-Ratelimit-Limit: 1000000\r\nX-Scaigrid-Ratelimit-Remaining: 999999\r\n"


def good(head: bytes, days: float = 0.0) -> bytes:
    """The answer that a request should get; by a clock that is so many days ahead."""
    moment = datetime.now(UTC) + timedelta(days=days)
    date = b"Date: %b\r\n" % format_datetime(moment, usegmt=True).encode()
    return answer(PAGE if b"/events?" in head else INBOX, headers=date)


def answer(body: bytes, status: bytes = b"200 OK", kind: bytes = b"application/json", headers: bytes = b"") -> bytes:
    """An answer with a length."""
    length = str(len(body)).encode()
    told = b"Content-Type: %b\r\nContent-Length: %b\r\n" % (kind, length)
    return b"HTTP/1.1 %b\r\n%b%b%b\r\n" % (status, told, QUOTA, headers) + body


def says(data: bytes) -> Behave:
    """Write that, and hang up."""

    async def behave(server: FaultServer, head: bytes, writer: asyncio.StreamWriter) -> bool:
        writer.write(data)
        return False

    return behave


def repeats(begin: bytes, piece: bytes, times: int, pause: float = 0.0) -> Behave:
    """Write a beginning, and then a piece again and again, with a pause after each."""

    async def behave(server: FaultServer, head: bytes, writer: asyncio.StreamWriter) -> bool:
        writer.write(begin)
        for _ in range(times):
            writer.write(piece)
            await writer.drain()
            if pause:
                await SystemClock().sleep(pause)
        return False

    return behave


async def resets_in_the_middle(server: FaultServer, head: bytes, writer: asyncio.StreamWriter) -> bool:
    writer.write(good(head)[:-20])
    await writer.drain()
    writer.transport.abort()
    return False


async def hangs(server: FaultServer, head: bytes, writer: asyncio.StreamWriter) -> bool:
    await SystemClock().sleep(PATIENCE)
    return False


async def hints_first(server: FaultServer, head: bytes, writer: asyncio.StreamWriter) -> bool:
    writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 3 + good(head))
    return True


async def hangs_up_when_used_again(server: FaultServer, head: bytes, writer: asyncio.StreamWriter) -> bool:
    """Answer what comes on a new connection, which seems to stay open."""
    if writer in server.used:
        server.dropped += 1
        return False
    writer.write(good(head))
    server.used.add(writer)
    return True


def dated(days: float) -> Behave:
    """Answer well, on another day."""

    async def behave(server: FaultServer, head: bytes, writer: asyncio.StreamWriter) -> bool:
        writer.write(good(head, days))
        return True

    return behave


async def redirects_to_itself(server: FaultServer, head: bytes, writer: asyncio.StreamWriter) -> bool:
    where = head.split(b" ", 2)[1]
    writer.write(answer(b"", b"302 Found", headers=b"Location: %b\r\n" % where))
    return True


@lru_cache
def bomb() -> bytes:
    """Return the compressed bytes of `BOMB` blanks. It is made in pieces: the test measures this process's memory."""
    packer, piece = zlib.compressobj(9, wbits=31), b" " * (1 << 20)
    packed_pieces = (packer.compress(piece) for _ in range(BOMB // len(piece)))
    return b"".join([packer.compress(b'{"data": {"events": ['), *packed_pieces, packer.flush()])


async def drops_the_bomb(server: FaultServer, head: bytes, writer: asyncio.StreamWriter) -> bool:
    """Write the bomb, which takes half a second to make, and hang up."""
    writer.write(packed(await asyncio.to_thread(bomb)))
    return False


def packed(body: bytes, packing: bytes = b"gzip") -> bytes:
    return answer(body, headers=b"Content-Encoding: %b\r\n" % packing)


LARGE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % BOMB
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
PIECE = b" " * 65536
CHUNK = b"10000\r\n" + PIECE + b"\r\n"
DRIP = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
DENIED = answer(b'{"detail": {"error": "forbidden", "message": "scaicore:view is missing"}}', b"403 Forbidden")
HTML = b"<!doctype html><title>Sign in</title><p>Please sign in to the guest network."
STALE = ConnectionState.STALE

FAULTS = (
    Fault("connection refused", "refused: nothing listens there", serving=False),
    Fault("no such host", "no such host|cannot be resolved", url="http://no-such-host.invalid/api/v1"),
    Fault("certificate expired", "its certificate expired", certificate="expired"),
    Fault("certificate of another host", "its certificate is for another host", certificate="other"),
    Fault("certificate of an unknown authority", "unknown authority · ca_file", certificate="unknown"),
    Fault("no TLS where it should be", "TLS failed", certificate="none"),
    Fault("hangs up", "it closed the connection without a response", says(b"")),
    Fault("reset in the middle of a body", "broke off in the middle", resets_in_the_middle),
    Fault("closed in the middle of a body", "broke off in the middle", says(good(b"GET /events? ")[:-9])),
    Fault("JSON that breaks off", "its JSON breaks off", says(answer(PAGE[:-30]))),
    Fault("a web page with status 200", "it is a web page", says(answer(HTML, kind=b"text/html"))),
    Fault("a body of another type", "it is no JSON", says(answer(b"pong", kind=b"text/plain"))),
    Fault("no body", "it is empty", says(answer(b""))),
    Fault("gzip bomb of 200 MB", "larger than 32 MiB", drops_the_bomb),
    Fault("gzip that is none", "its compressed data is damaged", says(packed(b"hello, this is no gzip"))),
    Fault("gzip that breaks off", "broke off in the middle", says(packed(gzip.compress(PAGE)[:-30]))),
    Fault("a packing not asked for", "encoded as 'br'", says(packed(b"....", b"br"))),
    Fault("200 MB body", "larger than 32 MiB", repeats(LARGE, PIECE, BOMB // 65536)),
    Fault("200 MB body in chunks", "larger than 32 MiB", repeats(CHUNKED, CHUNK, BOMB // 65536)),
    Fault("a body that drips", "takes longer than", repeats(DRIP, b" ", 2_000, 0.02)),
    Fault("headers that drip", "takes longer than", repeats(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", 2_000, 0.02)),
    Fault("endless headers", "headers are too long", repeats(b"HTTP/1.1 200 OK\r\n", b"X-Y: z\r\n" * 99, 100_000)),
    Fault("endless 1xx", "takes longer than", repeats(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", 2_000, 0.02)),
    Fault("silence", "no answer in time", hangs),
    Fault("no HTTP", "response is not HTTP", says(b"220 mail.example.com ESMTP\r\n\r\n")),
    Fault("another protocol", "response is not HTTP", says(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n")),
    Fault("redirect loop", "redirects to .* not followed", redirects_to_itself),
    Fault("401", "401: sign in again", says(answer(b'{"detail": "expired"}', b"401 Unauthorized")), STALE),
    Fault("events 403, checkpoints 200", "events: .*403.* the rest is live", says(DENIED), STALE, b"/events"),
    Fault("checkpoints 403, events 200", "checkpoints: .*403.* the rest is live", says(DENIED), STALE, b"/checkpoints"),
    Fault("events hang, checkpoints 200", "events: .*no answer.* the rest is live", hangs, path=b"/events"),
    Fault("500", "500", says(answer(b'{"detail": "boom"}', b"500 Oops")), STALE),
    Fault("502 of a gateway", "Bad Gateway", says(answer(b"<h1>Bad Gateway</h1>", b"502 Bad Gateway", b"text/html"))),
    Fault("a connection just closed", "", hangs_up_when_used_again, ConnectionState.LIVE),
    Fault("1xx before the answer", "", hints_first, ConnectionState.LIVE),
    Fault("a clock a day ahead", "clock is 1d behind the server's", dated(1.001), ConnectionState.LIVE),
    Fault("a clock a day behind", "clock is 1d ahead of the server's", dated(-1.001), ConnectionState.LIVE),
)


@dataclass(frozen=True)
class Suffered:
    """What came of a fault: the state and the words, seconds from its end until all was well, MiB at most meanwhile.

    Without `seconds` it can't end here.
    """

    state: ConnectionState
    words: str
    seconds: float | None
    mib: float
    runs: int
    waiting: int


class Watcher:
    """Follows a session that runs, and waits for facts."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._desk = AppState(session, "faults")
        self._stirred = asyncio.Event()
        session.subscribe(self._heard)

    @property
    def state(self) -> ConnectionState:
        return self._desk.status().state

    @property
    def words(self) -> str:
        """What the line of trouble says."""
        return problem_text(self._desk.status())

    async def until(self, fact: Callable[[], object]) -> float:
        """The seconds until it holds. Raises TimeoutError where it never does."""
        begin = time.perf_counter()
        async with asyncio.timeout(PATIENCE):
            while not fact():
                self._stirred.clear()
                await self._stirred.wait()
        return time.perf_counter() - begin

    def _heard(self, update: Update) -> None:
        self._stirred.set()


class Authority:
    """Certificates, of which only some are good."""

    def __init__(self) -> None:
        self._ours, self._theirs = trustme.CA(), trustme.CA()

    def write(self, path: Path) -> Path:
        """What to believe, as a file."""
        self._ours.cert_pem.write_to_path(str(path))
        return path

    def show(self, context: ssl.SSLContext, what: str = "good") -> None:
        """Show another certificate from now on."""
        past = datetime(2020, 1, 1, tzinfo=UTC)
        names = ("elsewhere.example",) if what == "other" else ("127.0.0.1", "localhost")
        times: dict[str, Any] = {"not_before": past, "not_after": past + timedelta(1)} if what == "expired" else {}
        issuer = self._theirs if what == "unknown" else self._ours
        issuer.issue_cert(*names, **times).configure_cert(context)


@asynccontextmanager
async def fault_server(authority: Authority | None = None) -> AsyncIterator[FaultServer]:
    """A server on a port of its own; over TLS with an `authority`."""
    context = None
    if authority is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # Each connection shows its certificate anew.
        context.options |= ssl.OP_NO_TICKET
        authority.show(context)
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
        interval=INTERVAL,
        ca_file=ca_file,
    )


@asynccontextmanager
async def polling(target: Target, timeouts: tuple[float, float] = SHORT) -> AsyncIterator[tuple[Session, Watcher]]:
    """A session that polls with these timeouts, of silence and in all, and waits as long as it may after failures."""
    before = transport.TOTAL_TIMEOUT_S
    silence, transport.TOTAL_TIMEOUT_S = timeouts
    target = replace(target, timeout=silence)
    try:
        async with Session(target, chance=lambda: 1.0) as session:
            watcher = Watcher(session)
            task = asyncio.create_task(session.run())
            try:
                yield session, watcher
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
    finally:
        transport.TOTAL_TIMEOUT_S = before


async def suffer(fault: Fault, folder: Path) -> Suffered:
    """Let a session suffer from a fault, and recover."""
    authority = Authority() if fault.is_tls else None
    ca_file = authority.write(folder / "ca.pem") if authority is not None else None
    target = partial(target_of, ca_file=ca_file)
    timeouts = SHORT if fault.is_slow else LONG
    async with fault_server(authority) as server, polling(target(fault.url or server.url), timeouts) as watched:
        session, watcher = watched
        if not fault.url:
            await watcher.until(lambda: watcher.state is ConnectionState.LIVE)
        before = start_of_peak()
        await begin(server, fault, authority)
        asked = len(server.requests)
        if fault.is_harmless:
            await watcher.until(lambda: len(server.requests) > asked + 6 and (not fault.words or watcher.words))
        else:
            await watcher.until(lambda: session.connection.failures >= 2)
        state, words, peak = watcher.state, watcher.words, peak_mib() - before
        seconds = None if fault.url else await recover(server, authority, watcher)
        return Suffered(state, words, seconds, peak, len(session.index.runs), len(session.checkpoints))


async def begin(server: FaultServer, fault: Fault, authority: Authority | None) -> None:
    """From now on, misbehave; what was connected is not."""
    server.fault = fault
    if authority is not None or not fault.serving:
        await server.close()
    if authority is not None and server.tls is not None:
        plain = fault.certificate == "none"
        if not plain:
            authority.show(server.tls, fault.certificate)
        context, server.tls = server.tls, None if plain else server.tls
        await server.open()
        server.tls = context


async def recover(server: FaultServer, authority: Authority | None, watcher: Watcher) -> float:
    """All is well again: the seconds until the session finds out."""
    fault, server.fault = server.fault, None
    if fault is not None and (fault.is_tls or not fault.serving):
        await server.close()
        if authority is not None and server.tls is not None:
            authority.show(server.tls)
        await server.open()
    return await watcher.until(lambda: watcher.state is ConnectionState.LIVE and not watcher.words)


def start_of_peak() -> float:
    """Forget what this process held at most, and tell what it holds: in MiB; 0 where the system does not tell."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _told("VmRSS")


def peak_mib() -> float:
    """What this process held at most, in MiB."""
    return _told("VmHWM")


def _told(name: str) -> float:
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(name)), 0.0)
