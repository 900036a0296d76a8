"""The three styles of an error body, plus whatever else a proxy on the way may send (API §5)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from scaicore_tui import errors
from scaicore_tui.text import named, quoted
from scaicore_tui.wire.envelope import parse
from scaicore_tui.wire.headers import MAX_WAIT, retry_after, server_time
from scaicore_tui.wire.values import text

MAX_FOREIGN_MESSAGE = 200
# A reason, a code or an id of more signs is cut: it goes on one line.
MAX_WORDS = 500
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

    def error(self) -> errors.ScaicoreError:
        """The exception that this problem is to a caller. What the server says, or repeats, is in quotes."""
        kind = _KINDS.get(self.status, errors.CannotReach if self.status in (502, 503, 504) else errors.Refused)
        name = f" {named(self.code)}" if self.code else ""
        said = quoted(self.message) if self.message else "no reason given"
        message = f"{said} [{self.status}{name}]"
        return kind(
            f"401: sign in again: {message}" if self.status == UNAUTHORIZED else message,
            hint=quoted(self.fix) if self.fix else "",
            request_id=named(self.request_id) if self.request_id else None,
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


def read_problem(status: int, headers: Mapping[str, str], body: bytes, now: float | None = None) -> Problem:
    """The problem that an answer with an error status tells. Never raises: an unreadable body is quoted.

    `now` is the time at the server, in Unix seconds, for dates in the headers; without it the answer's own `Date` is.
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
        retry_after=next((wait for said in waits if (wait := retry_after(_plain(said), now)) is not None), None),
        details=fields.get("details"),
    )


def _fields(body: Any) -> dict[str, Any]:
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        return _scaigrid(body)
    if isinstance(body, dict) and "detail" in body:
        return _scaiflow(body["detail"])
    return {"message": _quote(str(body).encode())}


def _scaigrid(body: dict[str, Any]) -> dict[str, Any]:
    error, meta = body["error"], body.get("meta")
    return {
        "code": error.get("code"),
        "message": error.get("message"),
        "details": error.get("details"),
        "retry_after": error.get("retry_after"),
        "request_id": meta.get("request_id") if isinstance(meta, dict) else None,
    }


def _scaiflow(detail: Any) -> dict[str, Any]:
    if isinstance(detail, dict):
        return {"code": detail.get("error"), "message": detail.get("message"), "fix": detail.get("fix")}
    if isinstance(detail, list):
        return {"code": "validation_error", "message": "; ".join(map(_complaint, detail)), "details": detail}
    return {"message": detail}


def _complaint(item: Any) -> str:
    """One entry of FastAPI's list: where, and what."""
    if not isinstance(item, dict):
        return str(item)
    place = ".".join(str(part) for part in item.get("loc", ()))
    return f"{place}: {item.get('msg', item.get('type', ''))}".removeprefix(": ")


def _quote(body: bytes) -> str:
    """Some readable words out of a body that is not this API's, such as a gateway's HTML."""
    words = re.sub(r"<[^>]*>|\s+", " ", body[:4000].decode("utf-8", "replace"))
    return " ".join(words.split())[:MAX_FOREIGN_MESSAGE]


def _words(value: Any) -> str:
    found = text(value)
    return found if len(found) <= MAX_WORDS else f"{found[:MAX_WORDS]}…"


def _plain(value: Any) -> str | None:
    """A number or a text out of JSON, as a header would say it."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{min(value, MAX_WAIT):f}"
    return value if isinstance(value, str) else None
