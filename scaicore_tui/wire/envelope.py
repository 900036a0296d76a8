"""The three wrappers of a success (API §5): `{"data": …}`, `{"status": "ok", "data": …}`, and none."""

from __future__ import annotations

import json
from typing import Any

from scaicore_tui.json_text import read_float, read_int
from scaicore_tui.wire.error_envelope import refuse_error
from scaicore_tui.wire.raw import decode
from scaicore_tui.wire.values import text
from scaicore_tui.wire.walk import is_deep


def parse(body: bytes) -> Any:
    """The JSON of `body`. Raises ValueError where it is none, or nested too deeply."""
    if is_deep(body):
        raise ValueError("it is nested too deeply")
    try:
        return json.loads(decode(body), strict=False, parse_float=read_float, parse_int=read_int)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def unwrap(value: Any) -> Any:
    """What is inside the wrapper. A body is wrapped only if it has `data` and nothing but wrapper fields beside.

    Raises ErrorEnvelope where the body is an error.
    """
    refuse_error(value)
    if isinstance(value, dict) and "data" in value and value.keys() <= {"data", "status", "meta"}:
        return value["data"]
    return value


def cursor(page: dict[str, Any]) -> str | None:
    """The cursor to the next page; None at the feed's end: null, absent or empty (API §7)."""
    return text(page.get("next_cursor")) or None
