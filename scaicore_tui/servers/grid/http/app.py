"""Builds the embedded ScaiGrid as a Starlette application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scaicore_tui import __version__
from scaicore_tui.clock import Clock, SystemClock
from scaicore_tui.servers.grid.config import GridConfig
from scaicore_tui.servers.grid.http import flows, routes
from scaicore_tui.servers.grid.http.auth import MANAGE, RESOLVE, VIEW, Authenticator
from scaicore_tui.servers.grid.http.problems import (
    GridProblem,
    json_response,
    on_http_exception,
    on_internal_error,
    on_problem,
)
from scaicore_tui.servers.grid.http.rate_limits import RateLimiter
from scaicore_tui.servers.grid.http.routes import Api
from scaicore_tui.servers.grid.service import Grid

_MODULE: Final = "/v1/modules/scaicore"
_SYSTEM_CLOCK: Final = SystemClock()


def build_grid(config: GridConfig, clock: Clock = _SYSTEM_CLOCK) -> Starlette:
    """Build a grid that starts and stops with the application's lifespan; `app.state.grid` is the `Grid` behind it.

    Raises ValueError if `config` names an unknown role.
    """
    authenticator = Authenticator(config.tokens)
    rate_limiter = RateLimiter(clock) if config.rate_limits else None
    grid = Grid(config, clock)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[Mapping[str, object]]:
        async with grid.running():
            yield {}

    app = Starlette(
        routes=_routes(Api(grid, authenticator, rate_limiter)),
        lifespan=lifespan,
        exception_handlers={GridProblem: on_problem, HTTPException: on_http_exception, Exception: on_internal_error},
    )
    app.state.grid = grid
    return app


def _routes(api: Api) -> list[Route]:
    return [
        Route("/health", _health, methods=["GET"]),
        api.route("GET", "/v1/me", None, routes.me),
        api.route("GET", f"{_MODULE}/events", VIEW, routes.events),
        api.route("GET", f"{_MODULE}/checkpoints", VIEW, routes.checkpoints),
        api.route("GET", f"{_MODULE}/checkpoints/{{checkpoint_id}}", VIEW, routes.checkpoint),
        api.route("POST", f"{_MODULE}/checkpoints/{{checkpoint_id}}/resolve", RESOLVE, routes.resolve),
        api.route("GET", f"{_MODULE}/cores", VIEW, routes.cores),
        api.route("GET", f"{_MODULE}/cores/{{core_id}}", VIEW, routes.core),
        api.route("POST", f"{_MODULE}/cores/{{core_id}}/invoke", MANAGE, routes.invoke),
        api.route("GET", "/v1/flows", VIEW, flows.flows),
        api.route("GET", "/v1/flows/{flow_id}", VIEW, flows.flow),
        api.route("GET", "/v1/flows/{flow_id}/deployments", VIEW, flows.deployments),
    ]


async def _health(request: Request) -> Response:
    return json_response(request, {"status": "ok", "version": __version__})
