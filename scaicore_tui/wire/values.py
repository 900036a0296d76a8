"""Foreign values, read for what they are and never refused for what they should have been."""

from __future__ import annotations

from typing import Any


def text(value: Any) -> str:
    """A text, or that of whatever stands in its place; empty where nothing does."""
    return value if isinstance(value, str) else "" if value is None else str(value)


def optional_text(value: Any) -> str | None:
    """The same; None where it is absent or empty."""
    return None if value is None or value == "" else text(value)


def number(value: Any) -> float | None:
    """A number; None for what is none."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
