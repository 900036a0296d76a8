"""Identical reads share one call to the upstream: while it is under way, and for some seconds after it was answered.

Identical is what the upstream would see: path, query, credential and all headers but a few, listed by name, that say
nothing of who asks. Only *first pages* are shared: cursors may be offsets (API §7), and a page that is older than the
one that led to it would leave out the events between the two. Whoever sends Cache-Control begins a call of their own
(RFC 9111 §5.2.1).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import blake2b
from math import ceil
from operator import itemgetter
from urllib.parse import parse_qsl

from starlette.responses import Response

from scaicore_tui.clock import Clock
from scaicore_tui.proxy import problems
from scaicore_tui.proxy.calls import Call
from scaicore_tui.proxy.forward import Whole
from scaicore_tui.proxy.headers import RawHeaders, tells_the_way
from scaicore_tui.proxy.writes import Writes
from scaicore_tui.wire.headers import kept_for

MOST_KEPT = 256
MOST_BYTES = 64 * 1024 * 1024
# Calls under way at the same time, and the bytes of each answer: what is more is asked for by each for themselves.
MOST_FLIGHTS = 64
MOST_ANSWER = 4 * 1024 * 1024
# A call that others join has an end, however slowly its answer drips.
FLIGHT_SECONDS = 60.0

_ANEW = frozenset((b"cache-control", b"pragma"))
# With any of these directives an answer is not for the next one (RFC 9111 §5.2.2).
_NOT_KEPT = frozenset((b"no-store", b"no-cache", b"max-age=0", b"s-maxage=0"))

Ask = Callable[[], Awaitable[Whole | None]]


@dataclass(frozen=True)
class _Kept:
    """An answer, when it was asked for, and until when it is kept, on the monotonic clock."""

    whole: Whole
    begun: float
    until: float


class Coalescer:
    """The calls under way and the answers kept, of one process; answers for `seconds`, in memory only. With 0, none.

    After a write, by whichever process, whoever asks asks the upstream, and what is under way is kept by nobody.
    """

    def __init__(self, seconds: float, clock: Clock, writes: Writes) -> None:
        self._seconds = seconds
        self._clock = clock
        self._writes = writes
        self._heeded = writes.latest
        # Digests that tell nothing to whoever sees them: credentials are in what they are made of.
        self._salt = os.urandom(32)
        self._flights: dict[bytes, asyncio.Task[Whole | None]] = {}
        self._kept: dict[bytes, _Kept] = {}
        self._tasks: set[asyncio.Task[Whole | None]] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Coalescer]:
        """Calls that are still under way at the end are given up."""
        try:
            yield self
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def read(self, call: Call, query: bytes, headers: RawHeaders, ask: Ask) -> tuple[Response | None, bool]:
        """The answer, and whether another request had asked for it; None where each has to ask for themselves.

        Raises Problem, the same for all that share the call.
        """
        if not self._seconds or not _is_shareable(call, query):
            return None, False
        key = self._key(call, query, headers)
        is_anew = any(name in _ANEW for name, _ in headers)
        self._forget()
        if not is_anew and key in self._kept:
            kept = self._kept[key]
            return _told(kept.whole, self._clock.monotonic() - kept.begun), True
        flight = None if is_anew else self._flights.get(key)
        if flight is None and len(self._tasks) >= MOST_FLIGHTS:
            return None, False
        whole = await asyncio.shield(flight or self._begin(key, ask))
        return (None, False) if whole is None else (_told(whole), flight is not None)

    def _begin(self, key: bytes, ask: Ask) -> asyncio.Task[Whole | None]:
        """A call of its own, that goes on if whoever began it goes away."""
        begun = self._clock.monotonic()
        flight = self._flights[key] = asyncio.create_task(_bounded(ask))
        self._tasks.add(flight)
        flight.add_done_callback(lambda done: self._land(key, begun, done))
        return flight

    def _land(self, key: bytes, begun: float, flight: asyncio.Task[Whole | None]) -> None:
        self._tasks.discard(flight)
        whole = None if flight.cancelled() or flight.exception() else flight.result()
        self._forget()
        # It may have been forgotten, or begun anew.
        if self._flights.get(key) is flight:
            del self._flights[key]
            if whole is not None and _may_keep(whole):
                self._keep(key, _Kept(whole, begun, self._clock.monotonic() + self._seconds))

    def _keep(self, key: bytes, kept: _Kept) -> None:
        # The newest is the last.
        self._kept.pop(key, None)
        self._kept[key] = kept
        while len(self._kept) > MOST_KEPT or sum(len(one.whole.body) for one in self._kept.values()) > MOST_BYTES:
            del self._kept[next(iter(self._kept))]

    def _forget(self) -> None:
        """What was written over, and what is old."""
        now, latest = self._clock.monotonic(), self._writes.latest
        if latest != self._heeded:
            self._heeded = latest
            self._flights.clear()
            self._kept.clear()
        self._kept = {key: kept for key, kept in self._kept.items() if kept.until > now}

    def _key(self, call: Call, query: bytes, headers: RawHeaders) -> bytes:
        kept = [(name, value) for name, value in headers if not _is_unseen(name)]
        told = repr((call.method, call.path, query, sorted(kept, key=itemgetter(0))))
        return blake2b(told.encode(), key=self._salt).digest()


async def _bounded(ask: Ask) -> Whole | None:
    try:
        async with asyncio.timeout(FLIGHT_SECONDS):
            return await ask()
    except TimeoutError:
        raise problems.timed_out(FLIGHT_SECONDS, "try again") from None


def _is_shareable(call: Call, query: bytes) -> bool:
    names = {name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True)}
    return not call.is_write and "cursor" not in names


def _is_unseen(name: bytes) -> bool:
    return name in _ANEW or tells_the_way(name)


def _may_keep(whole: Whole) -> bool:
    """Only what went well: an error is told to those who wait for it, and asked about again by the next."""
    names = {name for name, _ in whole.headers}
    return whole.status == 200 and b"set-cookie" not in names and not _directives(whole) & _NOT_KEPT


def _directives(whole: Whole) -> set[bytes]:
    """What an answer says of being kept: each directive of each of its Cache-Control headers (RFC 9110 §5.2)."""
    values = b",".join(value for name, value in whole.headers if name == b"cache-control")
    return {member.strip().replace(b'"', b"").lower() for member in values.split(b",")}


def _told(whole: Whole, age: float | None = None) -> Response:
    """The answer as it came; with its age in whole seconds, rounded up, where it was kept (RFC 9111 §4.2.3).

    That is one header: what caches before us said of its age is in it.
    """
    response = Response(whole.body, whole.status)
    response.raw_headers = [pair for pair in whole.headers if age is None or pair[0] != b"age"]
    if whole.body and not any(name == b"content-length" for name, _ in whole.headers):
        response.raw_headers.append((b"content-length", b"%d" % len(whole.body)))
    if age is not None:
        before = ",".join(value.decode("latin-1") for name, value in whole.headers if name == b"age")
        response.raw_headers.append((b"age", b"%d" % ceil(age + kept_for({"Age": before}))))
    return response
