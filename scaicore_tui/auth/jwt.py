"""What a JWT says of itself (API §4). Read, never verified: only the API can tell whether any of it is true."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from msgspec import Struct

_JWT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
# No token lives until here, in seconds since 1970.
_END_OF_TIME = 1e11


class Claims(Struct, frozen=True):
    """`expires` is in seconds since 1970. What is not there, or of the wrong kind, is None or empty."""

    subject: str | None = None
    tenant_id: str | None = None
    expires: float | None = None
    scopes: tuple[str, ...] = ()


def is_jwt(token: str) -> bool:
    """Whether it has the shape of one."""
    return _JWT.fullmatch(token) is not None


def read_claims(token: str) -> Claims | None:
    """The claims of `token`; None where it is no JWT."""
    if not is_jwt(token):
        return None
    part = token.split(".")[1]
    try:
        read = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return None
    if not isinstance(read, dict):
        return None
    scope = read.get("scope")
    words = scope.split() if isinstance(scope, str) else scope if isinstance(scope, list) else ()
    return Claims(
        subject=_text(read.get("sub")),
        tenant_id=_text(read.get("tenant_id")),
        expires=_moment(read.get("exp")),
        scopes=tuple(word for word in words if isinstance(word, str)),
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _moment(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 < value < _END_OF_TIME else None
