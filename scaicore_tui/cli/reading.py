"""The commands that only read: runs, show, events, checkpoints. All but the last also work on a recorded file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from scaicore_tui.cli import diagnostics, output, rows
from scaicore_tui.cli.flags import Common
from scaicore_tui.cli.sessions import one_shot, recorded_file
from scaicore_tui.clock import SystemClock
from scaicore_tui.errors import UsageError
from scaicore_tui.runs import Ordered, Run, RunBook, RunStatus, gap_rows, missing_in, one_run, run_document
from scaicore_tui.runs.status import RUN_LOOKS
from scaicore_tui.runs.words import age, took
from scaicore_tui.session import is_lines, open_recorded
from scaicore_tui.text import named, one_line, pretty
from scaicore_tui.wire import Event
from scaicore_tui.wire.timestamps import seconds


def _tell_unreadable(count: int) -> None:
    """Report how many events and checkpoints could not be fully decoded."""
    if count:
        diagnostics.say(f"{count:,} unreadable, in whole or in part: events --json prints events as received")


def _tell_unread(reasons: Iterable[str]) -> None:
    """Report what was not read, and why."""
    for reason in filter(None, reasons):
        diagnostics.say(reason)


async def list_runs(common: Common, failed: bool, json: bool) -> None:
    """Print the runs, newest first."""
    async with _read(common) as (book, now):
        _print_runs(common, book, now, failed, json)


async def show_run(common: Common, execution: str, json: bool) -> None:
    """Print one run."""
    async with _read(common) as (book, now):
        run = one_run(book, execution, "" if common.offline else "--backfill N reads further")
        missing = missing_in(book.summaries[run.execution_id], book.gaps, now)
    if json:
        output.document(run_document(run))
        if missing:
            diagnostics.say(missing)
        return
    _describe(run, missing, ascii_only=common.ascii)
    output.table(rows.NODE_HEAD, rows.node_rows(run.nodes.values(), common.ascii))


async def list_events(common: Common, execution: str | None, json: bool) -> None:
    """Print events in feed order, from the API or a recorded file."""
    if common.journal is None and not common.offline:
        async with one_shot(common) as session:
            await session.read_once()
            _tell_unreadable(session.unreadable)
            _tell_unread(session.unread)
            key = session.find_run(execution).execution_id if execution else None
            _print_events(session.events(key), json)
        return
    with open_recorded(recorded_file(common)) as recorded:
        key = one_run(recorded.book, execution).execution_id if execution else None
        _print_events((event for event in recorded.events(key) if common.core in (None, event.core_id)), json)


async def list_checkpoints(common: Common, status: str, json: bool) -> None:
    """Print the checkpoints of one status."""
    if common.offline:
        raise UsageError(
            "checkpoints needs the server: a journal cannot know what is still pending", hint="run it without --offline"
        )
    async with one_shot(common) as session:
        listed = await session.list_checkpoints(status)
        _tell_unreadable(session.unreadable)
        _tell_unread([listed.cut_short])
        now = session.now
    if json:
        output.document([row.source for row in listed.rows])
        return
    output.table(rows.CHECKPOINT_HEAD, rows.checkpoint_rows(listed.rows, now))


@asynccontextmanager
async def _read(common: Common) -> AsyncIterator[tuple[RunBook, float]]:
    """Yield the runs, and the time now in seconds since 1970.

    The runs come from a file with `--offline`, or if `--journal` names JSON lines; else from the API.
    """
    if common.offline or (common.journal is not None and is_lines(common.journal)):
        path = recorded_file(common)
        with open_recorded(path) as recorded:
            now = SystemClock().now()
            newest = f"newest event {age(now - seconds(recorded.newest_at))} ago" if recorded.newest_at else "no event"
            diagnostics.say(f"offline: {path}, {newest}")
            _tell_unreadable(recorded.book.unreadable)
            yield recorded.book, now
        return
    async with one_shot(common) as session:
        await session.read_once()
        _tell_unreadable(session.unreadable)
        _tell_unread(session.unread)
        yield session.book, session.now


def _print_runs(common: Common, book: RunBook, now: float, failed: bool, json: bool) -> None:
    found = Ordered(run for run in book.order if not failed or run.status is RunStatus.FAILED)
    found = Ordered(run for run in found if common.core in (None, run.core_id))
    gaps = gap_rows(book.gaps, found.above)
    if not json:
        width = output.width()
        output.table(rows.run_head(width), rows.run_rows(found, gaps, now, common.ascii, width))
        return
    output.document([run_document(book.runs[run.execution_id]) for run in reversed(found)])
    for gap in gaps:
        diagnostics.say(gap.words(now, output.WIDE))


def _describe(run: Run, missing: str, *, ascii_only: bool) -> None:
    look = RUN_LOOKS[run.status]
    late = " · joined late" if run.joined_late else ""
    lasted = f" · {took(run.duration_ms)}" if run.duration_ms is not None else ""
    output.line(f"{named(run.execution_id)} · {named(run.core_id or '?')} · {look.word}{lasted}{late}")
    for name, value in (("error", run.error), ("input", run.input), ("output", run.output)):
        if value is not None:
            output.foreign(name, pretty(value), ascii_only=ascii_only)
    for oddity in run.oddities:
        output.line(f"odd: {oddity}")
    if missing:
        output.line(f"gap: {missing}")
    output.line("")


def _print_events(events: Iterable[Event], json: bool) -> None:
    columns = output.Columns(24, 17, 32, 0)
    for event in events:
        if json:
            output.verbatim(event.raw)
            continue
        known = event.type if event.is_whole else f"{event.type} (unreadable)".lstrip()
        parts = (event.timestamp, event.execution_id or "-", known, event.node_id or "")
        columns.row([one_line(part) for part in parts])
