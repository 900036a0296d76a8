"""Foreign values, read for what they are and never refused for what they should have been."""

from __future__ import annotations

from typing import Any

from scaicore_tui.json_text import JsonNumber, write
from scaicore_tui.wire.walk import UNREAD


def text(value: Any) -> str:
    """A text, or the JSON of whatever stands in its place; empty where nothing does, or where it can't be read."""
    if isinstance(value, str):
        return value
    return "" if value is None or value is UNREAD else write(value)


def optional_text(value: Any) -> str | None:
    """The same; None where it is absent or empty."""
    return None if value is None or value == "" else text(value)


def number(value: Any) -> float | None:
    """A number, as a plain one; None for what is none."""
    if isinstance(value, JsonNumber):
        return float(value)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
