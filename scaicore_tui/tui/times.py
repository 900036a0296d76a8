"""Spans of time in a few cells: ages and durations. Pure."""

from __future__ import annotations

_STEP = 10
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"))


def age(seconds: float) -> str:
    """How long ago, in one unit: `12s`, `4m`, `3h`, `9d`. Never negative: clocks of servers differ."""
    whole = max(0, int(seconds))
    for size, unit in _UNITS:
        if whole >= size:
            return f"{whole // size}{unit}"
    return f"{whole}s"


def since(at: int | None, now: float) -> str:
    """The age of a moment in microseconds, at `now` in seconds since 1970; empty where the moment is unknown.

    In steps of ten seconds, so that rows are rarely painted again; below that it is `now`.
    """
    if at is None:
        return ""
    seconds = (now - at / 1_000_000) // _STEP * _STEP
    return age(seconds) if seconds > 0 else "now"


def until(at: int, now: float) -> str:
    """How far a deadline in microseconds is off."""
    left = at / 1_000_000 - now
    return f"in {age(left)}" if left >= 0 else f"{age(-left)} ago"


def took(milliseconds: float | None) -> str:
    """A duration: `412ms`, `1.2s`, `3m05s`, `2h11m`; empty where it is unknown."""
    if milliseconds is None:
        return ""
    if milliseconds < 1000:
        return f"{milliseconds:.0f}ms"
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest:02d}s" if minutes < 60 else f"{minutes // 60}h{minutes % 60:02d}m"
