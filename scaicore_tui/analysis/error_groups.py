"""Error groups: failures of one Core and node whose errors differ only in numbers, ids, paths and quoted values."""

from __future__ import annotations

import re

from scaicore_tui.runs import Summary

MAX_KEY_CHARS = 300
_CODE = re.compile(r"([A-Z][A-Z0-9_]{1,60}): ", re.ASCII)
# In this order: what an earlier pattern replaced is not looked at again. No pattern can backtrack far.
_MASKS = (
    (re.compile(r"\"[^\"\n]{0,200}\"|“[^”\n]{0,200}”|‘[^’\n]{0,200}’|(?<!\w)'[^'\n]{0,200}'"), "“…”"),
    (re.compile(r"(?<![\w/])(?:~|\.{1,2})?/[^\s:;,()]+"), "/…"),
    (re.compile(r"\b(?=\w*\d)\w+(?:-\w+)*\b"), "#"),
)


def split_code(error: str) -> tuple[str | None, str]:
    """Return the code with which the text of an error begins, None without one, and what follows."""
    code = _CODE.match(error)
    return (code[1], error[code.end() :]) if code else (None, error)


def masked(error: str) -> str:
    """Return the text of an error with `#` for numbers and ids, `/…` for paths and `“…”` for quoted values."""
    for pattern, replacement in _MASKS:
        error = pattern.sub(replacement, error)
    return error


def error_group_key(summary: Summary) -> str | None:
    """Return the key of the group of a failed run: Core, node and masked error; None if it has no error."""
    if summary.error is None:
        return None
    return "\n".join((summary.core_id or "", summary.failed_node or "", masked(summary.error)))[:MAX_KEY_CHARS]
