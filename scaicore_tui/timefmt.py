"""Parse timestamps, and format times, ages, durations and counts.

A time is an `int` of microseconds since 1970 UTC, unless a name or docstring says otherwise. `parse` accepts RFC 3339,
ISO 8601, the dates of mail and HTTP, and numbers of seconds, milliseconds, microseconds or nanoseconds since 1970.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from scaicore_tui.units import Micros

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
MICROS_PER_SECOND = 1_000_000
# The range of years 1 to 9999 in UTC; a text with an offset may lie outside.
_FIRST = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_MAX_TIMESTAMP_CHARS = 64
# Seconds, milliseconds, microseconds or nanoseconds since 1970; the number of digits tells which.
_NUMBER = re.compile(r"(-?\d{9,19})(?:[.,](\d+))?")
_MAX_SECONDS_DIGITS = 11
# A date without a time, as in 20260429.
_DATE_DIGITS = 8
# A leap second counts as the start of the next minute.
_LEAP = re.compile(r"(\d\d:?\d\d:?)60(?!\d)")
_ZONE = re.compile(r"\s*(?:z|utc|gmt)$|\s+(?=[+-]\d\d:?(?:\d\d)?$)", re.IGNORECASE)


def parse(text: str | None) -> Micros | None:
    """Parse a timestamp; without a time zone it is UTC.

    Return None if it cannot be parsed or lies outside the years 1 to 9999.
    """
    if not text or len(text) > _MAX_TIMESTAMP_CHARS:
        return None
    if text.isdecimal() and len(text) > _DATE_DIGITS:
        return _parse_other_formats(text)  # `datetime` would read the digits as a date
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _parse_other_formats(text.strip())
    return _to_micros(moment)


def _parse_other_formats(text: str) -> int | None:
    """Parse the formats that `datetime.fromisoformat` rejects."""
    number = _NUMBER.fullmatch(text)
    if number is not None:
        return _parse_number(int(number[1]), number[2] or "")
    if text[:1].isalpha():
        return _parse_mail_date(text)
    plain = _ZONE.sub(lambda found: "+00:00" if found[0].strip() else "", text)
    plain, leaps = _LEAP.subn(r"\g<1>59", plain, count=1)
    try:
        micros = _to_micros(datetime.fromisoformat(plain))
    except ValueError:
        return None
    if micros is None or not leaps:
        return micros
    return micros - micros % MICROS_PER_SECOND + MICROS_PER_SECOND


def _parse_number(whole: int, fraction: str) -> int | None:
    # Up to 11 digits are seconds, up to 14 milliseconds, and so on. `exponent` converts the unit to microseconds.
    digits, exponent = len(str(abs(whole))), 6
    while digits > _MAX_SECONDS_DIGITS and exponent > -3:
        digits, exponent = digits - 3, exponent - 3
    part = int((fraction + "0" * 6)[: max(exponent, 0)] or "0")
    micros = whole * 10**exponent + (part if whole >= 0 else -part) if exponent >= 0 else whole // 10**-exponent
    return micros if _FIRST <= micros <= _LAST else None


def _parse_mail_date(text: str) -> int | None:
    try:
        return _to_micros(parsedate_to_datetime(text))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _to_micros(moment: datetime) -> Micros | None:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    micros = (moment - _EPOCH) // _MICROSECOND
    return micros if _FIRST <= micros <= _LAST else None


def has_whole_seconds(text: str) -> bool:
    """Return True if a timestamp is written without a fraction of a second."""
    return "." not in text and "," not in text


def format_iso(at: Micros | None) -> str | None:
    """Return a time as ISO 8601 in UTC, with 0, 3 or 6 decimal places, as many as it needs."""
    if at is None:
        return None
    moment = _EPOCH + at * _MICROSECOND
    spec = "seconds" if not at % MICROS_PER_SECOND else "milliseconds" if not at % 1000 else "microseconds"
    return moment.isoformat(timespec=spec).replace("+00:00", "Z")


def to_seconds(at: Micros) -> float:
    """Convert microseconds to seconds, for comparing with a clock."""
    return at / MICROS_PER_SECOND


_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))
_SECOND_MS = 1_000
_MINUTE_MS = 60_000


def format_age(seconds: float) -> str:
    """Return an age such as `12s`, `4m`, `3h` or `2d`: at most four characters up to 999 days.

    A negative age is `0s`, since clocks differ.
    """
    whole = max(0, int(seconds))
    size, unit = next(((size, unit) for size, unit in _UNITS if whole >= size), (1, "s"))
    return f"{whole // size}{unit}"


def format_duration(milliseconds: float | None) -> str:
    """Return a duration such as `412ms`, `3.1s`, `2m05s` or `1h02m`; empty if it is unknown."""
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
    """Return a span of time such as `12:01:32 to 14:00:00Z`.

    If it is not all today, dates replace the seconds. With one end unknown, it is `after …` or `before …`; with both,
    it is empty. `now` is in seconds since 1970.
    """
    known = [_stamp(at) for at in (begin, end) if at is not None]
    today = _stamp(int(now) * MICROS_PER_SECOND)[:10]
    shown = [stamp[11:19] if all(other[:10] == today for other in known) else stamp[5:16] for stamp in known]
    if len(shown) == 1:
        shown.insert(0, "before" if begin is None else "after")
        return f"{' '.join(shown)}Z"
    return f"{' to '.join(shown)}Z" if shown else ""


def format_time(at: Micros | None, now: float) -> str:
    """Return a time such as `12:01:32Z`, with its date if that is not today; `now` is in seconds since 1970."""
    if at is None:
        return ""
    stamp = _stamp(at)
    return f"{stamp[11:] if stamp[:10] == _stamp(int(now) * MICROS_PER_SECOND)[:10] else stamp[5:]}Z"


# Older times are told by their date: until then a clock time names one moment only.
_CLOCK_S = 20 * 3_600
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def clock_or_date(at: Micros | None, now: float) -> str:
    """Return a time in UTC in at most eight cells: `12:01:32`, or `Nov 27` if it is not near `now` (in seconds)."""
    if at is None:
        return ""
    stamp = _stamp(at)
    if abs(now - to_seconds(at)) < _CLOCK_S:
        return stamp[11:]
    return f"{_MONTHS[int(stamp[5:7]) - 1]} {int(stamp[8:10])}" if stamp else ""


def _stamp(at: Micros) -> str:
    """Return a time as `2026-04-29 12:01:32`, in UTC."""
    return (format_iso(at - at % MICROS_PER_SECOND) or "")[:19].replace("T", " ")


def format_count(count: int) -> str:
    """Return a count, rounded down, such as `999`, `1k`, `.1M` or `12M`: at most three characters up to 99 million."""
    if count < 1_000:
        return str(count)
    if count < 100_000:
        return f"{count // 1_000}k"
    return f".{count // 100_000}M" if count < 1_000_000 else f"{count // 1_000_000}M"


_AGE_STEP_S = 10
NOW = "now"


def age_text(at: Micros | None, now: float) -> str:
    """Return the age of a time at `now` in seconds since 1970; empty if the time is unknown.

    Rounded down to ten seconds, so that rows are seldom repainted; less than that is NOW.
    """
    if at is None:
        return ""
    passed = (now - to_seconds(at)) // _AGE_STEP_S * _AGE_STEP_S
    return format_age(passed) if passed > 0 else NOW


def deadline_text(at: Micros, now: float) -> str:
    """Return the time to a deadline, such as `in 4m` or `2h ago`; `now` is in seconds since 1970."""
    left = to_seconds(at) - now
    return f"in {format_age(left)}" if left >= 0 else f"{format_age(-left)} ago"
