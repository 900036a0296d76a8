"""Recognizes an error that came with a status of success: its body says that it is an error (API §5)."""

from __future__ import annotations

from typing import Any

_ERROR_WORDS = ("error", "fail", "failure")
LOWEST_ERROR = 400
# Members that only a success has; a failed run may tell its `error` beside them.
_RESULTS = ("data", "id", "output", "duration_ms", "execution_id", "events", "checkpoints")
# A checkpoint's own `status` may be any word, and so may be that of a run that was invoked.
_HAVE_STATUS = ("id", "duration_ms", "execution_id")
_REASONS = ("error", "errors", "detail")


class ErrorEnvelope(ValueError):
    """The body is an error, not what was asked for."""

    def __init__(self) -> None:
        super().__init__("it is an error")


def refuse_error(value: Any) -> None:
    """Raise ErrorEnvelope where a decoded body, or what its `data` wraps, is an error."""
    if _is_error(value) or (isinstance(value, dict) and _is_error(value.get("data"))):
        raise ErrorEnvelope


def _is_error(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    if not any(name in value for name in _HAVE_STATUS) and _says_error(value):
        return True
    has_result = any(value.get(name) not in (None, [], {}) for name in _RESULTS)
    return not has_result and _has_reason(value)


def _says_error(value: dict[str, Any]) -> bool:
    status = value.get("status")
    if isinstance(status, int):
        return status >= LOWEST_ERROR
    return value.get("success") is False or (isinstance(status, str) and status.lower() in _ERROR_WORDS)


def _has_reason(value: dict[str, Any]) -> bool:
    has_code = isinstance(value.get("code"), str) and bool(value.get("message"))
    return has_code or any(value.get(name) for name in _REASONS)
