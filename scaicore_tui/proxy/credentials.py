"""Which credential a request goes out with (API §4). The decision is here, and only here.

1. The caller's own, unchanged: a ScaiKey JWT, or an API key. ScaiGrid verifies it, so the caller gets exactly the
   rights that are already theirs. An own API key is never replaced by the tenant's, which may be allowed more.
2. The tenant's key out of ScaiVault.
3. The key of the environment.

2 and 3 are *lent*: nothing here verifies who asks. So they are used only where the operator asked for it (`lend_key`),
and only for requests that nothing shows to come from elsewhere (`lending`). The tenant is the one that the operator
configured: a JWT's signature can't be verified here, so its claims never choose a key. They can only forbid one: a
token that says it is of another tenant is lent none.
`SCAIFLOW_DEPLOY_AUTH` pins the choice: `user_jwt` to the caller's own JWT, `api_key` to API keys, own or lent.
"""

from __future__ import annotations

from scaicore_tui.proxy.caller import Caller
from scaicore_tui.proxy.config import ProxyConfig
from scaicore_tui.proxy.problems import missing_credentials
from scaicore_tui.proxy.vault import Vault
from scaicore_tui.secret import Secret


class Credentials:
    """Decides for one proxy; `vault` is None where none is configured."""

    def __init__(self, config: ProxyConfig, vault: Vault | None) -> None:
        self._config = config
        self._vault = vault

    async def authorization(self, caller: Caller) -> str:
        """The Authorization header to send. Raises Problem: 412 where there is none, 502 where the vault fails."""
        if self._is_own(caller):
            return caller.authorization
        refusal = self._why_not_lent(caller)
        if refusal is not None:
            raise missing_credentials(refusal)
        key = await self._tenant_key() or self._config.api_key
        if key is None:
            raise missing_credentials(f"no ScaiGrid credentials for tenant '{self._config.tenant_id}'")
        return f"Bearer {key.reveal()}"

    def _is_own(self, caller: Caller) -> bool:
        refused = {None: "nobody", "user_jwt": "api_key", "api_key": "jwt"}[self._config.deploy_auth]
        return caller.kind not in ("nobody", refused)

    def _why_not_lent(self, caller: Caller) -> str | None:
        if self._config.deploy_auth == "user_jwt":
            return "no ScaiKey token: this proxy takes the caller's own token only"
        carries = "a token, where an API key is wanted" if caller.kind == "jwt" else "none of its own"
        missing = f"no ScaiGrid credentials: the request carries {carries}, and none is lent to it"
        if not self._config.lend_key:
            return missing
        if caller.obstacle is not None:
            return f"{missing}: {caller.obstacle}"
        if None not in (caller.tenant_id, self._config.tenant_id) and caller.tenant_id != self._config.tenant_id:
            return f"{missing}: its token names another tenant"
        return None

    async def _tenant_key(self) -> Secret | None:
        if self._vault is None or self._config.tenant_id is None:
            return None
        return await self._vault.api_key(self._config.tenant_id)
