"""Numbers and moments in the headers of an answer. Pure.

Headers are input like any other: a value that is not of the documented form is ignored, and what is used is bounded.
A header that came twice is one value with a comma in it (RFC 9110 §5.2).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_tz

# Nobody is asked to wait longer than an hour.
MAX_WAIT_S = 3600.0
# The largest age that a cache has to be able to tell (RFC 9111 §1.2.2).
MAX_AGE_S = 2.0**31
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?", re.ASCII)


def parse_numbers(text: str | None) -> list[float]:
    """Return the members of a header's value that are decimal numbers of zero and more."""
    members = (member.strip(" \t") for member in (text or "").split(","))
    return [float(member) for member in members if _NUMBER.fullmatch(member)]


def parse_single_number(text: str | None) -> float | None:
    """Return the number that a header holds, once or several times; None for any other value."""
    found = set(parse_numbers(text))
    return found.pop() if len(found) == 1 and len(parse_numbers(text)) == (text or "").count(",") + 1 else None


def parse_http_date(text: str | None) -> float | None:
    """Return the moment of an HTTP date in any of its three forms (RFC 9110 §5.6.7), in Unix seconds."""
    try:
        fields = parsedate_tz((text or "").strip())
        if fields is None:
            return None
        # The asctime form names no zone, and means UTC as the others do. A leap second has the number 60.
        zone = timezone(timedelta(seconds=fields[9] or 0))
        return datetime(*fields[:5], min(fields[5], 59), tzinfo=zone).timestamp()
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def parse_retry_after(text: str | None, now: float | None) -> float | None:
    """Return the seconds to wait that a `Retry-After` asks for, in either of its forms (RFC 9110 §10.2.3).

    A date is relative to `now`, the time that the server says it is. No longer than MAX_WAIT; None for any other value.
    """
    seconds = max(parse_numbers(text), default=None)
    if seconds is None and now is not None and (moment := parse_http_date(text)) is not None:
        seconds = max(0.0, moment - now)
    return None if seconds is None else min(MAX_WAIT_S, seconds)


def cached_age(headers: Mapping[str, str]) -> float:
    """Return how old an answer was when it came, in seconds: a cache on the way may have kept it (RFC 9111 §5.1).

    Of several values the largest, so that nothing looks fresher than it is.
    """
    return min(MAX_AGE_S, max(parse_numbers(headers.get("Age")), default=0.0))


def server_time(headers: Mapping[str, str]) -> float | None:
    """Return the time that it is at the server, in Unix seconds; None where an answer does not say, or may have been
    kept on the way."""
    age = headers.get("Age")
    if age is not None and (cached_age(headers) or not parse_numbers(age)):
        return None
    return parse_http_date(headers.get("Date"))
