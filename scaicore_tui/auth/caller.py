"""Who a token belongs to: what tells the journals and writes of two callers of one API apart. Pure."""

from __future__ import annotations

from scaicore_tui.auth.jwt import read_claims
from scaicore_tui.config import Caller, Identity, Target, identity_of
from scaicore_tui.config.identity import key_digest
from scaicore_tui.config.token_sources import TokenCommand
from scaicore_tui.secrets import Secret

_API_KEY = "sgk_"


def caller_of(token: Secret | None, tenant: str | None = None) -> Caller | None:
    """Return who `token` belongs to; None if that is not known.

    A JWT says so itself, and a renewed one says the same. Any other token belongs to the `tenant` that a person set.
    Without one API keys are told apart by a digest: two keys may be those of two tenants.
    """
    claims = None if token is None else read_claims(token.reveal())
    if claims is not None and (claims.subject or claims.tenant_id):
        return Caller(claims.subject, claims.tenant_id)
    if tenant is not None:
        return Caller(tenant=tenant)
    if token is not None and token.reveal().startswith(_API_KEY):
        return Caller(key=key_digest(token.reveal()))
    return None


def identify(target: Target) -> Identity:
    """Return the identity of `target`, as far as it is known before the first request: no command is run for it."""
    is_open = target.token is None and any(isinstance(source, TokenCommand) for source in target.sources)
    return identity_of(target, None if is_open else caller_of(target.token, target.tenant))
