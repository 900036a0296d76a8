"""HTTP for the client: bounds on time and size, and what each way of failing means. A read may be asked again; a write
may not."""

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
    """Refuses everything."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises CannotReach: nothing was sent."""
        raise Unreachable("offline: a journal is shown, nothing is asked of a server", effect="nothing was sent")


# Seconds without a byte.
WRITE_TIMEOUT_S = 30.0
INVOKE_TIMEOUT_S = 330.0
CONNECT_TIMEOUT_S = 5.0
# So many connections are kept open: for events, checkpoints, what is read beside them, and a person's write.
MAX_IDLE_CONNECTIONS = 4
# Seconds for all of a read, however it drips; and so much longer may a write take than its first byte.
TOTAL_TIMEOUT_S = 60.0

T = TypeVar("T")

# Takes the status and the headers of an answer, whatever they mean; returns the time that it is at the server, in Unix
# seconds.
OnResponse = Callable[[int, Mapping[str, str]], float]

# The request can't have been sent when one of these is raised.
_UNSENT_ERRORS = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)
# All that a request raises. TLS that breaks off halfway comes as it is.
_REQUEST_ERRORS = (httpx.HTTPError, httpx.InvalidURL, response_body.BodyError, OSError)
# What comes of sending on a connection that the server has just closed.
_STALE_CONNECTION_ERRORS = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)


class PageTooLarge(Unreachable):
    """The answer is larger than what is read: one with fewer rows may do."""


class StaleConnection(Unreachable):
    """A connection that was kept open proved to be closed: nobody has read the request."""


def open_http(target: Target, transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """A connection pool for one target. It follows no redirect, keeps no cookie, and asks no proxy of the environment
    about loopback.

    Raises ConfigError where the environment's proxy or certificates, or the target's `ca_file`, can't be used.
    """
    options = network_options(target.url, target.ca_file)
    if transport is not None:
        options["proxy"] = None
    return httpx.AsyncClient(
        transport=transport,
        headers={"Accept": "application/json", "Accept-Encoding": response_body.ACCEPTED_ENCODING},
        # A balancer may set another one with each answer: all of them would be kept and sent, as long as we run.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        timeout=httpx.Timeout(target.timeout, connect=min(target.timeout, CONNECT_TIMEOUT_S)),
        limits=httpx.Limits(max_keepalive_connections=MAX_IDLE_CONNECTIONS),
        **options,
    )


def set_bearer(http: httpx.AsyncClient, token: Secret | None) -> None:
    """Send `token` with every request from here on."""
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
    """What `read` makes of the body of a successful GET; `anew`, none that something on the way has kept. Raises the
    error that the answer, or its absence, amounts to; HungUp where it may be asked again at once, PageTooLarge where
    less may be asked for."""
    way, fresh = ConnectionTrace(), {"Cache-Control": "no-cache"} if no_cache else None
    try:
        request = http.build_request("GET", url, params=params, headers=fresh, extensions={"trace": way.trace})
    except (httpx.InvalidURL, UnicodeEncodeError) as error:
        # A cursor may be all that JSON can hold.
        raise Unreachable(f"{http_host(url)} gave a cursor that no URL can hold") from error
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
            StaleConnection if way.is_reused and isinstance(error, _STALE_CONNECTION_ERRORS) else Unreachable,
        )


async def post(
    http: httpx.AsyncClient,
    url: str,
    body: bytes,
    timeout: float,  # noqa: ASYNC109
    on_response: OnResponse,
) -> bytes:
    """The body of a successful POST of JSON, which is sent once and never again.

    Raises CannotReach where it was not sent, OutcomeUnknown where it may have been but no answer came, and the
    answer's own error where it was a no.
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
        unsent = _unreachable(url, explain(error), effect="nothing was sent", hint="press again when it is back")
        unsent.is_unsent = True
        raise unsent from error
    except TimeoutError as error:
        raise _outcome_unknown("sent, but its answer does not end") from error
    except _REQUEST_ERRORS as error:
        raise _outcome_unknown(f"sent, but no answer came: {explain(error).message}") from error


def http_host(url: str) -> str:
    """Host and port of a URL, for people."""
    return urlsplit(url).netloc.rpartition("@")[2]


class ConnectionTrace:
    """Tells of one request whether it went over a connection that was kept open."""

    def __init__(self) -> None:
        self.is_reused = True

    async def trace(self, name: str, info: object) -> None:
        """What httpcore tells while it works."""
        self.is_reused = self.is_reused and name != "connection.connect_tcp.started"


async def _read_success(response: httpx.Response, now: float, read: Callable[[httpx.Response], Awaitable[T]]) -> T:
    if response.is_success:
        return await read(response)
    if response.has_redirect_location:
        raise Unreachable(_redirect_message(response), hint="check the URL", status=response.status_code)
    raise await _error_response(response, now)


async def _write_body(response: httpx.Response, now: float) -> bytes:
    """The same for a write: some answers do not say what was done."""
    # A gateway says 502 of a write that arrived, a Core 503 of a model that it missed halfway, and whoever sees other
    # says what was done elsewhere.
    if response.is_server_error:
        refusal = await _error_response(response, now)
        raise _outcome_unknown(f"sent, but what came of it was not told: {refusal.message}", refusal)
    if response.is_redirect:
        raise _outcome_unknown(f"sent, but what came of it was not told: {_redirect_message(response)}")
    return await _read_success(response, now, response_body.read_body)


def _redirect_message(response: httpx.Response) -> str:
    """A redirect is not followed: it would take the token along."""
    try:
        where = http_host(response.headers.get("Location", "")) or "another path"
    except ValueError:
        where = "nowhere"
    return f"it redirects to {where[:80]}, which is not followed: the token goes nowhere else [{response.status_code}]"


async def _error_response(response: httpx.Response, now: float) -> ScaicoreError:
    body = await response_body.read_problem_body(response)
    return read_problem(response.status_code, response.headers, body, now).error()


def _raise_unreachable(url: str, error: Exception, kind: type[Unreachable]) -> NoReturn:
    if isinstance(error, response_body.BodyError):
        kind = PageTooLarge if isinstance(error, response_body.BodyTooLarge) else Unreachable
        raise kind(f"what {http_host(url)} answers can't be read: {error}") from error
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
