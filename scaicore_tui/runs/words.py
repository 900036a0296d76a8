"""Spans of time, and names of any length, in the few characters that a column has: the same on every screen and in
every table."""

from __future__ import annotations

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))
_SECOND_MS = 1_000
# More than any row shows.
MAX_BRIEF = 1_000
_MINUTE_MS = 60_000


def age(seconds: float) -> str:
    """`12s`, `4m`, `3h`, `2d`: at most four characters up to 999 days. The future is `0s`: clocks of servers differ."""
    whole = max(0, int(seconds))
    size, unit = next(((size, unit) for size, unit in _UNITS if whole >= size), (1, "s"))
    return f"{whole // size}{unit}"


def took(milliseconds: float | None) -> str:
    """`412ms`, `3.1s`, `2m05s`, `1h02m`: how long something lasted; empty where it is not known."""
    if milliseconds is None:
        return ""
    if milliseconds < _SECOND_MS:
        return f"{milliseconds:.0f}ms"
    if milliseconds < _MINUTE_MS:
        return f"{milliseconds / _SECOND_MS:.1f}s"
    minutes, seconds = divmod(int(milliseconds / _SECOND_MS), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{seconds:02}s"


def few_signs(count: int) -> str:
    """`999`, `1k`, `99k`, `.1M`, `12M`: a count, rounded down, in at most three signs up to 99 million."""
    if count < 1_000:
        return str(count)
    if count < 100_000:
        return f"{count // 1_000}k"
    return f".{count // 100_000}M" if count < 1_000_000 else f"{count // 1_000_000}M"


def brief(text: str) -> str:
    """As much of a foreign text as a row might show: one of a million signs then costs what others do."""
    return text if len(text) <= MAX_BRIEF else text[:MAX_BRIEF]
