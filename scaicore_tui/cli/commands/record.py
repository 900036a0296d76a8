"""The command `record`: poll into a journal, without a screen."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from scaicore_tui.cli.commands import record_outputs
from scaicore_tui.cli.commands.follow import polling
from scaicore_tui.cli.commands.record_loop import TraceOptions, follow, open_sender, open_traces, sending
from scaicore_tui.cli.commands.record_summary import figures_of, report
from scaicore_tui.cli.commands.record_team import TeamOptions, record_for_team
from scaicore_tui.cli.options import Common
from scaicore_tui.cli.output import stderr
from scaicore_tui.cli.sessions import backfill_of, find_recording
from scaicore_tui.config.journal_url import JournalUrl
from scaicore_tui.errors import StorageError, Unreachable
from scaicore_tui.session import Session
from scaicore_tui.text import one_line


async def record(
    common: Common,
    seconds: float | None,
    idle: float | None,
    json: bool,
    options: TraceOptions,
    metrics: str | None = None,
    *,
    stands_by: bool = True,
) -> int:
    """Record for `seconds`, until nothing new came for `idle` seconds, or until interrupted; return the exit code.

    A summary is printed however it ends. Raises the error of the first request if that fails, and Unreachable if
    nothing was read in time; later failures are reported and waited out. Into a journal on a server, one of several
    processes records, and the others stand by, unless not `stands_by`.
    """
    outputs = record_outputs.read_outputs(common, metrics)
    sender = open_sender(common, options)
    target, path = find_recording(common)
    if isinstance(path, JournalUrl):
        team = TeamOptions(seconds, idle, json, stands_by, backfill_of(common))
        return await record_for_team(common, target, path, team, options, outputs)
    from scaicore_tui.session import open_session

    session = open_session(target, path, backfill=backfill_of(common))
    unsaved = 0
    async with outputs.serving(), session, outputs.beside(session):
        traces = None if sender is None else open_traces(session, sender, options)
        try:
            await session.load()
            stderr.say(f"recording {one_line(session.target.host)} into {path}; press Ctrl-C to stop")
            async with sending(traces), polling(session) as changed:
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await follow(session, changed, idle)
        finally:
            unsaved = await session.save()
            figures = figures_of(session, path, unsaved)
            figures.traces = None if traces is None else traces.summary()
            report(figures, json)
        if unsaved:
            raise _not_kept(session, unsaved)
        _require_read(session)
    return 0


def _require_read(session: Session) -> None:
    """Raise the reason if no events were ever read."""
    events = session.connection.events
    if not events.polls:
        raise events.error or Unreachable(
            f"{one_line(session.target.host)} did not answer", effect="nothing was recorded"
        )


def _not_kept(session: Session, unsaved: int) -> StorageError:
    """Return the error for events that could not be written to the file."""
    is_gone = session.is_journal_gone
    advice = "record" if is_gone else "free some disk space and record"
    return StorageError(
        f"{unsaved:,} events are not in the journal: {session.journal_problem}",
        effect="" if is_gone else "the events before are in the journal",
        hint=f"{advice} again: events that the API still has are read again",
    )
