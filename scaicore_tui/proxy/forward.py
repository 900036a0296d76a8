"""Passes one call to the upstream and its answer back, byte for byte. Sends once: nothing is retried, no redirect is
followed, no cookie is kept."""

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

from scaicore_tui.proxy import problems
from scaicore_tui.proxy.calls import Call
from scaicore_tui.proxy.config import ProxyConfig
from scaicore_tui.proxy.headers import RawHeaders, end_to_end

CONNECT_SECONDS = 5.0
# Shorter than servers keep idle connections, so that no request is written to one that is just being closed.
IDLE_SECONDS = 2.0
# Those of whole answers (RFC 9110 §15).
_STATUSES = range(200, 600)

# httpcore looks for it several times in each request, which takes a tenth of all its work where it is not there.
if find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment]

_log = logging.getLogger(__name__)


@asynccontextmanager
async def open_http(context: ssl.SSLContext | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """The one pool of connections. No proxy of the environment is asked: only the configured hosts are contacted.

    The `context` is that of connections with TLS; without one there are none.
    """
    limits = httpx.Limits(max_connections=None, keepalive_expiry=IDLE_SECONDS)
    verify = context or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    transport = httpx.AsyncHTTPTransport(verify=verify, limits=limits, retries=0)
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    async with httpx.AsyncClient(transport=transport, cookies=no_cookies, trust_env=False) as http:
        yield http


@dataclass(frozen=True)
class Whole:
    """An answer that was read to its end."""

    status: int
    headers: RawHeaders
    body: bytes


class Forwarder:
    """The way to one ScaiGrid."""

    def __init__(self, config: ProxyConfig, http: httpx.AsyncClient) -> None:
        self._http = http
        self._config = config
        self._prefix = httpx.URL(config.upstream).raw_path.rstrip(b"/") + b"/v1/modules/scaicore"

    async def send(self, call: Call, query: bytes, headers: RawHeaders, body: bytes) -> Relay:
        """The upstream's answer, its body not yet read. Raises Problem: 400, 502, 504."""
        return Relay(await self._open(call, query, headers, body))

    async def read(self, call: Call, query: bytes, headers: RawHeaders, most: int) -> Whole | None:
        """The upstream's answer, read to its end; None where that has more than `most` bytes. Raises Problem."""
        answer = await self._open(call, query, headers, b"")
        body = bytearray()
        try:
            async for part in answer.aiter_raw():
                body += part
                if len(body) > most:
                    return None
        except httpx.HTTPError as error:
            raise _problem(error, call, self._seconds(call)) from None
        finally:
            await answer.aclose()
        return Whole(answer.status_code, end_to_end(answer.headers.raw), bytes(body))

    async def _open(self, call: Call, query: bytes, headers: RawHeaders, body: bytes) -> httpx.Response:
        seconds = self._seconds(call)
        target = self._prefix + call.path + (b"?" + query if query else b"")
        timeout = httpx.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS)).as_dict()
        # Made by hand: the client would add headers of its own, and a URL would be normalised.
        request = httpx.Request(
            call.method,
            self._config.upstream,
            headers=headers,
            content=body,
            extensions={"target": target, "timeout": timeout},
        )
        try:
            answer = await self._http.send(request, stream=True)
        except httpx.HTTPError as error:
            raise _problem(error, call, seconds) from None
        except OSError as error:
            # Not of a connection: libraries load some of their parts when they are first needed.
            if not _has_no_descriptors(error):
                raise
            raise _overloaded() from None
        if answer.status_code not in _STATUSES:
            await answer.aclose()
            raise _problem(httpx.RemoteProtocolError("no status of HTTP"), call, seconds)
        return answer

    def _seconds(self, call: Call) -> float:
        # A write is waited for long: giving up on it means not to know what it did.
        return self._config.invoke_timeout if call.is_write else self._config.read_timeout


class Relay(StreamingResponse):
    """An answer that passes while it arrives. Closed when it ended, failed, or the caller went away."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__(answer.aiter_raw(), answer.status_code)
        self.raw_headers = end_to_end(answer.headers.raw)
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except httpx.HTTPError as error:
            # Left without a last chunk, so that the caller sees a cut answer too, and no whole one.
            _log.warning("the upstream's answer was cut short: %s", type(error).__name__)
        finally:
            await self._answer.aclose()


def _problem(error: httpx.HTTPError, call: Call, seconds: float) -> problems.Problem:
    if isinstance(error, httpx.LocalProtocolError):
        return problems.bad_request()
    if _has_no_descriptors(error):
        return _overloaded()
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return problems.unreachable("ScaiGrid cannot be reached", "nothing was sent: try again when it is back")
    fix = problems.MAY_HAVE_HAPPENED if call.is_write else "try again"
    if isinstance(error, httpx.TimeoutException):
        return problems.timed_out(seconds, fix)
    return problems.unreachable("ScaiGrid broke the connection without a whole answer", fix)


def _overloaded() -> problems.Problem:
    _log.warning("no file descriptor is left for a call to ScaiGrid: raise the limit, or lower --connections")
    return problems.overloaded()


def _has_no_descriptors(error: BaseException | None) -> bool:
    """Whether it was this machine that had none left; a connection tried at several addresses fails as a group."""
    while error is not None:
        if isinstance(error, BaseExceptionGroup):
            return any(map(_has_no_descriptors, error.exceptions))
        if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
            return True
        error = error.__cause__ or error.__context__
    return False
