"""Every no that the grid says, in ScaiGrid's style, and the one way in which it writes an answer."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from scaicore_tui.grid.dice import request_id

_log = logging.getLogger(__name__)

_CODES: Final = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}


@dataclass
class Problem(Exception):
    """An answer that is a no."""

    status: int
    code: str
    message: str
    details: Mapping[str, Any] | None = None
    retry_after: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def not_found(what: str, name: str) -> Problem:
    return Problem(404, "NOT_FOUND", f"there is no {what} {name!r}")


def invalid(message: str, **details: Any) -> Problem:
    return Problem(422, "VALIDATION_ERROR", message, details or None)


def id_of(request: Request) -> str:
    """The request's own id, the same in the body, the header and the log."""
    if not hasattr(request.state, "request_id"):
        request.state.request_id = request_id()
    return str(request.state.request_id)


def answer(request: Request, body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """`body` as JSON: ASCII, so that text which is not valid Unicode gets through as it came."""
    quota: Mapping[str, str] = getattr(request.state, "quota_headers", {})
    all_headers = {"X-Request-Id": id_of(request), **quota, **(headers or {})}
    text = json.dumps(body, separators=(",", ":"))
    return Response(text, status, all_headers, media_type="application/json")


def on_problem(request: Request, problem: Exception) -> Response:
    """A Problem as a response."""
    assert isinstance(problem, Problem)  # noqa: S101 -- registered for this type only
    error: dict[str, Any] = {"code": problem.code, "message": problem.message}
    if problem.retry_after is not None:
        error["retry_after"] = problem.retry_after
    if problem.details is not None:
        error["details"] = problem.details
    body = {"status": "error", "error": error, "meta": {"request_id": id_of(request)}}
    return answer(request, body, problem.status, problem.headers)


def on_http_exception(request: Request, error: Exception) -> Response:
    """What Starlette itself refuses: unknown paths, and methods that a path does not have."""
    assert isinstance(error, HTTPException)  # noqa: S101 -- registered for this type only
    code = _CODES.get(error.status_code, HTTPStatus(error.status_code).name)
    return on_problem(request, Problem(error.status_code, code, error.detail, headers=error.headers or {}))


def on_fault(request: Request, fault: Exception) -> Response:
    """A bug of ours: the request id leads from the answer to the log."""
    _log.error("request %s broke the grid", id_of(request), exc_info=fault)
    return on_problem(request, Problem(500, "INTERNAL_ERROR", "the grid failed; its log tells more"))
