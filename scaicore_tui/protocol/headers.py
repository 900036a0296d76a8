"""Parse numbers and times in response headers. Pure.

Headers are untrusted input: a value of another form than documented is ignored, and all results are limited. A repeated
header is one value with commas (RFC 9110 §5.2).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_tz

# Longer waits are cut to an hour.
MAX_WAIT_S = 3600.0
# The largest age, in seconds, that a cache must support (RFC 9111 §1.2.2).
MAX_AGE_S = 2.0**31
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?", re.ASCII)


def parse_numbers(text: str | None) -> list[float]:
    """Return the members of a header value that are non-negative decimal numbers."""
    members = (member.strip(" \t") for member in (text or "").split(","))
    return [float(member) for member in members if _NUMBER.fullmatch(member)]


def parse_single_number(text: str | None) -> float | None:
    """Return the number in a header, which may be repeated; None for any other value."""
    found = set(parse_numbers(text))
    return found.pop() if len(found) == 1 and len(parse_numbers(text)) == (text or "").count(",") + 1 else None


def parse_http_date(text: str | None) -> float | None:
    """Return an HTTP date of any of the three forms (RFC 9110 §5.6.7) in Unix seconds; None for any other value."""
    try:
        fields = parsedate_tz((text or "").strip())
        if fields is None:
            return None
        # The asctime form has no zone and means UTC. A leap second is number 60.
        zone = timezone(timedelta(seconds=fields[9] or 0))
        return datetime(*fields[:5], min(fields[5], 59), tzinfo=zone).timestamp()
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def parse_retry_after(text: str | None, now: float | None) -> float | None:
    """Return the seconds to wait that a `Retry-After` asks for, in either of its forms (RFC 9110 §10.2.3).

    A date is relative to `now`, the time that the server says it is. No longer than MAX_WAIT; None for any other value.
    """
    seconds = max(parse_numbers(text), default=None)
    if seconds is None and now is not None and (date := parse_http_date(text)) is not None:
        seconds = max(0.0, date - now)
    return None if seconds is None else min(MAX_WAIT_S, seconds)


def cached_age(headers: Mapping[str, str]) -> float:
    """Return the age of a response from a cache, in seconds, when it arrived (RFC 9111 §5.1).

    Of several values the largest, so that data never looks fresher than it is.
    """
    return min(MAX_AGE_S, max(parse_numbers(headers.get("Age")), default=0.0))


def server_time(headers: Mapping[str, str]) -> float | None:
    """Return the server's time in Unix seconds; None if the response has none or may come from a cache."""
    age = headers.get("Age")
    if age is not None and (cached_age(headers) or not parse_numbers(age)):
        return None
    return parse_http_date(headers.get("Date"))
