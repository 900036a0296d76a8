"""Which credential a request goes out with (API §4). The decision is here, and only here.

1. The caller's own, unchanged: a ScaiKey JWT, or an API key. ScaiGrid verifies it, so the caller gets exactly the
   rights that are already theirs. An own API key is never replaced by the tenant's, which may be allowed more.
2. The tenant's key out of ScaiVault.
3. The key of the environment.

2 and 3 are *lent*: nothing here verifies who asks, and a JWT's claims can be made up by anybody. So they are used only
where the proxy was started for it (`allow_anonymous`), and only for programs of this machine, not for web pages.
`SCAIFLOW_DEPLOY_AUTH` pins the choice: `user_jwt` to the caller's own JWT, `api_key` to API keys, own or lent.
"""

from __future__ import annotations

from scaicore_tui.proxy.caller import Caller
from scaicore_tui.proxy.config import ProxyConfig
from scaicore_tui.proxy.problems import Problem, missing_credentials
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
        if not self._may_lend(caller):
            raise self._refusal(caller)
        tenant_id = caller.tenant_id or self._config.tenant_id
        key = await self._tenant_key(tenant_id) or self._config.api_key
        if key is None:
            raise missing_credentials(_nothing_for(tenant_id))
        return f"Bearer {key.reveal()}"

    def _is_own(self, caller: Caller) -> bool:
        refused = {None: "nobody", "user_jwt": "api_key", "api_key": "jwt"}[self._config.deploy_auth]
        return caller.kind not in ("nobody", refused)

    def _may_lend(self, caller: Caller) -> bool:
        return self._config.deploy_auth != "user_jwt" and self._config.allow_anonymous and caller.is_local

    def _refusal(self, caller: Caller) -> Problem:
        if self._config.deploy_auth == "user_jwt":
            return missing_credentials("no ScaiKey token: this proxy takes the caller's own token only")
        carries = "a token, where an API key is wanted" if caller.kind == "jwt" else "none of its own"
        return missing_credentials(f"no ScaiGrid credentials: the request carries {carries}, and none is lent to it")

    async def _tenant_key(self, tenant_id: str | None) -> Secret | None:
        if self._vault is None or tenant_id is None:
            return None
        return await self._vault.api_key(tenant_id)


def _nothing_for(tenant_id: str | None) -> str:
    return "no ScaiGrid credentials" + (f" for tenant '{tenant_id}'" if tenant_id else "")
