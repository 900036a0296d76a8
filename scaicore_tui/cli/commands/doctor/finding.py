"""One line of a diagnosis."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from msgspec import Struct, field

from scaicore_tui.errors import ScaicoreError


class CheckStatus(StrEnum):
    """How something stands. Only what `failed` makes an exit code."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Finding(Struct, frozen=True):
    """What was looked at, how it stands, and what to do about it; `facts` are the same for programs."""

    name: str
    status: CheckStatus
    message: str
    fix: str = ""
    code: int = 0
    facts: dict[str, Any] = field(default_factory=dict)


def ok(name: str, words: str, **facts: Any) -> Finding:
    """It is as it should be."""
    return Finding(name, CheckStatus.OK, words, facts=facts)


def warning(name: str, words: str, fix: str, **facts: Any) -> Finding:
    """It works, and will get in somebody's way."""
    return Finding(name, CheckStatus.WARNING, words, fix, facts=facts)


def unknown(name: str, words: str, **facts: Any) -> Finding:
    """It can't be known, for a reason that is told elsewhere or is nobody's fault."""
    return Finding(name, CheckStatus.UNKNOWN, words, facts=facts)


def failed(name: str, error: ScaicoreError, fix: str = "", **facts: Any) -> Finding:
    """It does not work, as `error` says."""
    told = f"{error.message} ({error.request_id})" if error.request_id else error.message
    words = " · ".join(filter(None, (told, error.effect)))
    return Finding(name, CheckStatus.FAILED, words, fix or error.hint or "see above", error.exit_code, facts)
