"""The proxy application: checks a request and passes it to the upstream.

Nothing is kept between two requests, except responses shared by identical reads (`coalesce`) if that is turned on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import httpx
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from scaicore_tui.clock import Clock, SystemClock
from scaicore_tui.servers.proxy import problems, request_info
from scaicore_tui.servers.proxy.coalesce import MAX_RESPONSE_BYTES, Coalescer
from scaicore_tui.servers.proxy.config import ProxyConfig
from scaicore_tui.servers.proxy.credentials import CredentialPolicy, VaultKeys, read_caller
from scaicore_tui.servers.proxy.forward import BufferedResponse, Forwarder, open_http
from scaicore_tui.servers.proxy.request import (
    ApiRoute,
    RawHeaders,
    allowed_methods,
    check_page_size,
    match_route,
    read_body,
    upstream_headers,
)
from scaicore_tui.servers.proxy.request_info import RequestInfo

HEALTH_PATH = "/healthz"
# They reveal nothing, and are answered for every caller.
PUBLIC_PATHS = ("/", HEALTH_PATH)
_READ_METHODS = "GET, HEAD, OPTIONS"

_log = logging.getLogger(__name__)


def build_proxy(
    config: ProxyConfig,
    clock: Clock = SystemClock(),  # noqa: B008  (it has no state)
) -> Starlette:
    """Build the proxy as an ASGI application. Its connections open and close with the application's lifespan.

    Raises ConfigError if the certificates of the environment cannot be used.
    """
    # Before serving begins: invalid certificates must end the program with a message.
    context = config.tls()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[dict[str, _Service]]:
        async with open_http(context) as http, Coalescer(config.coalesce, clock).open() as coalescer:
            yield {"service": _service(config, http, clock, coalescer)}

    app = Starlette(
        routes=[Route(path, _Health) for path in PUBLIC_PATHS],
        exception_handlers={
            problems.ProxyProblem: _on_problem,
            HTTPException: _on_route_error,
            ClientDisconnect: _on_disconnect,
            Exception: _on_internal_error,
        },
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    # Not a Route: those match the decoded path, and none matches a path with a line break.
    app.router.default = _api_endpoint
    return app


class _Service:
    """Handles the requests of one running proxy."""

    def __init__(self, credentials: CredentialPolicy, forwarder: Forwarder, coalescer: Coalescer) -> None:
        self._credentials = credentials
        self._forwarder = forwarder
        self._coalescer = coalescer

    async def respond(self, request: Request, info: RequestInfo) -> Response:
        """Pass a request on and return the response. Raises ProxyProblem.

        The checks that need no other server come first.
        """
        if request.method == "OPTIONS":
            # No CORS headers: pages of other origins may not call this API.
            return _allow(allowed_methods(request.scope["raw_path"]))
        route = match_route(request.method, request.scope["raw_path"])
        info.route = route.template
        query: bytes = request.scope["query_string"]
        if not route.is_write:
            check_page_size(query)
        caller = read_caller(request.scope)
        body = await read_body(request)
        headers = upstream_headers(request.headers.raw, await self._credentials.authorization(caller))
        shared = None if body else await self._read_shared(info, route, query, headers)
        return shared or await self._send(info, route, query, headers, body)

    async def _send(
        self, info: RequestInfo, route: ApiRoute, query: bytes, headers: RawHeaders, body: bytes
    ) -> Response:
        info.upstream_calls += 1
        try:
            return await self._forwarder.send(route, query, headers, body)
        except problems.ProxyProblem:
            info.upstream_failures += 1
            raise
        finally:
            # Whatever the outcome: after a refused write, too, the next reader wants the present state.
            if route.is_write:
                self._coalescer.on_write()

    async def _read_shared(
        self, info: RequestInfo, route: ApiRoute, query: bytes, headers: RawHeaders
    ) -> Response | None:
        async def fetch() -> BufferedResponse | None:
            info.upstream_calls += 1
            try:
                return await self._forwarder.read(route, query, headers, MAX_RESPONSE_BYTES)
            except problems.ProxyProblem:
                info.upstream_failures += 1
                raise

        read = await self._coalescer.read(route, query, headers, fetch)
        info.is_shared = read.is_shared
        return read.response


def _service(config: ProxyConfig, http: httpx.AsyncClient, clock: Clock, coalescer: Coalescer) -> _Service:
    vault = None
    if config.vault_url is not None and config.vault_token is not None:
        vault = VaultKeys(http, config.vault_url, config.vault_token, clock)
    return _Service(CredentialPolicy(config, vault), Forwarder(config, http), coalescer)


class _ApiEndpoint:
    """Handles any path and method: the routes are matched by the raw path, which Starlette's routing ignores."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        service: _Service = scope["state"]["service"]
        info = request_info.attach(scope)
        try:
            response = await service.respond(Request(scope, receive), info)
        except asyncio.CancelledError:
            # The server is stopping and waits no longer. Say whether a write may have been sent.
            was_sent = scope["method"] == "POST" and info.upstream_calls > 0
            raise (problems.outcome_unknown() if was_sent else problems.stopping()) from None
        await response(scope, receive, send)


_api_endpoint = _ApiEndpoint()


class _Health(HTTPEndpoint):
    """Reports that this process responds, whatever the upstream does. Also at `/`, where balancers look by default.

    A load balancer takes unhealthy servers out. If the upstream were part of this check, one that is down would take
    out every proxy, and callers would no longer get the 502 that says what is wrong.
    """

    async def get(self, request: Request) -> Response:
        request_info.attach(request.scope).route = HEALTH_PATH
        return JSONResponse({"status": "ok"})

    async def options(self, request: Request) -> Response:
        request_info.attach(request.scope).route = HEALTH_PATH
        return _allow(_READ_METHODS)


def _allow(methods: str) -> Response:
    return Response(status_code=HTTPStatus.NO_CONTENT, headers={"Allow": methods})


async def _on_problem(_: Request, problem: Exception) -> Response:
    assert isinstance(problem, problems.ProxyProblem)  # noqa: S101  (registered for it alone)
    return problem.response()


async def _on_route_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  (registered for it alone)
    # Only the health check is a Starlette route, and its path always matches: the method was wrong.
    return problems.method_not_allowed(_READ_METHODS).response()


async def _on_disconnect(_: Request, __: Exception) -> Response:
    # The client is gone; nobody reads this response.
    return Response(status_code=HTTPStatus.BAD_REQUEST)


async def _on_internal_error(_: Request, error: Exception) -> Response:
    _log.error("internal error while handling a request", exc_info=error)
    return problems.internal().response()
