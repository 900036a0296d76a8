"""A small number for a JSON value, to look among many for an equal one without keeping them all.

Equal values have equal digests, in every process; equal digests prove nothing.
"""

from __future__ import annotations

import json
from typing import Any
from zlib import crc32

# What lies deeper makes no difference to the digest: however deep a value is, it costs no stack.
MAX_DEPTH = 8


def digest(value: Any) -> int:
    """The digest of a decoded JSON value."""
    return crc32(json.dumps(_plain(value, MAX_DEPTH), sort_keys=True).encode())


NOTHING = crc32(b"null")


def _plain(value: Any, depth: int) -> Any:
    """The value with one way to write each number: 1, 1.0 and true are equal, to Python and so to whoever compares."""
    if isinstance(value, str) or value is None:
        return value
    if isinstance(value, dict):
        return {key: _plain(inner, depth - 1) for key, inner in value.items()} if depth else "{}"
    if isinstance(value, list):
        return [_plain(inner, depth - 1) for inner in value] if depth else "[]"
    # The hash of a number does not depend on the process, as that of a text does.
    return hash(value) if isinstance(value, int | float) and value == value else None
