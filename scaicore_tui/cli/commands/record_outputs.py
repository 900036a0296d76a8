"""Serve the metrics of a recording, and notice alerts, beside writing the journal."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING

from scaicore_tui import __version__
from scaicore_tui.cli.options import Common
from scaicore_tui.cli.sessions import load_common_settings
from scaicore_tui.clock import SystemClock
from scaicore_tui.config import config_file
from scaicore_tui.config.profiles import read_profiles
from scaicore_tui.session import Session

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from scaicore_tui.cli.alert_settings import ConfiguredRule
    from scaicore_tui.session import RecordingMetrics


class Outputs:
    """The work of one process beside recording, in one session after the other.

    `address` is that of `--metrics`, None to serve none; `alerts` are the rules for the profile.
    """

    def __init__(self, address: str | None, alerts: Sequence[ConfiguredRule]) -> None:
        self._address = address
        self._alerts = alerts
        self._metrics: RecordingMetrics | None = None

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Serve the metrics inside the block, also while there is no session."""
        if self._address is None:
            yield
            return
        from scaicore_tui.cli.commands import metrics_server
        from scaicore_tui.session import RecordingMetrics

        self._metrics = RecordingMetrics(__version__, SystemClock())
        listener = metrics_server.listen(self._address)
        async with metrics_server.serving(listener, self._metrics.families):
            yield

    @asynccontextmanager
    async def beside(self, session: Session) -> AsyncIterator[None]:
        """Measure a session that records, and notice alerts, inside the block. Enter it before the first poll."""
        measuring = nullcontext() if self._metrics is None else self._metrics.following(session)
        with measuring:
            async with self._noticing(session):
                yield

    def _noticing(self, session: Session) -> AbstractAsyncContextManager[None]:
        if not self._alerts:
            return nullcontext()
        from scaicore_tui.alerting.channels import Channels
        from scaicore_tui.alerting.incident_file import IncidentFile
        from scaicore_tui.auth import identify
        from scaicore_tui.cli.commands.record_alerts import AlertRecording, noticing
        from scaicore_tui.cli.output import stderr
        from scaicore_tui.config.paths import alerts_file

        ring = stderr.write_sequence
        rules = [(rule, Channels(table, os.environ, session.clock, ring)) for rule, table in self._alerts]
        return noticing(AlertRecording(session, rules, IncidentFile(alerts_file(identify(session.target)))))


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
