"""What invoking a Core answers (API §1)."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from scaicore_tui.wire.envelope import parse, unwrap
from scaicore_tui.wire.values import number, optional_text, text


class Invocation(Struct, frozen=True):
    """The answer to an invoke. What comes when the run suspends is undocumented: every field may be missing.

    `error` is what a run that was invoked, and failed, tells; empty where it tells none.
    """

    output: Any = None
    request_id: str | None = None
    duration_ms: float | None = None
    execution_id: str | None = None
    core_id: str | None = None
    error: str = ""


def read_invocation(body: bytes) -> Invocation:
    """The invocation in `body`. Raises ValueError where it is no JSON object, or an error."""
    inner = unwrap(parse(body))
    if not isinstance(inner, dict):
        raise ValueError("it is no invocation")
    return Invocation(
        output=inner.get("output"),
        request_id=optional_text(inner.get("request_id")),
        duration_ms=number(inner.get("duration_ms")),
        execution_id=optional_text(inner.get("execution_id")),
        core_id=optional_text(inner.get("core_id")),
        error=_error(inner.get("error")),
    )


def _error(value: Any) -> str:
    """Return the best text of an error of any shape (API §7)."""
    if isinstance(value, dict):
        return text(value.get("message") or value.get("code") or value)
    return text(value)
