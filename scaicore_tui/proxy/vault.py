"""The tenants' ScaiGrid keys, out of ScaiVault over HTTP. A key is held for a minute, in memory only, never shown."""

from __future__ import annotations

import httpx

from scaicore_tui.clock import Clock
from scaicore_tui.proxy import problems
from scaicore_tui.secret import Secret

KEPT_SECONDS = 60.0
TIMEOUT_SECONDS = 5.0


class Vault:
    """One ScaiVault. Also remembers that a tenant has no key, but never that the vault did not answer."""

    def __init__(self, http: httpx.AsyncClient, url: str, token: Secret, clock: Clock) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._token = token
        self._clock = clock
        self._held: dict[str, tuple[float, Secret | None]] = {}

    async def api_key(self, tenant_id: str) -> Secret | None:
        """The tenant's key; None where it has none. Raises Problem 502 where that can't be known.

        A vault that is down is no reason to fall back to another key: that would act as somebody else.
        """
        self._forget_old()
        if tenant_id not in self._held:
            key = await self._fetch(tenant_id)
            self._held[tenant_id] = (self._clock.monotonic() + KEPT_SECONDS, key)
        return self._held[tenant_id][1]

    def _forget_old(self) -> None:
        now = self._clock.monotonic()
        self._held = {tenant: held for tenant, held in self._held.items() if held[0] > now}

    async def _fetch(self, tenant_id: str) -> Secret | None:
        url = f"{self._url}/v1/secrets/tenants/{tenant_id}/scaigrid_api_key"
        headers = {"Authorization": f"Bearer {self._token.reveal()}", "Accept": "application/json"}
        try:
            answer = await self._http.get(url, headers=headers, timeout=TIMEOUT_SECONDS)
        except httpx.HTTPError:
            raise problems.vault_unavailable("ScaiVault did not answer") from None
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        if answer.status_code != httpx.codes.OK:
            raise problems.vault_unavailable(f"ScaiVault answered {answer.status_code}")
        return _key(answer)


def _key(answer: httpx.Response) -> Secret:
    """The value under `data`: a string, or an object with a `value`."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    value = body.get("data") if isinstance(body, dict) else None
    value = value.get("value") if isinstance(value, dict) else value
    key = Secret(value) if isinstance(value, str) else None
    if key is None or not key.is_sendable:
        raise problems.vault_unavailable("ScaiVault's answer holds no key that could be used")
    return key
