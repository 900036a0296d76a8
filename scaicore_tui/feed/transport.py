"""HTTP for the client: timeouts, and what each way of failing means. A read may be asked again; a write may not."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from scaicore_tui.config import Target
from scaicore_tui.config.secret import Secret
from scaicore_tui.errors import CannotReach, OutcomeUnknown, ScaicoreError
from scaicore_tui.feed.lean_httpx import httpx
from scaicore_tui.wire import read_problem

WRITE_TIMEOUT = 30.0
INVOKE_TIMEOUT = 330.0
CONNECT_TIMEOUT = 5.0

# Takes the status and the headers of an answer, whatever they mean.
Hearing = Callable[[int, Mapping[str, str]], None]

# The request can't have been sent when one of these is raised.
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


def open_http(target: Target, transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """A connection pool for one target. It follows no redirect, and asks no proxy of the environment about loopback."""
    # Reading the certificates that a plain connection has no use for takes longer than opening it.
    plain = urlsplit(target.url).scheme == "http"
    return httpx.AsyncClient(
        transport=transport,
        verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else True,
        headers={"Accept": "application/json"},
        timeout=httpx.Timeout(target.timeout, connect=min(target.timeout, CONNECT_TIMEOUT)),
        trust_env=not target.is_loopback,
    )


def sign(http: httpx.AsyncClient, token: Secret | None) -> None:
    """Send `token` with every request from here on."""
    if token is not None:
        http.headers["Authorization"] = f"Bearer {token.reveal()}"


async def get(http: httpx.AsyncClient, url: str, params: dict[str, Any], heard: Hearing) -> bytes:
    """The body of a successful GET. Raises the error that the answer, or its absence, amounts to."""
    try:
        response = await http.get(url, params=params)
    except httpx.TimeoutException as error:
        raise CannotReach(f"no answer from {http_host(url)} in time", hint="trying again") from error
    except httpx.HTTPError as error:
        raise CannotReach(f"cannot reach {http_host(url)}: {_reason(error)}", hint="trying again") from error
    heard(response.status_code, response.headers)
    return _body(response)


async def post(
    http: httpx.AsyncClient,
    url: str,
    body: dict[str, Any],
    timeout: float,  # noqa: ASYNC109
    heard: Hearing,
) -> bytes:
    """The body of a successful POST, which is sent once and never again.

    Raises CannotReach where it was not sent, OutcomeUnknown where it may have been but no answer came, and the
    answer's own error where it was a no.
    """
    try:
        response = await http.post(url, json=body, timeout=httpx.Timeout(timeout, connect=CONNECT_TIMEOUT))
    except _UNSENT as error:
        raise CannotReach(
            f"cannot reach {http_host(url)}: {_reason(error)}",
            kept="nothing was sent",
            hint="press again when it is back",
        ) from error
    except httpx.HTTPError as error:
        raise OutcomeUnknown(
            f"sent, but no answer came: {_reason(error)}", kept="it is not sent again", hint="looking it up"
        ) from error
    heard(response.status_code, response.headers)
    # A gateway says 502 of a write that arrived, a Core 503 of a model that it missed halfway: none says what was done.
    if response.is_server_error:
        raise _lost(response)
    return _body(response)


def http_host(url: str) -> str:
    """Host and port of a URL, for people."""
    return httpx.URL(url).netloc.decode("ascii", "replace")


def _body(response: httpx.Response) -> bytes:
    if response.is_success:
        return response.content
    raise _refusal(response)


def _refusal(response: httpx.Response) -> ScaicoreError:
    return read_problem(response.status_code, response.headers, response.content).error()


def _lost(response: httpx.Response) -> OutcomeUnknown:
    refusal = _refusal(response)
    return OutcomeUnknown(
        f"sent, but what came of it was not told: {refusal.message}",
        kept="it is not sent again",
        hint="looking it up",
        request_id=refusal.request_id,
        status=refusal.status,
    )


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
