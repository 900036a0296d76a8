"""Builds the embedded ScaiGrid: a Starlette application that really runs flows."""

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
from scaicore_tui.grid.auth import MANAGE, RESOLVE, VIEW
from scaicore_tui.grid.config import GridConfig
from scaicore_tui.grid.problems import Problem, answer, on_fault, on_http_exception, on_problem
from scaicore_tui.grid.routes import reading, writing
from scaicore_tui.grid.routes.endpoint import call
from scaicore_tui.grid.service import Grid

_MODULE: Final = "/v1/modules/scaicore"
_SYSTEM_CLOCK: Final = SystemClock()


def build_grid(config: GridConfig, clock: Clock = _SYSTEM_CLOCK) -> Starlette:
    """A grid that starts and stops with the application's lifespan; `app.state.grid` is its inside."""
    grid = Grid(config, clock)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[Mapping[str, object]]:
        async with grid.running():
            yield {}

    app = Starlette(
        routes=_routes(grid),
        lifespan=lifespan,
        exception_handlers={Problem: on_problem, HTTPException: on_http_exception, Exception: on_fault},
    )
    app.state.grid = grid
    return app


def _routes(grid: Grid) -> list[Route]:
    return [
        Route("/health", _health, methods=["GET"]),
        call(grid, "GET", "/v1/me", None, reading.me),
        call(grid, "GET", f"{_MODULE}/events", VIEW, reading.events),
        call(grid, "GET", f"{_MODULE}/checkpoints", VIEW, reading.checkpoints),
        call(grid, "GET", f"{_MODULE}/checkpoints/{{checkpoint_id}}", VIEW, reading.checkpoint),
        call(grid, "POST", f"{_MODULE}/checkpoints/{{checkpoint_id}}/resolve", RESOLVE, writing.resolve),
        call(grid, "GET", f"{_MODULE}/cores", VIEW, reading.cores),
        call(grid, "GET", f"{_MODULE}/cores/{{core_id}}", VIEW, reading.core),
        call(grid, "POST", f"{_MODULE}/cores/{{core_id}}/invoke", MANAGE, writing.invoke),
    ]


async def _health(request: Request) -> Response:
    return answer(request, {"status": "ok", "version": __version__})
