"""How the grid writes a moment: UTC, milliseconds, a Z at the end."""

from __future__ import annotations

from datetime import UTC, datetime


def stamp(seconds: float) -> str:
    """`seconds` since 1970 as `2026-04-29T12:34:58.123Z`."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def stamp_or_none(seconds: float | None) -> str | None:
    """The stamp of a moment that may not have come."""
    return None if seconds is None else stamp(seconds)
