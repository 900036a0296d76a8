"""Who is asking, as far as a request says so. Claims are read, never verified: only ScaiGrid can tell who is who."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from starlette.datastructures import Headers

from scaicore_tui.config.sources import TENANT
from scaicore_tui.config.target import is_loopback, named_host
from scaicore_tui.credentials.jwt import is_jwt, read_claims
from scaicore_tui.proxy import problems

_BEARER = re.compile(r"bearer +([\x21-\x7e]+) *", re.IGNORECASE)
_API_KEY = "sgk_"


@dataclass(frozen=True)
class Caller:
    """`authorization` is the header as it came; `tenant_id` is a claim that anybody could have made up."""

    kind: Literal["nobody", "jwt", "api_key"]
    authorization: str = field(default="", repr=False)
    tenant_id: str | None = None
    is_local: bool = False


def read_caller(headers: Headers) -> Caller:
    """The caller of a request, who may be nobody. Raises Problem 401 for a credential of no known kind."""
    said = headers.getlist("authorization")
    is_local = _is_local(headers)
    if not said:
        return Caller("nobody", is_local=is_local)
    bearer = _BEARER.fullmatch(said[0])
    if len(said) > 1 or bearer is None:
        raise problems.unauthorized("one Authorization header with a bearer token is expected")
    token = bearer[1]
    if len(token) > len(_API_KEY) and token.startswith(_API_KEY):
        return Caller("api_key", said[0], is_local=is_local)
    if is_jwt(token):
        return Caller("jwt", said[0], _tenant(token), is_local)
    raise problems.unauthorized("neither a ScaiKey token nor an API key")


def _tenant(token: str) -> str | None:
    claims = read_claims(token)
    tenant = None if claims is None else claims.tenant_id
    return tenant if tenant is not None and TENANT.fullmatch(tenant) else None


def _is_local(headers: Headers) -> bool:
    """Whether a program of this machine asks, and not a web page through the browser of somebody at this machine.

    A page of another site shows by `Origin` or `Sec-Fetch-Site`; one that had its name point here, by `Host`.
    """
    if "origin" in headers or headers.get("sec-fetch-site", "none") != "none":
        return False
    return is_loopback(named_host(headers.get("host", "")))
