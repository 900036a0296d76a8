"""Every error that the proxy reports by itself, in ScaiFlow's error style (API §5). Never quotes a request or a
secret.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import JSONResponse

Detail = str | dict[str, str] | list[dict[str, Any]]

CREDENTIALS_HINT = (
    "Sign in and send your ScaiKey token, or set the tenant's API key via POST /v1/tenants/me/scaigrid_credentials"
)
OUTCOME_UNKNOWN_HINT = "the write may have been carried out: check before you send it again"


class ProxyProblem(Exception):
    """An error response, raised as an exception."""

    def __init__(self, status: int, detail: Detail, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.detail = detail
        self.headers = headers

    def response(self) -> JSONResponse:
        """Return the HTTP response."""
        return JSONResponse({"detail": self.detail}, self.status, self.headers)


def not_found() -> ProxyProblem:
    """404: not one of the API's routes."""
    return _problem(
        404,
        "not_found",
        "there is no such resource",
        "see the API for its routes, such as GET /v1/scaicore/events",
    )


def method_not_allowed(allowed: str) -> ProxyProblem:
    """405: the resource takes only the methods `allowed`."""
    detail = _detail("method_not_allowed", f"this resource takes {allowed} only", f"send it as {allowed}")
    return ProxyProblem(405, detail, {"Allow": allowed})


def bad_request() -> ProxyProblem:
    """400: the request is not valid HTTP."""
    return _problem(400, "bad_request", "the request is not valid HTTP", "percent-encode everything but plain ASCII")


def invalid_id() -> ProxyProblem:
    """400: the id could be taken for a different path by the upstream, or is not encoded."""
    return _problem(
        400,
        "invalid_id",
        "the id in the path is a dot segment, has a control character, or is not percent-encoded UTF-8",
        "percent-encode the id as one path segment: # as %23, / as %2F, % as %25",
    )


def too_large(max_bytes: int) -> ProxyProblem:
    """413: the body has more than `max_bytes`."""
    return _problem(413, "body_too_large", f"the body is larger than {max_bytes} bytes", "send a smaller body")


def invalid(errors: Sequence[Mapping[str, Any]]) -> ProxyProblem:
    """422: invalid parameters, as FastAPI's list of `{loc, msg, type}`."""
    return ProxyProblem(422, [{key: error[key] for key in ("loc", "msg", "type")} for error in errors])


def unauthorized(reason: str) -> ProxyProblem:
    """401: an unknown kind of credential. Like ScaiFlow's own, the detail is a plain string."""
    return ProxyProblem(401, f"invalid token: {reason}", {"WWW-Authenticate": "Bearer"})


def missing_credentials(message: str) -> ProxyProblem:
    """412: there is no credential that this request may use."""
    return _problem(412, "missing_credentials", message, CREDENTIALS_HINT)


def unreachable(message: str, fix: str) -> ProxyProblem:
    """502: no usable response from the ScaiGrid."""
    return _problem(502, "upstream_unreachable", message, fix)


def timed_out(seconds: float, fix: str) -> ProxyProblem:
    """504: no response from the ScaiGrid in time."""
    return _problem(504, "upstream_timeout", f"ScaiGrid did not answer within {seconds:g} s", fix)


def overloaded() -> ProxyProblem:
    """503: this machine has no file descriptor left for a call to the ScaiGrid."""
    detail = _detail("overloaded", "the proxy has no file descriptor left; nothing was sent", "try again later")
    return ProxyProblem(503, detail, {"Retry-After": "1"})


def stopping() -> ProxyProblem:
    """503: the proxy stops, and the request changed nothing."""
    detail = _detail("stopping", "the proxy stopped before there was a response; nothing was changed", "try again")
    return ProxyProblem(503, detail, {"Retry-After": "1"})


def outcome_unknown() -> ProxyProblem:
    """504: the proxy stops, and a write that it sent has no response yet."""
    return _problem(
        504, "outcome_unknown", "the proxy stopped before ScaiGrid answered this write", OUTCOME_UNKNOWN_HINT
    )


def vault_unavailable(message: str) -> ProxyProblem:
    """502: ScaiVault cannot be asked for the tenant's key."""
    return _problem(
        502, "vault_unavailable", message, "check SCAIVAULT_URL and SCAIVAULT_TOKEN, or send your own token"
    )


def internal() -> ProxyProblem:
    """500: a bug in the proxy; the traceback is in its log."""
    return _problem(500, "internal_error", "internal error in the proxy", "see the proxy's log")


def _problem(status: int, error: str, message: str, fix: str) -> ProxyProblem:
    return ProxyProblem(status, _detail(error, message, fix))


def _detail(error: str, message: str, fix: str) -> dict[str, str]:
    return {"error": error, "message": message, "fix": fix}
