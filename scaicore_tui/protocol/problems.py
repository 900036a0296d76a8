"""The three styles of an error body, plus whatever else a proxy on the way may send (API §5)."""

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
# A reason, a code or an id of more signs is cut: it goes on one line.
MAX_FIELD_CHARS = 500
UNAUTHORIZED = 401


class Problem(Struct, frozen=True):
    """A refusal, in one form whoever wrote it. `code` is lower or upper snake case, as it came; may be empty."""

    status: int
    code: str = ""
    message: str = ""
    fix: str | None = None
    request_id: str | None = None
    retry_after: float | None = None
    details: Any = None

    def to_error(self) -> errors.ScaicoreError:
        """The exception that this problem is to a caller. What the server says, or repeats, is in quotes."""
        status = self.status if self.status >= MIN_ERROR_STATUS else _STATUS_OF.get(self.code.upper(), 0)
        kind = _KINDS.get(status, errors.Unreachable if status in (502, 503, 504) else errors.RequestRejected)
        name = f" {display_name(self.code)}" if self.code else ""
        said = quote(self.message) if self.message else "no reason given"
        message = f"{said} [{self.status}{name}]"
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


# What a code amounts to where the status says success (API §5).
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
    # Somebody on the way did not wait for the end: a write may have happened.
    "BACKEND_TIMEOUT": 504,
    "GATEWAY_TIMEOUT": 504,
}


def read_problem(status: int, headers: Mapping[str, str], body: bytes, now: float | None = None) -> Problem:
    """Return the problem that an answer tells whose status, or whose body, says error.

    Never raises: an unreadable body is quoted. `now` is the time at the server, in Unix seconds, for dates in the
    headers; without it the answer's own `Date` is.
    """
    lowered = {name.lower(): value for name, value in headers.items()}
    if now is None:
        now = server_time({name.title(): value for name, value in lowered.items()})
    try:
        fields = _fields(parse(body))
    except ValueError:
        fields = {"message": _quote(body)}
    waits = (lowered.get("retry-after"), fields.get("retry_after"))
    return Problem(
        status=status,
        code=_words(fields.get("code")),
        message=_words(fields.get("message")),
        fix=_words(fields.get("fix")) or None,
        request_id=_words(fields.get("request_id") or lowered.get("x-request-id")) or None,
        retry_after=next((wait for said in waits if (wait := parse_retry_after(_plain(said), now)) is not None), None),
        details=fields.get("details"),
    )


def _fields(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        return {"message": _quote(write(body).encode("utf-8", "surrogatepass"))}
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
    return {"message": _quote(write(body).encode("utf-8", "surrogatepass")), "request_id": _request_id(body)}


def _scaigrid(body: dict[str, Any], error: dict[str, Any]) -> dict[str, Any]:
    names = ("code", "message", "details", "retry_after")
    return {name: error.get(name) for name in names} | {"request_id": _request_id(body)}


def _request_id(body: dict[str, Any]) -> Any:
    """Return the server's name for the request, which it tells beside the error or in `meta`."""
    meta = body.get("meta")
    return (meta.get("request_id") if isinstance(meta, dict) else None) or body.get("request_id")


def _scaiflow(detail: Any) -> dict[str, Any]:
    if isinstance(detail, dict):
        return {"code": detail.get("error"), "message": detail.get("message"), "fix": detail.get("fix")}
    if isinstance(detail, list):
        return {"code": "validation_error", "message": "; ".join(map(_validation_error, detail)), "details": detail}
    return {"message": detail}


def _validation_error(item: Any) -> str:
    """One entry of FastAPI's list: where, and what."""
    if not isinstance(item, dict):
        return as_text(item)
    loc = item.get("loc")
    place = ".".join(map(as_text, loc)) if isinstance(loc, list) else as_text(loc)
    return f"{place}: {as_text(item.get('msg', item.get('type')))}".removeprefix(": ")


def _quote(body: bytes) -> str:
    """Some readable words out of a body that is not this API's, such as a gateway's HTML."""
    words = re.sub(r"<[^>]*>|\s+", " ", body[:4000].decode("utf-8", "replace"))
    return " ".join(words.split())[:MAX_EXCERPT_CHARS]


def _words(value: Any) -> str:
    found = as_text(value)
    return found if len(found) <= MAX_FIELD_CHARS else f"{found[:MAX_FIELD_CHARS]}…"


def _plain(value: Any) -> str | None:
    """A number or a text out of JSON, as a header would say it."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{min(value, MAX_WAIT_S):f}"
    return value if isinstance(value, str) else None
