"""Recognizes an error that came with a status of success: its body says that it is an error (API §5)."""

from __future__ import annotations

from typing import Any

ERROR = "error"
# Members that only a success has. A checkpoint's own `status` may be any word, and a failed run may tell its `error`.
_RESULTS = ("data", "id", "output", "duration_ms", "execution_id", "events", "checkpoints")
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
    if "id" not in value and (_says_error(value.get("status")) or value.get("success") is False):
        return True
    has_result = any(value.get(name) not in (None, [], {}) for name in _RESULTS)
    return not has_result and any(value.get(name) for name in _REASONS)


def _says_error(status: Any) -> bool:
    return isinstance(status, str) and status.lower() == ERROR
