"""Spans of time, and names of any length, in the few characters that a column has: the same on every screen and in
every table."""

from __future__ import annotations

from scaicore_tui.wire.timestamps import SECOND, iso

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))
_SECOND_MS = 1_000
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


def between(begin: int | None, end: int | None, now: float) -> str:
    """`12:01:32 to 14:00:00Z`, with dates and without seconds where not all of it is today; `after` or `before` where
    only one is known. Both are in microseconds, `now` in seconds since 1970."""
    known = [_stamp(at) for at in (begin, end) if at is not None]
    today = _stamp(int(now) * SECOND)[:10]
    shown = [stamp[11:19] if all(other[:10] == today for other in known) else stamp[5:16] for stamp in known]
    if len(shown) == 1:
        shown.insert(0, "before" if begin is None else "after")
        return f"{' '.join(shown)}Z"
    return f"{' to '.join(shown)}Z" if shown else ""


def moment(at: int | None, now: float) -> str:
    """`12:01:32Z`, with the date before it where that is another day; `at` in microseconds, `now` in seconds since
    1970."""
    if at is None:
        return ""
    stamp = _stamp(at)
    return f"{stamp[11:] if stamp[:10] == _stamp(int(now) * SECOND)[:10] else stamp[5:]}Z"


def _stamp(at: int) -> str:
    """`2026-04-29 12:01:32`, in UTC."""
    return (iso(at - at % SECOND) or "")[:19].replace("T", " ")


def few_signs(count: int) -> str:
    """`999`, `1k`, `99k`, `.1M`, `12M`: a count, rounded down, in at most three signs up to 99 million."""
    if count < 1_000:
        return str(count)
    if count < 100_000:
        return f"{count // 1_000}k"
    return f".{count // 100_000}M" if count < 1_000_000 else f"{count // 1_000_000}M"
