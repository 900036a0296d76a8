"""Find out who a token belongs to, which separates the journals and writes of the callers of one API. Pure."""

from __future__ import annotations

from scaicore_tui.auth.jwt import read_claims
from scaicore_tui.config import Caller, Identity, Target, identity_of
from scaicore_tui.config.identity import key_digest
from scaicore_tui.config.token_sources import TokenCommand
from scaicore_tui.secrets import Secret

_API_KEY = "sgk_"


def caller_of(token: Secret | None, tenant: str | None = None) -> Caller | None:
    """Return who `token` belongs to; None if that is not known.

    A JWT names subject and tenant, and so do its renewals. Any other token belongs to the configured `tenant`. Without
    a tenant, API keys are distinguished by a digest, since two keys may belong to two tenants.
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
    """Return the identity of `target` as far as it is known before the first request. Runs no token command."""
    is_token_pending = target.token is None and any(isinstance(source, TokenCommand) for source in target.sources)
    return identity_of(target, None if is_token_pending else caller_of(target.token, target.tenant))
