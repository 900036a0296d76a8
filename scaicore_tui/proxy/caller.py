"""Who is asking, as far as a request says so. Claims are read, never verified: only ScaiGrid can tell who is who."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from starlette.datastructures import Headers
from starlette.types import Scope

from scaicore_tui.config.sources import TENANT
from scaicore_tui.credentials.jwt import is_jwt, read_claims
from scaicore_tui.proxy import problems
from scaicore_tui.proxy.lending import why_not_lent

_BEARER = re.compile(r"bearer +([\x21-\x7e]+) *", re.IGNORECASE)
_API_KEY = "sgk_"


@dataclass(frozen=True)
class Caller:
    """`authorization` is the header as it came; `tenant_id` is a claim that anybody could have made up.

    `obstacle` says why no key is lent to this request; None where one may be.
    """

    kind: Literal["nobody", "jwt", "api_key"]
    authorization: str = field(default="", repr=False)
    tenant_id: str | None = None
    obstacle: str | None = None


def read_caller(scope: Scope) -> Caller:
    """The caller of a request, who may be nobody. Raises Problem 401 for a credential of no known kind."""
    said = Headers(scope=scope).getlist("authorization")
    obstacle = why_not_lent(scope)
    if not said:
        return Caller("nobody", obstacle=obstacle)
    bearer = _BEARER.fullmatch(said[0])
    if len(said) > 1 or bearer is None:
        raise problems.unauthorized("one Authorization header with a bearer token is expected")
    token = bearer[1]
    if len(token) > len(_API_KEY) and token.startswith(_API_KEY):
        return Caller("api_key", said[0], obstacle=obstacle)
    if is_jwt(token):
        return Caller("jwt", said[0], _tenant(token), obstacle)
    raise problems.unauthorized("neither a ScaiKey token nor an API key")


def _tenant(token: str) -> str | None:
    claims = read_claims(token)
    tenant = None if claims is None else claims.tenant_id
    return tenant if tenant is not None and TENANT.fullmatch(tenant) else None
