"""Formats times as ScaiGrid does: UTC, milliseconds, with a Z at the end."""

from __future__ import annotations

from datetime import UTC, datetime


def format_timestamp(seconds: float) -> str:
    """Format Unix `seconds` as `2026-04-29T12:34:58.123Z`."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def format_timestamp_or_none(seconds: float | None) -> str | None:
    """Format Unix `seconds`; None stays None."""
    return None if seconds is None else format_timestamp(seconds)
