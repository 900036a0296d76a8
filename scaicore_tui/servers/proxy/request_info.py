"""Facts about one request for log and metrics: its route and upstream calls, never a value that it carries."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.types import Scope

_STATE_KEY = "request_info"


@dataclass
class RequestInfo:
    """`route` is a path template, None for an unknown path. `is_shared`: another request fetched the response.

    `upstream_failures` are the calls without a complete response.
    """

    route: str | None = None
    upstream_calls: int = 0
    upstream_failures: int = 0
    is_shared: bool = False


def attach(scope: Scope) -> RequestInfo:
    """Create the facts of a request and keep them in its state."""
    info = RequestInfo()
    scope["state"][_STATE_KEY] = info
    return info


def get(scope: Scope) -> RequestInfo:
    """Return the facts of a request; empty ones if the request was refused before it reached the proxy."""
    info: RequestInfo = scope["state"].get(_STATE_KEY) or RequestInfo()
    return info
