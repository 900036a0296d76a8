"""Define the result of one check."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from msgspec import Struct, field

from scaicore_tui.errors import ScaicoreError


class CheckStatus(StrEnum):
    """Result of a check. Only FAILED changes the exit code."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Finding(Struct, frozen=True):
    """The result of one check.

    `name` is the check; `message` says what was found, `fix` what to do, for people; `facts` is the same for programs.
    """

    name: str
    status: CheckStatus
    message: str
    fix: str = ""
    code: int = 0
    facts: dict[str, Any] = field(default_factory=dict)


def ok(name: str, message: str, **facts: Any) -> Finding:
    """Return the finding of a check that passed."""
    return Finding(name, CheckStatus.OK, message, facts=facts)


def warning(name: str, message: str, fix: str, **facts: Any) -> Finding:
    """Return the finding of something that works, but will cause problems."""
    return Finding(name, CheckStatus.WARNING, message, fix, facts=facts)


def unknown(name: str, message: str, **facts: Any) -> Finding:
    """Return the finding of a check that was not possible; another finding says why, or it is no problem."""
    return Finding(name, CheckStatus.UNKNOWN, message, facts=facts)


def failed(name: str, error: ScaicoreError, fix: str = "", **facts: Any) -> Finding:
    """Return the finding of something that does not work, with the exit code of `error`."""
    text = f"{error.message} ({error.request_id})" if error.request_id else error.message
    message = " · ".join(filter(None, (text, error.effect)))
    return Finding(name, CheckStatus.FAILED, message, fix or error.hint or "see above", error.exit_code, facts)
