"""What an answer says of the rate limit and of the time: headers that ride on every answer (API §5)."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from msgspec import Struct

from scaicore_tui.wire.problems import MAX_WAIT

_PREFIX = "X-Scaigrid-Ratelimit-"


class Quota(Struct, frozen=True):
    """So many requests in any sixty seconds, so many left; `reset` is when the oldest counted one is forgotten, in
    Unix seconds, where the answer says so."""

    limit: int
    remaining: int
    reset: float | None = None

    @property
    def used(self) -> int:
        """How many the server counted, whoever sent them."""
        return self.limit - self.remaining


def read_quota(headers: Mapping[str, str]) -> Quota | None:
    """The quota of an answer; None where it says nothing that makes sense."""
    limit, remaining, reset = (_number(headers.get(_PREFIX + name)) for name in ("Limit", "Remaining", "Reset"))
    if limit is None or remaining is None or not 0 <= remaining <= limit or limit < 1:
        return None
    return Quota(int(limit), int(remaining), reset)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, as `Retry-After` says; no more than anybody should be asked to."""
    seconds = _number(headers.get("Retry-After"))
    return None if seconds is None else min(MAX_WAIT, max(0.0, seconds))


def server_time(headers: Mapping[str, str]) -> float | None:
    """What time it is there, in Unix seconds; None where an answer does not say, or was kept on its way."""
    told = headers.get("Date")
    if not told or headers.get("Age", "0") != "0":
        return None
    try:
        return parsedate_to_datetime(told).timestamp()
    except (ValueError, OverflowError):
        return None


def kept_for(headers: Mapping[str, str]) -> float:
    """How old an answer was when it came, in seconds: something on its way may have kept it (RFC 9111 §5.1)."""
    seconds = _number(headers.get("Age"))
    return 0.0 if seconds is None else min(MAX_WAIT, max(0.0, seconds))


def _number(text: str | None) -> float | None:
    """A decimal number of a sane size."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if -1e12 < value < 1e12 else None
