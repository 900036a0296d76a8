"""Error responses in ScaiGrid's style, and the function that writes every response."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

_log = logging.getLogger(__name__)

_CODES: Final = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}


@dataclass
class GridProblem(Exception):
    """An error response, raised as an exception."""

    status: int
    code: str
    message: str
    details: Mapping[str, Any] | None = None
    retry_after: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def not_found(kind: str, name: str) -> GridProblem:
    """404: there is no resource of this `kind` and `name`."""
    return GridProblem(404, "NOT_FOUND", f"there is no {kind} {name!r}")


def invalid(message: str, **details: Any) -> GridProblem:
    """422: the request is invalid; `details` name the parameter or field."""
    return GridProblem(422, "VALIDATION_ERROR", message, details or None)


def request_id_of(request: Request) -> str:
    """Return the request's id: the same in the body, the header and the log."""
    if not hasattr(request.state, "request_id"):
        request.state.request_id = _new_request_id()
    return str(request.state.request_id)


def json_response(request: Request, body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return `body` as JSON. It is ASCII, so that text that is not valid Unicode passes unchanged."""
    rate_limit: Mapping[str, str] = getattr(request.state, "rate_limit_headers", {})
    all_headers = {"X-Request-Id": request_id_of(request), **rate_limit, **(headers or {})}
    text = json.dumps(body, separators=(",", ":"))
    return Response(text, status, all_headers, media_type="application/json")


def on_problem(request: Request, problem: Exception) -> Response:
    """Turn a GridProblem into a response."""
    assert isinstance(problem, GridProblem)  # noqa: S101 -- registered for this type only
    error: dict[str, Any] = {"code": problem.code, "message": problem.message}
    if problem.retry_after is not None:
        error["retry_after"] = problem.retry_after
    if problem.details is not None:
        error["details"] = problem.details
    body = {"status": "error", "error": error, "meta": {"request_id": request_id_of(request)}}
    return json_response(request, body, problem.status, problem.headers)


def on_http_exception(request: Request, error: Exception) -> Response:
    """Handle what Starlette refuses: unknown paths, and methods that a path does not have."""
    assert isinstance(error, HTTPException)  # noqa: S101 -- registered for this type only
    code = _CODES.get(error.status_code, HTTPStatus(error.status_code).name)
    return on_problem(request, GridProblem(error.status_code, code, error.detail, headers=error.headers or {}))


def on_internal_error(request: Request, error: Exception) -> Response:
    """Handle a bug in the grid. The request id in the response leads to the log entry."""
    _log.error("internal error in request %s", request_id_of(request), exc_info=error)
    return on_problem(request, GridProblem(500, "INTERNAL_ERROR", "internal error in the grid; see its log"))


def _new_request_id() -> str:
    """A fresh id of one HTTP request."""
    return f"req_{secrets.token_hex(6)}"
