"""Authenticates bearer tokens, and says what each role may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest
from types import MappingProxyType
from typing import Final

from starlette.requests import Request

from scaicore_tui.servers.grid.http.problems import GridProblem

VIEW: Final = "scaicore:view"
MANAGE: Final = "scaicore:manage"
RESOLVE: Final = "scaicore:checkpoint_resolve"

PERMISSIONS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"manager": (VIEW, MANAGE, RESOLVE), "reviewer": (VIEW, RESOLVE), "viewer": (VIEW,)}
)
"""Permissions of each role."""

_API_KEY_PREFIX: Final = "sgk_"
_USERS: Final = {"manager": "usr_demo_manager", "reviewer": "usr_demo_reviewer", "viewer": "usr_demo_viewer"}


@dataclass(frozen=True)
class Principal:
    """The owner of a known token. `is_api_key` selects the rate limit."""

    token: str
    role: str
    is_api_key: bool

    @property
    def user_id(self) -> str:
        """Return the id of the demo user with this role."""
        return _USERS[self.role]

    @property
    def permissions(self) -> tuple[str, ...]:
        """Return the permissions of the role."""
        return PERMISSIONS[self.role]

    def require(self, permission: str) -> None:
        """Raise GridProblem 403 unless the role has `permission`."""
        if permission not in self.permissions:
            raise GridProblem(403, "AUTHZ_PERMISSION_DENIED", f"{permission} required", {"role": self.role})


class Authenticator:
    """Knows the valid tokens. Never reveals how much of a wrong token was right."""

    def __init__(self, tokens: Mapping[str, str]) -> None:
        unknown = sorted(set(tokens.values()) - PERMISSIONS.keys())
        if unknown:
            raise ValueError(f"unknown role {unknown[0]!r}; roles are {', '.join(PERMISSIONS)}")
        self._tokens = dict(tokens)

    def authenticate(self, request: Request) -> Principal:
        """Return the owner of the bearer token. Raises GridProblem 401."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise _unauthorized("AUTH_TOKEN_MISSING", "a bearer token is required")
        role = self._role_of(token.strip())
        if role is None:
            raise _unauthorized("AUTH_TOKEN_INVALID", "the bearer token is not known here")
        return Principal(token.strip(), role, token.strip().startswith(_API_KEY_PREFIX))

    def _role_of(self, token: str) -> str | None:
        """Compare with every token in constant time, never stopping early."""
        found = None
        for known, role in self._tokens.items():
            if compare_digest(known.encode(), token.encode("utf-8", "replace")):
                found = role
        return found


def _unauthorized(code: str, message: str) -> GridProblem:
    return GridProblem(401, code, message, headers={"WWW-Authenticate": "Bearer"})
