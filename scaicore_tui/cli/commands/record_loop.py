"""Follow the session of a recording until it should end, and send its runs as traces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from scaicore_tui.cli.commands.follow import ConnectionReporter
from scaicore_tui.cli.options import Common
from scaicore_tui.cli.output import stderr
from scaicore_tui.cli.sessions import load_common_settings
from scaicore_tui.errors import StorageError, UsageError
from scaicore_tui.session import Session
from scaicore_tui.text import one_line

if TYPE_CHECKING:
    from scaicore_tui.cli.commands.record_traces import TraceRecording
    from scaicore_tui.telemetry.sender import TraceSender


class TraceOptions(NamedTuple):
    """The receiver of traces, None to send none, and if traces have inputs, outputs and results."""

    otlp: str | None = None
    payloads: bool = False


def open_sender(common: Common, options: TraceOptions) -> TraceSender | None:
    """Return the sender of traces, opened before anything is recorded. Raises UsageError."""
    if options.otlp is None:
        if options.payloads:
            raise UsageError("--payloads needs --otlp", effect="nothing was recorded")
        return None
    from scaicore_tui.cli.commands import record_traces

    target = load_common_settings(common).target()
    return record_traces.open_sender(options.otlp, "" if target is None else one_line(target.title))


def open_traces(session: Session, sender: TraceSender, options: TraceOptions) -> TraceRecording:
    """Return what sends the runs of `session`."""
    from scaicore_tui.cli.commands import record_traces
    from scaicore_tui.session.export_file import new_redactor

    redactor = new_redactor(session.target.redact)
    return record_traces.open_traces(session, sender, redactor, has_payloads=options.payloads)


@asynccontextmanager
async def sending(traces: TraceRecording | None) -> AsyncIterator[None]:
    """Send finished runs while the block runs, and what is left after it."""
    if traces is None:
        yield
        return
    await traces.begin()
    running, is_interrupted = asyncio.create_task(traces.run()), True
    try:
        yield
        is_interrupted = False
    finally:
        await traces.finish(running, is_interrupted=is_interrupted)


def _never() -> bool:
    return False


async def follow(
    session: Session,
    changed: Callable[[], Awaitable[None]],
    idle: float | None,
    must_leave: Callable[[], bool] = _never,
    *,
    is_first: bool = True,
) -> bool:
    """Report the connection until nothing new was read for `idle` seconds while it worked; then return True.

    Return False once the session `must_leave`. Raises the error of the first request if this `is_first`, the first
    session of the process; later failures are waited out.
    """
    reporter, ingested, quiet_since = (
        ConnectionReporter(session),
        session.index.ingested_count,
        session.clock.monotonic(),
    )
    while not must_leave():
        try:
            async with asyncio.timeout(None if idle is None else idle - (session.clock.monotonic() - quiet_since)):
                await changed()
        except TimeoutError:
            if not reporter.is_lost and is_up_to_date(session):
                return True
        if must_leave():
            break
        events = session.connection.events
        is_kept_local = isinstance(events.error, StorageError) and events.error.is_temporary
        if events.error is not None and is_first and not events.polls and not is_kept_local:
            raise events.error
        for message in reporter.new_messages():
            stderr.say(message)
        if isinstance(events.error, StorageError) and not events.error.is_temporary:
            raise events.error
        if ingested != session.index.ingested_count or reporter.is_lost or not is_up_to_date(session):
            ingested, quiet_since = session.index.ingested_count, session.clock.monotonic()
    return False


def is_up_to_date(session: Session) -> bool:
    """Return True if everything is read: the newest events, all gaps, and the backfill."""
    return session.connection.polls > 0 and session.connection.behind is None and not session.needs_backfill
