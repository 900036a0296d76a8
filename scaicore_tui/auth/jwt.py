"""Read the claims of a JWT (API §4) without verifying them: only the API can do that."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from msgspec import Struct

_JWT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
# Later expiry times, in seconds since 1970, are ignored as invalid.
_MAX_EXPIRY_S = 1e11


class Claims(Struct, frozen=True):
    """Claims of a JWT; missing ones and those of a wrong type are None or empty. `expires` is in seconds since 1970."""

    subject: str | None = None
    tenant_id: str | None = None
    expires: float | None = None
    scopes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


def is_jwt(token: str) -> bool:
    """Return True if `token` has the form of a JWT."""
    return _JWT.fullmatch(token) is not None


def read_claims(token: str) -> Claims | None:
    """Return the claims of `token`; None if it is not a JWT."""
    if not is_jwt(token):
        return None
    payload = token.split(".")[1]
    try:
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, RecursionError):
        return None
    if not isinstance(claims, dict):
        return None
    return Claims(
        subject=_text(claims.get("sub")),
        tenant_id=_text(claims.get("tenant_id")),
        expires=_expiry(claims.get("exp")),
        scopes=_words(claims.get("scope")),
        groups=_words(claims.get("groups")),
    )


def _words(value: Any) -> tuple[str, ...]:
    """Return the texts of a list, or the words of one text."""
    words = value.split() if isinstance(value, str) else value if isinstance(value, list) else ()
    return tuple(word for word in words if isinstance(word, str))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _expiry(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 < value < _MAX_EXPIRY_S else None
