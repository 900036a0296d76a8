"""HTTP transport of the client: limits on time and size, and mapping of failures to errors.

A read may be repeated; a write may not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit

from scaicore_tui.api import response_body
from scaicore_tui.api._httpx import httpx
from scaicore_tui.api.explain import Explanation, explain
from scaicore_tui.config import Target
from scaicore_tui.config.network import network_options
from scaicore_tui.config.proxies import proxy_label
from scaicore_tui.errors import OutcomeUnknown, ScaicoreError, Unreachable
from scaicore_tui.protocol import read_problem
from scaicore_tui.secrets import Secret


class OfflineTransport(httpx.AsyncBaseTransport):
    """Transport of offline mode: rejects every request."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises: Unreachable, always; nothing was sent."""
        raise Unreachable("offline: this is a journal, no server is contacted", effect="nothing was sent")


# Longest time without a received byte.
WRITE_TIMEOUT_S = 30.0
INVOKE_TIMEOUT_S = 330.0
CONNECT_TIMEOUT_S = 5.0
# Idle connections that are kept open: for events, checkpoints, background reads, and a write.
MAX_IDLE_CONNECTIONS = 4
# Limit for a whole read, and for the rest of a write's response after its timeout.
TOTAL_TIMEOUT_S = 60.0

T = TypeVar("T")

# Called with the status and headers of every response; returns the server's time in Unix seconds.
OnResponse = Callable[[int, Mapping[str, str]], float]

# Errors that prove that the request was not sent.
_UNSENT_ERRORS = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)
# All errors that a request raises. A TLS failure in mid-stream is a plain OSError.
_REQUEST_ERRORS = (httpx.HTTPError, httpx.InvalidURL, response_body.BodyError, OSError)
# Errors of sending on a pooled connection that the server has just closed.
_STALE_CONNECTION_ERRORS = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)


class PageTooLarge(Unreachable):
    """The response exceeds the size limit; a page with fewer rows may fit."""


class StaleConnection(Unreachable):
    """A pooled connection was already closed; the server has not read the request."""


