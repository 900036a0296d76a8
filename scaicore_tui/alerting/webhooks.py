"""POST notices to webhooks: no redirects, limited time, few attempts. Messages name the host alone.

The address may be a secret itself, as those of chats are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from scaicore_tui.auth.sources import run_command as run_token_command
from scaicore_tui.clock import Clock
from scaicore_tui.config.alerts import AlertTable
from scaicore_tui.config.network import network_options
from scaicore_tui.config.tokens import describe_token_file, read_token_file, validate_token
from scaicore_tui.errors import ConfigError, ScaicoreError
from scaicore_tui.secrets import Secret

if TYPE_CHECKING:
    import httpx

TIMEOUT_S, TOTAL_TIMEOUT_S = 10.0, 20.0
# Waits before further attempts.
RETRY_WAITS_S = (2.0, 10.0, 30.0)
USER_AGENT = "scaicore-tui"
_TOO_MANY_REQUESTS, _SERVER_ERROR = 429, 500


class _TemporaryError(ScaicoreError):
    """Another attempt may succeed."""


class Webhook:
    """The webhook of one rule, with its token. `transport` replaces the network in tests."""

    def __init__(
        self,
        url: str,
        table: AlertTable,
        env: Mapping[str, str],
        clock: Clock,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._url = url
        self._table = table
        self._env = env
        self._clock = clock
        self._transport = transport
        parts = urlsplit(url)
        self.host = parts.netloc
        # From now on, no error and no log shows them.
        self._hidden = (Secret(parts.path), Secret(parts.query))

    async def send(self, line: bytes, incident: str) -> None:
        """Send a notice. Raises ScaicoreError once no attempt has succeeded."""
        for wait_s in (*RETRY_WAITS_S, None):
            try:
                await self._send_once(line, incident)
            except _TemporaryError:
                if wait_s is None:
                    raise
                await self._clock.sleep(wait_s)
            else:
                return

    async def _send_once(self, line: bytes, incident: str) -> None:
        import httpx

        headers = {
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
            "X-Scaicore-Incident": incident,
        } | await self._token_header()
        # For a transport of its own there is no proxy.
        options = network_options(self._url) if self._transport is None else {"transport": self._transport}
        try:
            async with (
                asyncio.timeout(TOTAL_TIMEOUT_S),
                httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False, **options) as client,
                client.stream("POST", self._url, content=line, headers=headers) as response,
            ):
                status = response.status_code
        except (httpx.HTTPError, TimeoutError, OSError) as error:
            raise _TemporaryError(f"{self.host} did not answer: {type(error).__name__}") from None
        except httpx.InvalidURL:
            raise ConfigError("the webhook's address is not valid") from None
        self._check(status)

    def _check(self, status: int) -> None:
        if 200 <= status < 300:
            return
        kind = _TemporaryError if status == _TOO_MANY_REQUESTS or status >= _SERVER_ERROR else ScaicoreError
        redirect = ", a redirect, which is not followed" if 300 <= status < 400 else ""
        raise kind(f"{self.host} answered {status}{redirect}", hint="check the webhook and its token")

    async def _token_header(self) -> dict[str, str]:
        token = await self._token()
        if token is None:
            return {}
        name = self._table.token_header
        return {"Authorization": f"Bearer {token.reveal()}"} if name is None else {name: token.reveal()}

    async def _token(self) -> Secret | None:
        """Return the token; None without one. It is read again for each notice, as it may be replaced."""
        table = self._table
        if table.token_env is not None:
            return validate_token(self._env.get(table.token_env, ""), f"the variable {table.token_env}")
        if table.token_file is not None:
            return await asyncio.to_thread(read_token_file, describe_token_file(table.token_file, "token_file"))
        return None if table.token_command is None else await run_token_command(table.token_command)
