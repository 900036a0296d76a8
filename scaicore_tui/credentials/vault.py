"""The API keys of tenants, out of ScaiVault over HTTP (API §4). For the client as for the proxy; holds nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scaicore_tui.errors import CannotReach
from scaicore_tui.secret import Secret

if TYPE_CHECKING:
    import httpx

SECONDS = 5.0
_OK, _NOT_FOUND = 200, 404


async def tenant_key(http: httpx.AsyncClient, url: str, token: Secret, tenant_id: str) -> Secret | None:
    """The tenant's key, from the vault at `url`; None where it has none. Raises CannotReach where that can't be known.

    A vault that is down is no reason to use another key: that would be to act as somebody else.
    """
    from httpx import HTTPError

    headers = {"Authorization": f"Bearer {token.reveal()}", "Accept": "application/json"}
    try:
        answer = await http.get(
            f"{url}/v1/secrets/tenants/{tenant_id}/scaigrid_api_key", headers=headers, timeout=SECONDS
        )
    except HTTPError:
        raise _unknown("ScaiVault did not answer") from None
    if answer.status_code == _NOT_FOUND:
        return None
    if answer.status_code != _OK:
        raise _unknown(f"ScaiVault answered {answer.status_code}")
    return _key(answer)


def _key(answer: httpx.Response) -> Secret:
    """The value under `data`: a string, or an object with a `value`."""
    try:
        body: Any = answer.json()
    except ValueError:
        body = None
    value = body.get("data") if isinstance(body, dict) else None
    value = value.get("value") if isinstance(value, dict) else value
    key = Secret(value) if isinstance(value, str) else None
    if key is None or not key.is_sendable:
        raise _unknown("ScaiVault's answer holds no key that could be used")
    return key


def _unknown(words: str) -> CannotReach:
    return CannotReach(words, hint="check SCAIVAULT_URL and SCAIVAULT_TOKEN, or send your own token")
