"""Texts of moments and the numbers behind them: microseconds since 1970 UTC, as `int`.

Read are RFC 3339 in full, the rest of ISO 8601, the dates of mail and HTTP, and seconds since 1970 or parts of these.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
MICROS_PER_SECOND = 1_000_000
# What a date can tell: an offset may lead out of it.
_FIRST = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
# No text of a moment is longer.
_LONGEST = 64
# Seconds since 1970, or thousandths, millionths or billionths of them: told apart by how many digits there are.
_NUMBER = re.compile(r"(-?\d{9,19})(?:[.,](\d+))?")
_DIGITS = 11
# Digits of a date without a time.
_DATE = 8
# A leap second is the first moment of the minute that follows.
_LEAP = re.compile(r"(\d\d:?\d\d:?)60(?!\d)")
_ZONE = re.compile(r"\s*(?:z|utc|gmt)$|\s+(?=[+-]\d\d:?(?:\d\d)?$)", re.IGNORECASE)


def parse(text: str | None) -> int | None:
    """Microseconds of the moment that a text tells; None where it can't be read, or is no year from 1 to 9999 in UTC.
    Without a zone it is UTC."""
    if not text or len(text) > _LONGEST:
        return None
    if text.isdecimal() and len(text) > _DATE:
        return _other_form(text)  # which `datetime` would take for digits of a date
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _other_form(text.strip())
    return _number(moment)


def _other_form(text: str) -> int | None:
    """The same of what `datetime` does not take as it is."""
    number = _NUMBER.fullmatch(text)
    if number is not None:
        return _of_number(int(number[1]), number[2] or "")
    if text[:1].isalpha():
        return _of_mail(text)
    plain = _ZONE.sub(lambda found: "+00:00" if found[0].strip() else "", text)
    plain, leaps = _LEAP.subn(r"\g<1>59", plain, count=1)
    try:
        at = _number(datetime.fromisoformat(plain))
    except ValueError:
        return None
    return at if at is None or not leaps else at - at % MICROS_PER_SECOND + MICROS_PER_SECOND


def _of_number(whole: int, rest: str) -> int | None:
    # Up to eleven digits they are seconds, up to fourteen thousandths of them, and so on.
    digits, size = len(str(abs(whole))), 6
    while digits > _DIGITS and size > -3:
        digits, size = digits - 3, size - 3
    part = int((rest + "0" * 6)[: max(size, 0)] or "0")
    at = whole * 10**size + (part if whole >= 0 else -part) if size >= 0 else whole // 10**-size
    return at if _FIRST <= at <= _LAST else None


def _of_mail(text: str) -> int | None:
    try:
        return _number(parsedate_to_datetime(text))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _number(moment: datetime) -> int | None:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    at = (moment - _EPOCH) // _MICROSECOND
    return at if _FIRST <= at <= _LAST else None


def has_whole_seconds(text: str) -> bool:
    """Whether a timestamp is written with a resolution of one second."""
    return "." not in text and "," not in text


def format_iso(at: int | None) -> str | None:
    """ISO-8601 of microseconds, with no more digits than the value needs: none, three or six."""
    if at is None:
        return None
    moment = _EPOCH + at * _MICROSECOND
    spec = "seconds" if not at % MICROS_PER_SECOND else "milliseconds" if not at % 1000 else "microseconds"
    return moment.isoformat(timespec=spec).replace("+00:00", "Z")


def to_seconds(at: int) -> float:
    """Microseconds as seconds, to compare with a clock."""
    return at / MICROS_PER_SECOND


_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))
_SECOND_MS = 1_000
_MINUTE_MS = 60_000


def format_age(seconds: float) -> str:
    """`12s`, `4m`, `3h`, `2d`: at most four characters up to 999 days. The future is `0s`: clocks of servers differ."""
    whole = max(0, int(seconds))
    size, unit = next(((size, unit) for size, unit in _UNITS if whole >= size), (1, "s"))
    return f"{whole // size}{unit}"


def format_duration(milliseconds: float | None) -> str:
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


def format_span(begin: int | None, end: int | None, now: float) -> str:
    """`12:01:32 to 14:00:00Z`, with dates and without seconds where not all of it is today; `after` or `before` where
    only one is known. Both are in microseconds, `now` in seconds since 1970."""
    known = [_stamp(at) for at in (begin, end) if at is not None]
    today = _stamp(int(now) * MICROS_PER_SECOND)[:10]
    shown = [stamp[11:19] if all(other[:10] == today for other in known) else stamp[5:16] for stamp in known]
    if len(shown) == 1:
        shown.insert(0, "before" if begin is None else "after")
        return f"{' '.join(shown)}Z"
    return f"{' to '.join(shown)}Z" if shown else ""


def format_time(at: int | None, now: float) -> str:
    """`12:01:32Z`, with the date before it where that is another day; `at` in microseconds, `now` in seconds since
    1970."""
    if at is None:
        return ""
    stamp = _stamp(at)
    return f"{stamp[11:] if stamp[:10] == _stamp(int(now) * MICROS_PER_SECOND)[:10] else stamp[5:]}Z"


def _stamp(at: int) -> str:
    """`2026-04-29 12:01:32`, in UTC."""
    return (format_iso(at - at % MICROS_PER_SECOND) or "")[:19].replace("T", " ")


def format_count(count: int) -> str:
    """`999`, `1k`, `99k`, `.1M`, `12M`: a count, rounded down, in at most three signs up to 99 million."""
    if count < 1_000:
        return str(count)
    if count < 100_000:
        return f"{count // 1_000}k"
    return f".{count // 100_000}M" if count < 1_000_000 else f"{count // 1_000_000}M"


_STEP = 10
NOW = "now"


def age_text(at: int | None, now: float) -> str:
    """The age of a moment in microseconds, at `now` in seconds since 1970; empty where the moment is unknown.

    In steps of ten seconds, so that rows are rarely painted again; below that it is NOW.
    """
    if at is None:
        return ""
    passed = (now - to_seconds(at)) // _STEP * _STEP
    return format_age(passed) if passed > 0 else NOW


def deadline_text(at: int, now: float) -> str:
    """How far a deadline in microseconds is off."""
    left = to_seconds(at) - now
    return f"in {format_age(left)}" if left >= 0 else f"{format_age(-left)} ago"
