"""Lets identical reads share one upstream call: while the call is in flight, and for some seconds after its response.

Two reads are identical if the upstream would see the same request: path, query, credential and all headers, except a
few listed ones that say nothing about the caller. Only *first pages* are shared: cursors may be offsets (API §7), and a
page older than the one that led to it would skip the events between the two. A request with Cache-Control always makes
a call of its own (RFC 9111 §5.2.1).
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
from typing import NamedTuple
from urllib.parse import parse_qsl

from cachetools import TTLCache
from starlette.responses import Response

from scaicore_tui.clock import Clock
from scaicore_tui.protocol.headers import cached_age
from scaicore_tui.servers.proxy import problems
from scaicore_tui.servers.proxy.forward import BufferedResponse
from scaicore_tui.servers.proxy.request import ApiRoute, RawHeaders, is_routing_header

# The response that was unused for the longest time is dropped first.
MAX_CACHED_RESPONSES = 256
MAX_CACHED_BYTES = 64 * 1024 * 1024
# Requests beyond this number of calls, and responses larger than this, are not shared.
MAX_IN_FLIGHT = 64
MAX_RESPONSE_BYTES = 4 * 1024 * 1024
# A shared call ends after this time, however slowly its response arrives.
MAX_FETCH_S = 60.0

_REVALIDATION_HEADERS = frozenset((b"cache-control", b"pragma"))
# A response with any of these directives may not be reused (RFC 9111 §5.2.2).
_UNCACHEABLE_DIRECTIVES = frozenset((b"no-store", b"no-cache", b"max-age=0", b"s-maxage=0"))

Fetch = Callable[[], Awaitable[BufferedResponse | None]]


class SharedRead(NamedTuple):
    """`response` is None if the request must be sent separately. `is_shared`: it was fetched for another request."""

    response: Response | None
    is_shared: bool


@dataclass(frozen=True)
class _CachedResponse:
    """A response, and when it was requested, in seconds of the monotonic clock."""

    response: BufferedResponse
    requested_at: float


class Coalescer:
    """The calls in flight and the cached responses of one process, in memory only.

    Responses are kept for `seconds`; 0 turns sharing off.
    """

    def __init__(self, seconds: float, clock: Clock) -> None:
        self._seconds = seconds
        self._clock = clock
        # The keys contain credentials: as salted digests they reveal nothing.
        self._salt = os.urandom(32)
        self._in_flight: dict[bytes, asyncio.Task[BufferedResponse | None]] = {}
        self._cache: TTLCache[bytes, _CachedResponse] = TTLCache(MAX_CACHED_BYTES, seconds, clock.monotonic, _size)
        self._tasks: set[asyncio.Task[BufferedResponse | None]] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Coalescer]:
        """Cancel the calls that are still in flight when the context is left."""
        try:
            yield self
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def read(self, route: ApiRoute, query: bytes, headers: RawHeaders, fetch: Fetch) -> SharedRead:
        """Return the response to a read, shared if possible; `fetch` calls the upstream.

        Raises ProxyProblem, the same for all requests that share the call.
        """
        if not self._seconds or not _is_shareable(route, query):
            return SharedRead(None, is_shared=False)
        key = self._key(route, query, headers)
        must_revalidate = any(name in _REVALIDATION_HEADERS for name, _ in headers)
        self._cache.expire()
        if not must_revalidate and (cached := self._cache.get(key)) is not None:
            age_s = self._clock.monotonic() - cached.requested_at
            return SharedRead(_to_response(cached.response, age_s), is_shared=True)
        in_flight = None if must_revalidate else self._in_flight.get(key)
        if in_flight is None and len(self._tasks) >= MAX_IN_FLIGHT:
            return SharedRead(None, is_shared=False)
        response = await asyncio.shield(in_flight or self._start(key, fetch))
        if response is None:
            return SharedRead(None, is_shared=False)
        return SharedRead(_to_response(response), is_shared=in_flight is not None)

    def on_write(self) -> None:
        """Drop the cached responses, and share no longer the calls in flight: all are older than the write."""
        self._in_flight.clear()
        self._cache.clear()

    def _start(self, key: bytes, fetch: Fetch) -> asyncio.Task[BufferedResponse | None]:
        """Start a call. It continues if the request that started it is cancelled."""
        requested_at = self._clock.monotonic()
        task = self._in_flight[key] = asyncio.create_task(_fetch_in_time(fetch))
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._on_done(key, requested_at, done))
        return task

    def _on_done(self, key: bytes, requested_at: float, task: asyncio.Task[BufferedResponse | None]) -> None:
        self._tasks.discard(task)
        response = None if task.cancelled() or task.exception() else task.result()
        # A write may have dropped the call, or a newer call may have replaced it.
        if self._in_flight.get(key) is task:
            del self._in_flight[key]
            if response is not None and _is_cacheable(response):
                self._cache[key] = _CachedResponse(response, requested_at)

    def _key(self, route: ApiRoute, query: bytes, headers: RawHeaders) -> bytes:
        compared = [(name, value) for name, value in headers if not _is_ignored(name)]
        identity = repr((route.method, route.path, query, sorted(compared, key=itemgetter(0))))
        return blake2b(identity.encode(), key=self._salt).digest()


def _size(cached: _CachedResponse) -> int:
    """Return the bytes that a response counts: at least so many that only MAX_CACHED_RESPONSES fit."""
    return max(len(cached.response.body), MAX_CACHED_BYTES // MAX_CACHED_RESPONSES)


async def _fetch_in_time(fetch: Fetch) -> BufferedResponse | None:
    try:
        async with asyncio.timeout(MAX_FETCH_S):
            return await fetch()
    except TimeoutError:
        raise problems.timed_out(MAX_FETCH_S, "try again") from None


def _is_shareable(route: ApiRoute, query: bytes) -> bool:
    names = {name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True)}
    return not route.is_write and "cursor" not in names


def _is_ignored(name: bytes) -> bool:
    return name in _REVALIDATION_HEADERS or is_routing_header(name)


def _is_cacheable(response: BufferedResponse) -> bool:
    """Return true for a success that may be reused. An error goes only to the requests that already wait for it."""
    names = {name for name, _ in response.headers}
    is_reusable = b"set-cookie" not in names and not _cache_directives(response) & _UNCACHEABLE_DIRECTIVES
    return response.status == 200 and is_reusable


def _cache_directives(response: BufferedResponse) -> set[bytes]:
    """Return the directives of all Cache-Control headers of a response (RFC 9110 §5.2)."""
    values = b",".join(value for name, value in response.headers if name == b"cache-control")
    return {member.strip().replace(b'"', b"").lower() for member in values.split(b",")}


def _to_response(buffered: BufferedResponse, age_s: float | None = None) -> Response:
    """Return the response as it came. A cached one gets its age in whole seconds, rounded up (RFC 9111 §4.2.3).

    That is a single header, which includes the age reported by caches before this one.
    """
    response = Response(buffered.body, buffered.status)
    response.raw_headers = [pair for pair in buffered.headers if age_s is None or pair[0] != b"age"]
    if buffered.body and not any(name == b"content-length" for name, _ in buffered.headers):
        response.raw_headers.append((b"content-length", b"%d" % len(buffered.body)))
    if age_s is not None:
        earlier = ",".join(value.decode("latin-1") for name, value in buffered.headers if name == b"age")
        response.raw_headers.append((b"age", b"%d" % ceil(age_s + cached_age({"Age": earlier}))))
    return response
