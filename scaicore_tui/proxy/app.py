"""The application: takes a request through the checks and to the upstream. Holds nothing between two requests."""

from __future__ import annotations

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
from scaicore_tui.proxy.calls import find_call
from scaicore_tui.proxy.config import ProxyConfig
from scaicore_tui.proxy.credentials import Credentials
from scaicore_tui.proxy.forward import Forwarder, open_http
from scaicore_tui.proxy.headers import outgoing
from scaicore_tui.proxy.incoming import check_limit, read_body
from scaicore_tui.proxy.vault import Vault

_log = logging.getLogger(__name__)


def build_proxy(config: ProxyConfig, clock: Clock = SystemClock()) -> Starlette:  # noqa: B008  (it has no state)
    """The proxy as an ASGI application. Its connections open and close with the application's lifespan."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[dict[str, _Service]]:
        async with open_http() as http:
            yield {"service": _service(config, http, clock)}

    app = Starlette(
        routes=[Route("/healthz", _Health), Route("/{path:path}", _everything)],
        exception_handlers={
            problems.Problem: _refuse,
            HTTPException: _refuse_route,
            ClientDisconnect: _give_up,
            Exception: _fail,
        },
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


class _Service:
    """What one running proxy works with."""

    def __init__(self, credentials: Credentials, forwarder: Forwarder) -> None:
        self._credentials = credentials
        self._forwarder = forwarder

    async def answer(self, request: Request) -> Response:
        """Pass the request on. Raises Problem; all that needs no other server is checked first."""
        call = find_call(request.method, request.scope["raw_path"])
        query: bytes = request.scope["query_string"]
        if not call.is_write:
            check_limit(query)
        caller = read_caller(request.headers)
        body = await read_body(request)
        authorization = await self._credentials.authorization(caller)
        return await self._forwarder.send(call, query, outgoing(request.headers.raw, authorization), body)


def _service(config: ProxyConfig, http: httpx.AsyncClient, clock: Clock) -> _Service:
    vault = None
    if config.vault_url is not None and config.vault_token is not None:
        vault = Vault(http, config.vault_url, config.vault_token, clock)
    return _Service(Credentials(config, vault), Forwarder(config, http))


class _Everything:
    """Any path and any method: what is one of the four calls is told by the raw path, which routes don't look at."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        service: _Service = scope["state"]["service"]
        response = await service.answer(Request(scope, receive))
        await response(scope, receive, send)


_everything = _Everything()


class _Health(HTTPEndpoint):
    """The proxy's own health; says nothing about the upstream."""

    async def get(self, _: Request) -> Response:
        return JSONResponse({"status": "ok"})


async def _refuse(_: Request, problem: Exception) -> Response:
    assert isinstance(problem, problems.Problem)  # noqa: S101  (registered for it alone)
    return problem.response()


async def _refuse_route(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  (registered for it alone)
    is_known_path = error.status_code == HTTPStatus.METHOD_NOT_ALLOWED
    return (problems.method_not_allowed("GET") if is_known_path else problems.not_found()).response()


async def _give_up(_: Request, __: Exception) -> Response:
    # Nobody is there to read it.
    return Response(status_code=HTTPStatus.BAD_REQUEST)


async def _fail(_: Request, fault: Exception) -> Response:
    _log.error("a request broke the proxy", exc_info=fault)
    return problems.internal().response()
