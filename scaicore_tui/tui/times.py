"""Ages and deadlines of moments, in a few cells. Pure."""

from __future__ import annotations

from scaicore_tui.runs.words import age
from scaicore_tui.wire.timestamps import seconds

_STEP = 10
NOW = "now"


def since(at: int | None, now: float) -> str:
    """The age of a moment in microseconds, at `now` in seconds since 1970; empty where the moment is unknown.

    In steps of ten seconds, so that rows are rarely painted again; below that it is NOW.
    """
    if at is None:
        return ""
    passed = (now - seconds(at)) // _STEP * _STEP
    return age(passed) if passed > 0 else NOW


def until(at: int, now: float) -> str:
    """How far a deadline in microseconds is off."""
    left = seconds(at) - now
    return f"in {age(left)}" if left >= 0 else f"{age(-left)} ago"
