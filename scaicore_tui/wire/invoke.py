"""What invoking a Core answers (API §1)."""

from __future__ import annotations

from typing import Any

from scaicore_tui.wire.base import OptionalText, Wire
from scaicore_tui.wire.envelope import parse, unwrap


class Invocation(Wire):
    """The answer to an invoke. What comes when the run suspends is undocumented: every field may be missing."""

    output: Any = None
    request_id: OptionalText = None
    duration_ms: float | None = None
    execution_id: OptionalText = None


def read_invocation(body: bytes) -> Invocation:
    """The invocation in `body`. Raises ValueError where it is no JSON object."""
    inner = unwrap(parse(body))
    if not isinstance(inner, dict):
        raise ValueError("the answer is no invocation")
    return Invocation.model_validate(inner)
