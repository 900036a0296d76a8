"""The values of a query: durations and moments as people write them, and what they mean at a given time."""

from __future__ import annotations

import re

from msgspec import Struct

from scaicore_tui.timefmt import MICROS_PER_SECOND, parse
from scaicore_tui.units import Micros

_UNITS_MS = {"ms": 1.0, "s": 1e3, "m": 60e3, "h": 3_600e3, "d": 86_400e3, "w": 604_800e3}
_DURATION_PART = r"(\d{1,12}(?:\.\d{1,6})?)(ms|[smhdw])"
_DURATION = re.compile(rf"(?:{_DURATION_PART})+", re.ASCII)
_PART = re.compile(_DURATION_PART, re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?Z?", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?(?:e[+-]?\d{1,2})?", re.ASCII | re.IGNORECASE)
DAY = 86_400 * MICROS_PER_SECOND
MINUTE = 60 * MICROS_PER_SECOND
# A longer time ago than a clock can tell.
MAX_DURATION_MS = 3.2e14


def parse_duration(text: str) -> float | None:
    """Return the milliseconds of a duration such as `200ms`, `1.5h` or `1h30m`; None if it is not one."""
    if not _DURATION.fullmatch(text):
        return None
    ms = sum(float(number) * _UNITS_MS[unit] for number, unit in _PART.findall(text))
    return ms if ms <= MAX_DURATION_MS else None


def parse_number(text: str) -> int | float | None:
    """Return a number; None if it is not one."""
    if not _NUMBER.fullmatch(text):
        return None
    return int(text) if text.lstrip("-").isdecimal() else float(text)


class Period(Struct, frozen=True):
    """The time that a text such as `2026-11-25` names: from `begin` to before `end`, in microseconds since 1970.

    Times from `later` on are later than it: a day ends, while `14:00` is the beginning of its minute. For `1h` (ago),
    the period lasts from then on.
    """

    begin: Micros
    end: Micros
    later: Micros


def is_moment(text: str) -> bool:
    """Return whether `text` names a time."""
    return parse_period(text, 0) is not None


def parse_period(text: str, now: Micros) -> Period | None:
    """Return the time that `text` names at `now` (UTC); None if it names none.

    A clock time is the latest one that is not in the future.
    """
    if (ms := parse_duration(text)) is not None:
        begin = now - round(ms * 1000)
        return Period(begin, max(now, begin) + DAY * 366, begin + 1)
    if clock := _CLOCK.fullmatch(text):
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        begin = now - now % DAY + ((hours * 60 + minutes) * 60 + seconds) * MICROS_PER_SECOND
        begin -= DAY if begin > now else 0
        return Period(begin, begin + (MICROS_PER_SECOND if clock[3] else MINUTE), begin + 1)
    at = parse(text) if "-" in text else None
    if at is None:
        return None
    if _DATE.fullmatch(text):
        return Period(at, at + DAY, at + DAY)
    return Period(at, at + MICROS_PER_SECOND, at + 1)
