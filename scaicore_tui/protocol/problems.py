"""Decode error responses: the three documented formats (API §5), and whatever a proxy on the way may send."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from scaicore_tui import errors
from scaicore_tui.json_text import write
from scaicore_tui.protocol.envelope import MIN_ERROR_STATUS, parse
from scaicore_tui.protocol.headers import MAX_WAIT_S, parse_retry_after, server_time
from scaicore_tui.protocol.lenient_json import as_text
from scaicore_tui.text import display_name, quote

MAX_EXCERPT_CHARS = 200
# Longer messages, codes and ids are cut, as they are shown on one line.
MAX_FIELD_CHARS = 500
UNAUTHORIZED = 401


class Problem(Struct, frozen=True):
    """An error response in one format, from ScaiFlow, ScaiGrid or a gateway.

    `code` is in lower or upper snake case, as received; it may be empty. `retry_after` is in seconds.
    """

    status: int
    code: str = ""
    message: str = ""
    fix: str | None = None
    request_id: str | None = None
    retry_after: float | None = None
    details: Any = None

    def to_error(self) -> errors.ScaicoreError:
        """Return the exception to raise for this response; all text from the server is quoted in it."""
        status = self.status if self.status >= MIN_ERROR_STATUS else _STATUS_OF.get(self.code.upper(), 0)
        kind = _KINDS.get(status, errors.Unreachable if status in (502, 503, 504) else errors.RequestRejected)
        name = f" {display_name(self.code)}" if self.code else ""
        reason = quote(self.message) if self.message else "no reason given"
        message = f"{reason} [{self.status}{name}]"
        return kind(
            f"401: sign in again: {message}" if self.status == UNAUTHORIZED else message,
            hint=quote(self.fix) if self.fix else "",
            request_id=display_name(self.request_id) if self.request_id else None,
            status=self.status,
            retry_after=self.retry_after,
        )


_KINDS: dict[int, type[errors.ScaicoreError]] = {
    401: errors.CredentialsError,
    403: errors.PermissionDenied,
    404: errors.NotFound,
    409: errors.Conflict,
    412: errors.CredentialsError,
    422: errors.UsageError,
}


# Status for an error code in a response whose status says success (API §5).
_STATUS_OF = {
    "AUTH_TOKEN_MISSING": 401,
    "AUTH_TOKEN_INVALID": 401,
    "SESSION_EXPIRED": 401,
    "UNAUTHORIZED": 401,
    "AUTH_INSUFFICIENT_SCOPE": 403,
    "AUTHZ_PERMISSION_DENIED": 403,
    "FORBIDDEN": 403,
    "NOT_FOUND": 404,
    "CONFLICT": 409,
    "MISSING_CREDENTIALS": 412,
    "MISSING_SCAIGRID_CREDENTIALS": 412,
    "VALIDATION_ERROR": 422,
    # A proxy stopped waiting for the response: a write may have happened.
    "BACKEND_TIMEOUT": 504,
    "GATEWAY_TIMEOUT": 504,
}


def read_problem(status: int, headers: Mapping[str, str], body: bytes, now: float | None = None) -> Problem:
    """Decode an error response. Never raises: of a body in no known format, an excerpt becomes the message.

    Args:
        now: the server's time in Unix seconds, for dates in the headers; by default the response's own `Date`.
    """
    lowered = {name.lower(): value for name, value in headers.items()}
    if now is None:
        now = server_time({name.title(): value for name, value in lowered.items()})
    try:
        fields = _fields(parse(body))
    except ValueError:
        fields = {"message": _excerpt(body)}
    waits = (_as_header(lowered.get("retry-after")), _as_header(fields.get("retry_after")))
    return Problem(
        status=status,
        code=_short_text(fields.get("code")),
        message=_short_text(fields.get("message")),
        fix=_short_text(fields.get("fix")) or None,
        request_id=_short_text(fields.get("request_id") or lowered.get("x-request-id")) or None,
        retry_after=next((wait for text in waits if (wait := parse_retry_after(text, now)) is not None), None),
        details=fields.get("details"),
    )


def _fields(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        return {"message": _excerpt(write(body).encode("utf-8", "surrogatepass"))}
    if not any(body.get(name) for name in ("error", "detail", "message")) and isinstance(body.get("data"), dict):
        return _fields(body["data"] | {"meta": body.get("meta")})
    if isinstance(body.get("error"), dict):
        return _scaigrid(body, body["error"])
    if "detail" in body:
        return _scaiflow(body["detail"]) | {"request_id": _request_id(body)}
    if isinstance(body.get("error"), str) and not body.get("message"):
        return _scaigrid(body, {"message": body["error"]})
    if body.get("message"):
        return _scaigrid(body, body | {"code": body.get("code") or body.get("error")})
    return {"message": _excerpt(write(body).encode("utf-8", "surrogatepass")), "request_id": _request_id(body)}


def _scaigrid(body: dict[str, Any], error: dict[str, Any]) -> dict[str, Any]:
    names = ("code", "message", "details", "retry_after")
    return {name: error.get(name) for name in names} | {"request_id": _request_id(body)}


def _request_id(body: dict[str, Any]) -> Any:
    """Return the request id, which is in `meta` or beside the error."""
    meta = body.get("meta")
    return (meta.get("request_id") if isinstance(meta, dict) else None) or body.get("request_id")


def _scaiflow(detail: Any) -> dict[str, Any]:
    if isinstance(detail, dict):
        return {"code": detail.get("error"), "message": detail.get("message"), "fix": detail.get("fix")}
    if isinstance(detail, list):
        return {"code": "validation_error", "message": "; ".join(map(_validation_error, detail)), "details": detail}
    return {"message": detail}


def _validation_error(item: Any) -> str:
    """Return one entry of FastAPI's list as `location: message`."""
    if not isinstance(item, dict):
        return as_text(item)
    loc = item.get("loc")
    location = ".".join(map(as_text, loc)) if isinstance(loc, list) else as_text(loc)
    return f"{location}: {as_text(item.get('msg', item.get('type')))}".removeprefix(": ")


def _excerpt(body: bytes) -> str:
    """Return the first readable words of a body that is not from this API, such as a gateway's HTML."""
    text = re.sub(r"<[^>]*>|\s+", " ", body[:4000].decode("utf-8", "replace"))
    return " ".join(text.split())[:MAX_EXCERPT_CHARS]


def _short_text(value: Any) -> str:
    text = as_text(value)
    return text if len(text) <= MAX_FIELD_CHARS else f"{text[:MAX_FIELD_CHARS]}…"


def _as_header(value: Any) -> str | None:
    """Return a JSON number or string in the form of a header value; None for any other value."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{min(value, MAX_WAIT_S):f}"
    return value if isinstance(value, str) else None
