"""ISO-8601 texts and the numbers behind them: microseconds since 1970 UTC, as `int`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000
# What a date can tell: an offset may lead out of it.
_FIRST = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND


def parse(text: str | None) -> int | None:
    """Microseconds of an ISO-8601 text; None where it can't be read, or is no year from 1 to 9999 in UTC. Without a
    zone it is UTC."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    at = (moment - _EPOCH) // _MICROSECOND
    return at if _FIRST <= at <= _LAST else None


def whole_seconds(text: str) -> bool:
    """Whether a timestamp is written with a resolution of one second."""
    return "." not in text and "," not in text


def iso(at: int | None) -> str | None:
    """ISO-8601 of microseconds, with no more digits than the value needs: none, three or six."""
    if at is None:
        return None
    moment = _EPOCH + at * _MICROSECOND
    spec = "seconds" if not at % SECOND else "milliseconds" if not at % 1000 else "microseconds"
    return moment.isoformat(timespec=spec).replace("+00:00", "Z")


def seconds(at: int) -> float:
    """Microseconds as seconds, to compare with a clock."""
    return at / SECOND
