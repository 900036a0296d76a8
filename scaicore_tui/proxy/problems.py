"""Every no that the proxy says by itself, in ScaiFlow's error style (API §5). Never quotes a request or a secret."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import JSONResponse

Detail = str | dict[str, str] | list[dict[str, Any]]

CREDENTIALS_FIX = (
    "Sign in and send your ScaiKey token, or set the tenant's API key via POST /v1/tenants/me/scaigrid_credentials"
)


MAY_HAVE_HAPPENED = "it may have happened: look before you send it again"


class Problem(Exception):
    """An answer with an error status, on its way to the caller."""

    def __init__(self, status: int, detail: Detail, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.detail = detail
        self.headers = headers

    def response(self) -> JSONResponse:
        """The answer itself."""
        return JSONResponse({"detail": self.detail}, self.status, self.headers)


def not_found() -> Problem:
    """404: not one of the four calls."""
    return _named(
        404, "not_found", "there is no such resource here", "GET /v1/scaicore/events is one; see the API's four calls"
    )


def method_not_allowed(allowed: str) -> Problem:
    """405: a resource that takes none but the methods `allowed`."""
    detail = _detail("method_not_allowed", f"this resource takes {allowed} only", f"send it as {allowed}")
    return Problem(405, detail, {"Allow": allowed})


def bad_request() -> Problem:
    """400: bytes that HTTP has no place for."""
    return _named(400, "bad_request", "the request is not valid HTTP", "percent-encode what is not plain ASCII")


def invalid_id() -> Problem:
    """400: an id that the upstream could take for another path, or that is not encoded."""
    return _named(
        400,
        "invalid_id",
        "the id in the path is a dot segment, has a control character, or is not percent-encoded UTF-8",
        "percent-encode the id as one path segment: # as %23, / as %2F, % as %25",
    )


def too_large(limit: int) -> Problem:
    """413: a body of more than `limit` bytes."""
    return _named(413, "body_too_large", f"the body is larger than {limit} bytes", "send less")


def invalid(errors: Sequence[Mapping[str, Any]]) -> Problem:
    """422: FastAPI's list of `{loc, msg, type}`."""
    return Problem(422, [{key: error[key] for key in ("loc", "msg", "type")} for error in errors])


def unauthorized(reason: str) -> Problem:
    """401: a credential of no kind that is known, as ScaiFlow says it: in a plain string."""
    return Problem(401, f"invalid token: {reason}", {"WWW-Authenticate": "Bearer"})


def missing_credentials(message: str) -> Problem:
    """412: nobody's credential may be used for this request."""
    return _named(412, "missing_credentials", message, CREDENTIALS_FIX)


def unreachable(message: str, fix: str) -> Problem:
    """502: no usable answer from the ScaiGrid."""
    return _named(502, "upstream_unreachable", message, fix)


def timed_out(seconds: float, fix: str) -> Problem:
    """504: no answer from the ScaiGrid in time."""
    return _named(504, "upstream_timeout", f"ScaiGrid did not answer within {seconds:g} s", fix)


def overloaded() -> Problem:
    """503: this machine has no file descriptor left to call the ScaiGrid with."""
    detail = _detail("overloaded", "the proxy has no file descriptor left, so nothing was sent", "try again")
    return Problem(503, detail, {"Retry-After": "1"})


def stopping() -> Problem:
    """503: the proxy ends, and what was asked of it changed nothing."""
    detail = _detail("stopping", "the proxy stopped before there was an answer; nothing was changed", "try again")
    return Problem(503, detail, {"Retry-After": "1"})


def outcome_unknown() -> Problem:
    """504: the proxy ends, and a write that it sent has no answer yet."""
    return _named(504, "outcome_unknown", "the proxy stopped before ScaiGrid answered this write", MAY_HAVE_HAPPENED)


def vault_unavailable(message: str) -> Problem:
    """502: whether the tenant has a key can't be known now."""
    return _named(502, "vault_unavailable", message, "check SCAIVAULT_URL and SCAIVAULT_TOKEN, or send your own token")


def internal() -> Problem:
    """500: a bug of ours; the traceback is in the server's log."""
    return _named(500, "internal_error", "the proxy failed", "see its log")


def _named(status: int, error: str, message: str, fix: str) -> Problem:
    return Problem(status, _detail(error, message, fix))


def _detail(error: str, message: str, fix: str) -> dict[str, str]:
    return {"error": error, "message": message, "fix": fix}
