"""The application: takes a request through the checks and to the upstream. Holds nothing between two requests, but what
identical reads share (`coalesce`), where that is asked for."""

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
from scaicore_tui.proxy import problems
from scaicore_tui.proxy.caller import read_caller
from scaicore_tui.proxy.calls import Call, allowed_methods, find_call
from scaicore_tui.proxy.coalesce import MOST_ANSWER, Coalescer
from scaicore_tui.proxy.config import ProxyConfig
from scaicore_tui.proxy.credentials import Credentials
from scaicore_tui.proxy.forward import Forwarder, Whole, open_http
from scaicore_tui.proxy.headers import RawHeaders, outgoing
from scaicore_tui.proxy.incoming import check_limit, read_body
from scaicore_tui.proxy.trail import Trail, begin
from scaicore_tui.proxy.vault import Vault
from scaicore_tui.proxy.writes import Writes

HEALTH = "/healthz"
# What tells nothing of anybody, and is answered whoever asks.
PUBLIC = ("/", HEALTH)
_READS = "GET, HEAD, OPTIONS"

_log = logging.getLogger(__name__)


def build_proxy(
    config: ProxyConfig,
    clock: Clock = SystemClock(),  # noqa: B008  (it has no state)
    writes: Writes | None = None,
) -> Starlette:
    """The proxy as an ASGI application. Its connections open and close with the application's lifespan.

    `writes` are those of all that serve together; by default it serves alone. Raises ConfigError where the
    certificates of the environment can't be used.
    """
    told = writes or Writes()
    # Before it serves: what is wrong with the certificates ends it, in words.
    context = config.tls()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[dict[str, _Service]]:
        async with open_http(context) as http, Coalescer(config.coalesce, clock, told).open() as coalescer:
            yield {"service": _service(config, http, clock, coalescer, told)}

    app = Starlette(
        routes=[Route(path, _Health) for path in PUBLIC],
        exception_handlers={
            problems.Problem: _refuse,
            HTTPException: _refuse_route,
            ClientDisconnect: _give_up,
            Exception: _fail,
        },
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    # Not a route: those look at the decoded path, and match none that has a line break.
    app.router.default = _everything
    return app


class _Service:
    """What one running proxy works with."""

    def __init__(self, credentials: Credentials, forwarder: Forwarder, coalescer: Coalescer, writes: Writes) -> None:
        self._credentials = credentials
        self._forwarder = forwarder
        self._coalescer = coalescer
        self._writes = writes

    async def answer(self, request: Request, trail: Trail) -> Response:
        """Pass the request on. Raises Problem; all that needs no other server is checked first."""
        if request.method == "OPTIONS":
            # Without a word on other origins: no page of another site may ask.
            return _allow(allowed_methods(request.scope["raw_path"]))
        call = find_call(request.method, request.scope["raw_path"])
        trail.route = call.route
        query: bytes = request.scope["query_string"]
        if not call.is_write:
            check_limit(query)
        caller = read_caller(request.scope)
        body = await read_body(request)
        headers = outgoing(request.headers.raw, await self._credentials.authorization(caller))
        answer = None if body else await self._shared(trail, call, query, headers)
        return answer or await self._send(trail, call, query, headers, body)

    async def _send(self, trail: Trail, call: Call, query: bytes, headers: RawHeaders, body: bytes) -> Response:
        trail.upstream_calls += 1
        try:
            return await self._forwarder.send(call, query, headers, body)
        finally:
            # Whatever came of it: also of a write that was refused somebody wants to know how things stand.
            if call.is_write:
                self._writes.tell()

    async def _shared(self, trail: Trail, call: Call, query: bytes, headers: RawHeaders) -> Response | None:
        async def ask() -> Whole | None:
            trail.upstream_calls += 1
            return await self._forwarder.read(call, query, headers, MOST_ANSWER)

        answer, trail.is_shared = await self._coalescer.read(call, query, headers, ask)
        return answer


def _service(
    config: ProxyConfig, http: httpx.AsyncClient, clock: Clock, coalescer: Coalescer, writes: Writes
) -> _Service:
    vault = None
    if config.vault_url is not None and config.vault_token is not None:
        vault = Vault(http, config.vault_url, config.vault_token, clock)
    return _Service(Credentials(config, vault), Forwarder(config, http), coalescer, writes)


class _Everything:
    """Any path and any method: what is one of the four calls is told by the raw path, which routes don't look at."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        service: _Service = scope["state"]["service"]
        trail = begin(scope)
        try:
            response = await service.answer(Request(scope, receive), trail)
        except asyncio.CancelledError:
            # The server stops, and waits no longer. Whoever asked is told what is known of it.
            was_sent = scope["method"] == "POST" and trail.upstream_calls > 0
            raise (problems.outcome_unknown() if was_sent else problems.stopping()) from None
        await response(scope, receive, send)


_everything = _Everything()


class _Health(HTTPEndpoint):
    """Whether this process answers; not whether the upstream does. Also at `/`, where balancers look by default.

    A load balancer takes out who is not well. An upstream that is down would take out every proxy at once, and callers
    would no longer be told what is wrong: a 502 that names it is the better answer.
    """

    async def get(self, request: Request) -> Response:
        begin(request.scope).route = HEALTH
        return JSONResponse({"status": "ok"})

    async def options(self, request: Request) -> Response:
        begin(request.scope).route = HEALTH
        return _allow(_READS)


def _allow(methods: str) -> Response:
    return Response(status_code=HTTPStatus.NO_CONTENT, headers={"Allow": methods})


async def _refuse(_: Request, problem: Exception) -> Response:
    assert isinstance(problem, problems.Problem)  # noqa: S101  (registered for it alone)
    return problem.response()


async def _refuse_route(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  (registered for it alone)
    # Of health, which alone is a route: all else is `_everything`'s.
    return problems.method_not_allowed(_READS).response()


async def _give_up(_: Request, __: Exception) -> Response:
    # Nobody is there to read it.
    return Response(status_code=HTTPStatus.BAD_REQUEST)


async def _fail(_: Request, fault: Exception) -> Response:
    _log.error("a request broke the proxy", exc_info=fault)
    return problems.internal().response()
