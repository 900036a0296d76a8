"""Passes a request to the upstream and its response back, byte for byte.

Each request is sent once: nothing is retried, no redirect is followed, no cookie is kept.
"""

from __future__ import annotations

import errno
import logging
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib.util import find_spec

import httpx
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from scaicore_tui.servers.proxy import problems, request_info
from scaicore_tui.servers.proxy.config import ProxyConfig
from scaicore_tui.servers.proxy.request import ApiRoute, RawHeaders, end_to_end

CONNECT_TIMEOUT_S = 5.0
# Shorter than servers keep idle connections open, so that no request is sent on one that is just being closed.
KEEPALIVE_S = 2.0
# Statuses of final responses (RFC 9110 §15).
_FINAL_STATUSES = range(200, 600)

# httpcore tries to import sniffio several times per request; if it is missing, that takes a tenth of the whole time.
if find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment]

_log = logging.getLogger(__name__)


@asynccontextmanager
async def open_http(context: ssl.SSLContext | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """Open the pool of upstream connections. Proxies of the environment are ignored: only the configured hosts are
    contacted.

    `context` is for connections with TLS; None if no URL needs it.
    """
    limits = httpx.Limits(max_connections=None, keepalive_expiry=KEEPALIVE_S)
    verify = context or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    transport = httpx.AsyncHTTPTransport(verify=verify, limits=limits, retries=0)
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    async with httpx.AsyncClient(transport=transport, cookies=no_cookies, trust_env=False) as http:
        yield http


@dataclass(frozen=True)
class BufferedResponse:
    """A response that was read completely."""

    status: int
    headers: RawHeaders
    body: bytes


class Forwarder:
    """Sends requests to one ScaiGrid."""

    def __init__(self, config: ProxyConfig, http: httpx.AsyncClient) -> None:
        self._http = http
        self._config = config
        self._prefix = httpx.URL(config.upstream).raw_path.rstrip(b"/")

    async def send(self, route: ApiRoute, query: bytes, headers: RawHeaders, body: bytes) -> StreamedResponse:
        """Return the upstream's response, with its body still to be read. Raises ProxyProblem 400, 502, 503 or 504."""
        return StreamedResponse(await self._open(route, query, headers, body))

    async def read(self, route: ApiRoute, query: bytes, headers: RawHeaders, max_bytes: int) -> BufferedResponse | None:
        """Return the upstream's complete response; None if its body has more than `max_bytes`. Raises ProxyProblem."""
        response = await self._open(route, query, headers, b"")
        body = bytearray()
        try:
            async for part in response.aiter_raw():
                body += part
                if len(body) > max_bytes:
                    return None
        except httpx.HTTPError as error:
            raise _to_problem(error, route, self._timeout_s(route)) from None
        finally:
            await response.aclose()
        return BufferedResponse(response.status_code, end_to_end(response.headers.raw), bytes(body))

    async def _open(self, route: ApiRoute, query: bytes, headers: RawHeaders, body: bytes) -> httpx.Response:
        timeout_s = self._timeout_s(route)
        target = self._prefix + route.upstream_prefix + route.path + (b"?" + query if query else b"")
        timeout = httpx.Timeout(timeout_s, connect=min(timeout_s, CONNECT_TIMEOUT_S)).as_dict()
        # Built by hand: the client would add headers, and would normalise the URL.
        request = httpx.Request(
            route.method,
            self._config.upstream,
            headers=headers,
            content=body,
            extensions={"target": target, "timeout": timeout},
        )
        try:
            response = await self._http.send(request, stream=True)
        except httpx.HTTPError as error:
            raise _to_problem(error, route, timeout_s) from None
        except OSError as error:
            # Not from a connection: libraries load some of their modules when they are first needed.
            if not _has_no_descriptors(error):
                raise
            raise _overloaded() from None
        if response.status_code not in _FINAL_STATUSES:
            await response.aclose()
            raise _to_problem(httpx.RemoteProtocolError("not an HTTP status"), route, timeout_s)
        return response

    def _timeout_s(self, route: ApiRoute) -> float:
        # A write gets a long timeout: after a timeout, its outcome is unknown.
        return self._config.invoke_timeout if route.is_write else self._config.read_timeout


class StreamedResponse(StreamingResponse):
    """A response that is passed on while it arrives. Closed when it ends or fails, or when the client disconnects."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__(response.aiter_raw(), response.status_code)
        self.raw_headers = end_to_end(response.headers.raw)
        self._response = response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except httpx.HTTPError as error:
            # The last chunk is missing, so that the client, too, sees an incomplete response.
            _log.warning("the upstream's response was incomplete: %s", type(error).__name__)
            request_info.get(scope).upstream_failures += 1
        finally:
            await self._response.aclose()


def _to_problem(error: httpx.HTTPError, route: ApiRoute, timeout_s: float) -> problems.ProxyProblem:
    if isinstance(error, httpx.LocalProtocolError):
        return problems.bad_request()
    if _has_no_descriptors(error):
        return _overloaded()
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return problems.unreachable("ScaiGrid cannot be reached", "nothing was sent; try again when it is back")
    fix = problems.OUTCOME_UNKNOWN_HINT if route.is_write else "try again"
    if isinstance(error, httpx.TimeoutException):
        return problems.timed_out(timeout_s, fix)
    return problems.unreachable("ScaiGrid closed the connection before its response was complete", fix)


def _overloaded() -> problems.ProxyProblem:
    _log.warning(
        "no file descriptor is left for a call to ScaiGrid: raise the limit of open files, or lower --connections"
    )
    return problems.overloaded()


def _has_no_descriptors(error: BaseException | None) -> bool:
    """Return true if this machine had no file descriptor left.

    A connection that was tried at several addresses fails as a group of errors.
    """
    while error is not None:
        if isinstance(error, BaseExceptionGroup):
            return any(map(_has_no_descriptors, error.exceptions))
        if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
            return True
        error = error.__cause__ or error.__context__
    return False
