"""Who is asking, and what they may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest
from types import MappingProxyType
from typing import Final

from starlette.requests import Request

from scaicore_tui.grid.problems import Problem

VIEW: Final = "scaicore:view"
MANAGE: Final = "scaicore:manage"
RESOLVE: Final = "scaicore:checkpoint_resolve"

PERMISSIONS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"manager": (VIEW, MANAGE, RESOLVE), "reviewer": (VIEW, RESOLVE), "viewer": (VIEW,)}
)
"""Role → what it may do."""

_API_KEY_PREFIX: Final = "sgk_"
_USERS: Final = {"manager": "usr_demo_manager", "reviewer": "usr_demo_reviewer", "viewer": "usr_demo_viewer"}


@dataclass(frozen=True)
class Caller:
    """A known token's owner. `is_api_key` decides the rate limit."""

    token: str
    role: str
    is_api_key: bool

    @property
    def user_id(self) -> str:
        return _USERS[self.role]

    @property
    def permissions(self) -> tuple[str, ...]:
        return PERMISSIONS[self.role]

    def require(self, permission: str) -> None:
        """Raise a 403 Problem without `permission`."""
        if permission not in self.permissions:
            raise Problem(403, "AUTHZ_PERMISSION_DENIED", f"{permission} required", {"role": self.role})


class Guard:
    """Knows the tokens. It never tells how much of a wrong one was right."""

    def __init__(self, tokens: Mapping[str, str]) -> None:
        unknown = sorted(set(tokens.values()) - PERMISSIONS.keys())
        if unknown:
            raise ValueError(f"unknown role {unknown[0]!r}; roles are {', '.join(PERMISSIONS)}")
        self._tokens = dict(tokens)

    def identify(self, request: Request) -> Caller:
        """The caller behind the bearer token. Raises a 401 Problem."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise _unauthorized("AUTH_TOKEN_MISSING", "a bearer token is required")
        role = self._role_of(token.strip())
        if role is None:
            raise _unauthorized("AUTH_TOKEN_INVALID", "the bearer token is not known here")
        return Caller(token.strip(), role, token.strip().startswith(_API_KEY_PREFIX))

    def _role_of(self, token: str) -> str | None:
        """Compares with every token in constant time, and never stops early."""
        found = None
        for known, role in self._tokens.items():
            if compare_digest(known.encode(), token.encode("utf-8", "replace")):
                found = role
        return found


def _unauthorized(code: str, message: str) -> Problem:
    return Problem(401, code, message, headers={"WWW-Authenticate": "Bearer"})
