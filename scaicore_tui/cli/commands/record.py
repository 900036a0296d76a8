"""The command `record`: poll into a journal, without a screen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from scaicore_tui.cli.commands import record_outputs
from scaicore_tui.cli.commands.follow import ConnectionReporter, polling
from scaicore_tui.cli.options import Common
from scaicore_tui.cli.output import stderr, stdout
from scaicore_tui.cli.sessions import load_common_settings, open_recording
from scaicore_tui.errors import StorageError, Unreachable, UsageError
from scaicore_tui.session import JournalCounts, Session
from scaicore_tui.text import one_line

if TYPE_CHECKING:
    from scaicore_tui.cli.commands.record_traces import TraceRecording
    from scaicore_tui.config.journal_url import JournalLocation
    from scaicore_tui.export.record_types import RecordDocument
    from scaicore_tui.telemetry.sender import TraceSender


class TraceOptions(NamedTuple):
    """The receiver of traces, None to send none, and if traces have inputs, outputs and results."""

    otlp: str | None = None
    payloads: bool = False


async def record(
    common: Common,
    seconds: float | None,
    idle: float | None,
    json: bool,
    options: TraceOptions,
    metrics: str | None = None,
) -> int:
    """Record for `seconds`, until nothing new came for `idle` seconds, or until interrupted; return the exit code.

    A summary is printed however it ends. Raises the error of the first request if that fails, and Unreachable if
    nothing was read in time; later failures are reported and waited out.
    """
    outputs = record_outputs.read_outputs(common, metrics)
    sender = _open_sender(common, options)
    session, path = open_recording(common)
    unsaved = 0
    async with session, record_outputs.beside(session, outputs):
        traces = None if sender is None else _open_traces(session, sender, options)
        try:
            await session.load()
            stderr.say(f"recording {one_line(session.target.host)} into {path}; press Ctrl-C to stop")
            async with _sending(traces), polling(session) as changed:
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await _follow(session, changed, idle)
        finally:
            unsaved = await session.save()
            counts = session.count_journal()
            _report(_summary(session, counts, path, unsaved, traces), _unread(session, counts), json)
        if unsaved:
            raise _not_kept(session, unsaved)
        _require_read(session)
    return 0


def _open_sender(common: Common, options: TraceOptions) -> TraceSender | None:
    """Return the sender of traces, opened before anything is recorded. Raises UsageError."""
    if options.otlp is None:
        if options.payloads:
            raise UsageError("--payloads needs --otlp", effect="nothing was recorded")
        return None
    from scaicore_tui.cli.commands.record_traces import open_sender

    target = load_common_settings(common).target()
    return open_sender(options.otlp, "" if target is None else one_line(target.title))


def _open_traces(session: Session, sender: TraceSender, options: TraceOptions) -> TraceRecording:
    from scaicore_tui.cli.commands.record_traces import open_traces
    from scaicore_tui.session.export_file import new_redactor

    return open_traces(session, sender, new_redactor(session.target.redact), has_payloads=options.payloads)


@asynccontextmanager
async def _sending(traces: TraceRecording | None) -> AsyncIterator[None]:
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


async def _follow(session: Session, changed: Callable[[], Awaitable[None]], idle: float | None) -> None:
    """Report the connection until nothing new came for `idle` seconds while it worked."""
    reporter, ingested, quiet_since = (
        ConnectionReporter(session),
        session.index.ingested_count,
        session.clock.monotonic(),
    )
    while True:
        try:
            async with asyncio.timeout(None if idle is None else idle - (session.clock.monotonic() - quiet_since)):
                await changed()
        except TimeoutError:
            if not reporter.is_lost and _is_up_to_date(session):
                return
        events = session.connection.events
        if events.error is not None and not events.polls:
            raise events.error
        for message in reporter.new_messages():
            stderr.say(message)
        if isinstance(events.error, StorageError) and not events.error.is_temporary:
            raise events.error
        if ingested != session.index.ingested_count or reporter.is_lost or not _is_up_to_date(session):
            ingested, quiet_since = session.index.ingested_count, session.clock.monotonic()


def _is_up_to_date(session: Session) -> bool:
    """Return True if everything is read: the newest events, all gaps, and the backfill."""
    return session.connection.polls > 0 and session.connection.behind is None and not session.needs_backfill


def _summary(
    session: Session, counts: JournalCounts, path: JournalLocation, unsaved: int, traces: TraceRecording | None
) -> RecordDocument:
    """Return the summary as a document. From `recorded` on its numbers are of this process.

    `unsaved` is the number of events that are only in memory, as the disk did not take them.
    """
    index = session.index
    document: RecordDocument = {
        "journal": str(path),
        "events": counts.events - unsaved,
        "runs": counts.runs,
        "duplicates": counts.run_events - counts.distinct_events,
        "gaps": counts.gaps,
        "holes": counts.open_gaps,
        "open_gaps": counts.open_gaps,
        "history_unread": session.needs_backfill,
        "checkpoints_unread": not session.connection.checkpoints.polls,
        "recorded": max(0, index.ingested_count - unsaved),
        "unsaved": unsaved,
        "unreadable": index.unreadable_count,
        "requests": session.request_count,
        "stale_dropped": session.connection.stale_dropped,
    }
    if traces is not None:
        document["traces"] = traces.summary()
    return document


def _unread(session: Session, counts: JournalCounts) -> list[str]:
    """Return what was not read, although it should have been."""
    connection = session.connection
    gaps = counts.open_gaps - counts.has_unread_history
    behind = f" of about {connection.behind:,} events" if connection.behind else ""
    return [
        *(["events"] if not connection.events.polls else []),
        *([f"{gaps} open gap{'' if gaps == 1 else 's'}{behind}"] if gaps else []),
        *(["older history"] if session.needs_backfill else []),
        *(["the checkpoints"] if not connection.checkpoints.polls else []),
    ]


def _report(summary: RecordDocument, unread: list[str], json: bool) -> None:
    if json:
        stdout.document(summary)
        return
    text = f"{summary['recorded']:,} events recorded, {summary['events']:,} of {summary['runs']:,} runs in the journal"
    if summary["unsaved"]:
        text += f" · {summary['unsaved']:,} events NOT in the journal"
    stdout.line(
        f"{text} · {summary['gaps']} gaps · {summary['duplicates']:,} duplicates · {summary['requests']:,} requests"
        f" · {summary['stale_dropped']} late responses dropped"
        f"{_traces_text(summary)}{' · not read: ' + ', '.join(unread) if unread else ''}"
    )


def _traces_text(summary: RecordDocument) -> str:
    """Return what was sent to a receiver of traces, as a part of the summary."""
    if "traces" not in summary:
        return ""
    traces = summary["traces"]
    text = f" · {traces['spans_sent']:,} spans of {traces['runs_sent']:,} runs sent"
    if traces["spans_refused"]:
        text += f", {traces['spans_refused']:,} refused"
    if traces["runs_waiting"]:
        text += f", {traces['runs_waiting']:,} runs NOT sent: the next record --otlp sends them"
    return text
