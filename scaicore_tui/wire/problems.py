"""The three styles of an error body, plus whatever else a proxy on the way may send (API §5)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from scaicore_tui import errors
from scaicore_tui.text import named, quoted
from scaicore_tui.wire.envelope import parse
from scaicore_tui.wire.values import optional_text, text

MAX_FOREIGN_MESSAGE = 200


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
        return kind(
            f"{said} [{self.status}{name}]",
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


def read_problem(status: int, headers: Mapping[str, str], body: bytes) -> Problem:
    """The problem that an answer with an error status tells. Never raises: an unreadable body is quoted."""
    lowered = {name.lower(): value for name, value in headers.items()}
    try:
        fields = _fields(parse(body))
    except ValueError:
        fields = {"message": _quote(body)}
    waits = (lowered.get("retry-after"), fields.get("retry_after"))
    return Problem(
        status=status,
        code=text(fields.get("code")),
        message=text(fields.get("message")),
        fix=optional_text(fields.get("fix")),
        request_id=optional_text(fields.get("request_id") or lowered.get("x-request-id")),
        retry_after=next((seconds for seconds in map(_seconds, waits) if seconds is not None), None),
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


def _seconds(value: Any) -> float | None:
    try:
        return max(0.0, float(value))
    except (TypeError, ValueError):
        return None
