"""Send the notices of one rule to all of its channels: bell, command, webhook."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from scaicore_tui.alerting.commands import run_command
from scaicore_tui.alerting.webhooks import Webhook
from scaicore_tui.analysis.alert_notices import NoticeDocument, notice_line, notice_variables
from scaicore_tui.clock import Clock
from scaicore_tui.config.alerts import AlertTable
from scaicore_tui.errors import ScaicoreError
from scaicore_tui.notify import bell

if TYPE_CHECKING:
    import httpx


class Channels:
    """The channels of a rule. `ring` writes a sequence to the terminal."""

    def __init__(
        self,
        table: AlertTable,
        env: Mapping[str, str],
        clock: Clock,
        ring: Callable[[str], None],
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._table = table
        self._env = env
        self._ring = ring
        self._webhook = None if table.webhook is None else Webhook(table.webhook, table, env, clock, transport)

    @property
    def names(self) -> list[str]:
        """The channels, for people."""
        command = [] if self._table.command is None else ["command"]
        webhook = [] if self._webhook is None else [f"webhook {self._webhook.host}"]
        return [*(["bell"] if self._table.bell else []), *command, *webhook]

    async def send(self, document: NoticeDocument) -> dict[str, str]:
        """Send a notice to all channels at the same time; return the problem of each, empty if it has none."""
        if self._table.bell:
            self._ring(bell(document["text"], self._env))
        sends = {}
        if (command := self._table.command) is not None:
            variables = notice_variables(document)
            # The token is for the webhook alone.
            env = {name: value for name, value in self._env.items() if name != self._table.token_env}
            sends["command"] = run_command(command, notice_line(document), variables, env)
        if (webhook := self._webhook) is not None:
            sends["webhook"] = webhook.send(notice_line(document), document["incident"])
        results = await asyncio.gather(*sends.values(), return_exceptions=True)
        return {channel: _problem(result) for channel, result in zip(sends, results, strict=True)}


def _problem(result: BaseException | None) -> str:
    if result is None:
        return ""
    if not isinstance(result, ScaicoreError):
        raise result
    return str(result)
