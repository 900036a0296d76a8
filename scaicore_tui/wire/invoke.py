"""What invoking a Core answers (API §1)."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from scaicore_tui.wire.envelope import parse, unwrap
from scaicore_tui.wire.values import number, optional_text


class Invocation(Struct, frozen=True):
    """The answer to an invoke. What comes when the run suspends is undocumented: every field may be missing."""

    output: Any = None
    request_id: str | None = None
    duration_ms: float | None = None
    execution_id: str | None = None


def read_invocation(body: bytes) -> Invocation:
    """The invocation in `body`. Raises ValueError where it is no JSON object."""
    inner = unwrap(parse(body))
    if not isinstance(inner, dict):
        raise ValueError("it is no invocation")
    return Invocation(
        output=inner.get("output"),
        request_id=optional_text(inner.get("request_id")),
        duration_ms=number(inner.get("duration_ms")),
        execution_id=optional_text(inner.get("execution_id")),
    )