def open_http(target: Target, transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """Return a connection pool for one target: no redirects, no cookies, no environment proxy for loopback.

    Raises: ConfigError if the environment's proxy or certificates, or the target's `ca_file`, cannot be used.
    """
    options = network_options(target.url, target.ca_file)
    if transport is not None:
        options["proxy"] = None
    return httpx.AsyncClient(
        transport=transport,
        headers={"Accept": "application/json", "Accept-Encoding": response_body.ACCEPTED_ENCODING},
        # A load balancer may set a new cookie with each response; they would accumulate and all be sent.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        timeout=httpx.Timeout(target.timeout, connect=min(target.timeout, CONNECT_TIMEOUT_S)),
        limits=httpx.Limits(max_keepalive_connections=MAX_IDLE_CONNECTIONS),
        **options,
    )


def set_bearer(http: httpx.AsyncClient, token: Secret | None) -> None:
    """Send `token` with every later request; None changes nothing."""
    if token is not None:
        http.headers["Authorization"] = f"Bearer {token.reveal()}"


async def get(
    http: httpx.AsyncClient,
    url: str,
    params: dict[str, Any],
    on_response: OnResponse,
    read: Callable[[httpx.Response], Awaitable[T]],
    *,
    no_cache: bool = False,
) -> T:
    """GET `url` and return the body as read by `read`. `no_cache` asks caches on the way for a fresh response.

    Raises: the error of the response or of the connection; StaleConnection if the request may be repeated at once;
    PageTooLarge if a smaller page may fit.
    """
    trace, fresh = ConnectionTrace(), {"Cache-Control": "no-cache"} if no_cache else None
    try:
        request = http.build_request("GET", url, params=params, headers=fresh, extensions={"trace": trace.trace})
    except (httpx.InvalidURL, UnicodeEncodeError) as error:
        # A cursor is any JSON string, also one that no URL can hold.
        raise Unreachable(f"{http_host(url)} returned a cursor that no URL can hold") from error
    try:
        async with asyncio.timeout(TOTAL_TIMEOUT_S):
            response = await http.send(request, stream=True)
            try:
                return await _read_success(response, on_response(response.status_code, response.headers), read)
            finally:
                await response.aclose()
    except TimeoutError as error:
        raise _unreachable(url, Explanation(f"its answer takes longer than {TOTAL_TIMEOUT_S:.0f} s")) from error
    except _REQUEST_ERRORS as error:
        _raise_unreachable(
            url,
            error,
            StaleConnection if trace.is_reused and isinstance(error, _STALE_CONNECTION_ERRORS) else Unreachable,
        )


async def post(
    http: httpx.AsyncClient,
    url: str,
    body: bytes,
    timeout: float,  # noqa: ASYNC109
    on_response: OnResponse,
) -> bytes:
    """POST JSON, once, and return the body of a successful response. Never repeated.

    Raises: Unreachable if the request was not sent; OutcomeUnknown if it may have been sent but no usable response
    came; the error of the response if the server rejected it.
    """
    kind, waits = {"Content-Type": "application/json"}, httpx.Timeout(timeout, connect=CONNECT_TIMEOUT_S)
    try:
        request = http.build_request("POST", url, content=body, headers=kind, timeout=waits)
        async with asyncio.timeout(timeout + TOTAL_TIMEOUT_S):
            response = await http.send(request, stream=True)
            try:
                return await _write_body(response, on_response(response.status_code, response.headers))
            finally:
                await response.aclose()
    except _UNSENT_ERRORS as error:
        unsent = _unreachable(
            url, explain(error), effect="nothing was sent", hint="press again when the connection is back"
        )
        unsent.is_unsent = True
        raise unsent from error
    except TimeoutError as error:
        raise _outcome_unknown("sent, but its answer does not end") from error
    except _REQUEST_ERRORS as error:
        raise _outcome_unknown(f"sent, but no answer came: {explain(error).message}") from error


def http_host(url: str) -> str:
    """Return host and port of `url` for display, without user and password."""
    return urlsplit(url).netloc.rpartition("@")[2]


class ConnectionTrace:
    """Records if one request reused a pooled connection."""

    def __init__(self) -> None:
        self.is_reused = True

    async def trace(self, name: str, info: object) -> None:
        """Callback for httpcore's trace events."""
        self.is_reused = self.is_reused and name != "connection.connect_tcp.started"


async def _read_success(response: httpx.Response, now: float, read: Callable[[httpx.Response], Awaitable[T]]) -> T:
    if response.is_success:
        return await read(response)
    if response.has_redirect_location:
        raise Unreachable(_redirect_message(response), hint="check the URL", status=response.status_code)
    raise await _error_response(response, now)


async def _write_body(response: httpx.Response, now: float) -> bytes:
    """Return the body of a write's response. Raises: OutcomeUnknown if the response does not tell the result."""
    # A gateway may answer 502 to a write that arrived, and a Core 503 after a part of the work. So no server error
    # proves that nothing was done.
    if response.is_server_error:
        refusal = await _error_response(response, now)
        raise _outcome_unknown(f"sent, but the result is unknown: {refusal.message}", refusal)
    if response.is_redirect:
        raise _outcome_unknown(f"sent, but the result is unknown: {_redirect_message(response)}")
    return await _read_success(response, now, response_body.read_body)


def _redirect_message(response: httpx.Response) -> str:
    """Return the message for a redirect, which is not followed: that would send the token elsewhere."""
    try:
        where = http_host(response.headers.get("Location", "")) or "another path"
    except ValueError:
        where = "nowhere"
    return f"it redirects to {where[:80]}, which is not followed: the token goes nowhere else [{response.status_code}]"


async def _error_response(response: httpx.Response, now: float) -> ScaicoreError:
    body = await response_body.read_problem_body(response)
    return read_problem(response.status_code, response.headers, body, now).to_error()


def _raise_unreachable(url: str, error: Exception, kind: type[Unreachable]) -> NoReturn:
    if isinstance(error, response_body.BodyError):
        kind = PageTooLarge if isinstance(error, response_body.BodyTooLarge) else Unreachable
        raise kind(f"the response of {http_host(url)} cannot be read: {error}") from error
    raise _unreachable(url, explain(error), kind) from error


def _unreachable(
    url: str,
    cause: Explanation,
    kind: type[Unreachable] = Unreachable,
    *,
    effect: str = "",
    hint: str = "",
) -> Unreachable:
    proxy = proxy_label(url)
    through = f" through the proxy {proxy}" if proxy else ""
    return kind(f"cannot reach {http_host(url)}{through}: {cause.message}", effect=effect, hint=hint or cause.hint)


def _outcome_unknown(message: str, refusal: ScaicoreError | None = None) -> OutcomeUnknown:
    return OutcomeUnknown(
        message,
        effect="it is not sent again",
        hint="looking it up",
        request_id=refusal.request_id if refusal else None,
        status=refusal.status if refusal else None,
    )
