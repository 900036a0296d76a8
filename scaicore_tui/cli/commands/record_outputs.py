"""Serve the metrics of a recording, and notice alerts, beside writing the journal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

from scaicore_tui import __version__
from scaicore_tui.cli.options import Common
from scaicore_tui.session import Session


class Outputs(NamedTuple):
    """The address of `--metrics`, None to serve none."""

    metrics: str | None = None


def read_outputs(common: Common, metrics: str | None) -> Outputs:
    """Return what options and configuration ask for, checked before anything is recorded. Raises UsageError."""
    if metrics is not None:
        from scaicore_tui.cli.commands.metrics_server import parse_address

        parse_address(metrics)
    return Outputs(metrics)


@asynccontextmanager
async def beside(
    session: Session, outputs: Outputs, is_leader: Callable[[], bool] = lambda: True
) -> AsyncIterator[None]:
    """Do all of it inside the block. `is_leader`: this process writes the journal, and does not stand by."""
    if outputs.metrics is None:
        yield
        return
    from scaicore_tui.cli.commands import metrics_server

    listener = metrics_server.listen(outputs.metrics)
    async with metrics_server.serving(listener, session.measure(__version__, is_leader).families):
        yield
