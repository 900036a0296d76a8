"""Serve the metrics of a recording, and notice alerts, beside writing the journal."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from scaicore_tui import __version__
from scaicore_tui.cli.options import Common
from scaicore_tui.cli.sessions import load_common_settings
from scaicore_tui.config import config_file
from scaicore_tui.config.profiles import read_profiles
from scaicore_tui.session import Session

if TYPE_CHECKING:
    from scaicore_tui.cli.alert_settings import ConfiguredRule


class Outputs(NamedTuple):
    """The address of `--metrics`, None to serve none, and the alert rules for the profile."""

    metrics: str | None = None
    alerts: Sequence[ConfiguredRule] = ()


def read_outputs(common: Common, metrics: str | None) -> Outputs:
    """Return what options and configuration ask for, checked before anything is recorded. Raises UsageError."""
    if metrics is not None:
        from scaicore_tui.cli.commands.metrics_server import parse_address

        parse_address(metrics)
    return Outputs(metrics, _read_alerts(common))


def _read_alerts(common: Common) -> Sequence[ConfiguredRule]:
    if not read_profiles(config_file()).alerts:
        return ()
    from scaicore_tui.cli.alert_settings import read_rules

    profile = load_common_settings(common).name
    return [found for found in read_rules("nothing was recorded").values() if found.table.is_for(profile)]


@asynccontextmanager
async def beside(
    session: Session, outputs: Outputs, is_leader: Callable[[], bool] = lambda: True
) -> AsyncIterator[None]:
    """Do all of it inside the block. `is_leader`: this process writes the journal, and does not stand by."""
    async with AsyncExitStack() as stack:
        if outputs.metrics is not None:
            from scaicore_tui.cli.commands import metrics_server

            listener = metrics_server.listen(outputs.metrics)
            metrics = session.measure(__version__, is_leader)
            await stack.enter_async_context(metrics_server.serving(listener, metrics.families))
        if outputs.alerts:
            await _notice_alerts(stack, session, outputs.alerts, is_leader)
        yield


async def _notice_alerts(
    stack: AsyncExitStack, session: Session, alerts: Sequence[ConfiguredRule], is_leader: Callable[[], bool]
) -> None:
    from scaicore_tui.alerting.channels import Channels
    from scaicore_tui.alerting.incident_file import IncidentFile
    from scaicore_tui.auth import identify
    from scaicore_tui.cli.commands.record_alerts import AlertRecording, noticing
    from scaicore_tui.cli.output import stderr
    from scaicore_tui.config.paths import alerts_file

    rules = [(rule, Channels(table, os.environ, session.clock, stderr.write_sequence)) for rule, table in alerts]
    file = IncidentFile(alerts_file(identify(session.target)))
    await stack.enter_async_context(noticing(AlertRecording(session, rules, file, is_leader)))
