"""What every call has in common: identify, count, permit, then answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scaicore_tui.grid.auth import Caller
from scaicore_tui.grid.problems import answer
from scaicore_tui.grid.service import Grid

Handler = Callable[[Grid, Request, Caller], Awaitable[Any]]
"""Makes the body of a 200, or raises a Problem."""


def call(grid: Grid, method: str, path: str, permission: str | None, handler: Handler) -> Route:
    """A route for known callers; `permission` None is for all of them."""

    async def endpoint(request: Request) -> Response:
        caller = grid.guard.identify(request)
        if grid.limits is not None:
            request.state.quota_headers = grid.limits.take(caller).as_headers()
        if permission is not None:
            caller.require(permission)
        return answer(request, await handler(grid, request, caller))

    return Route(path, endpoint, methods=[method])
