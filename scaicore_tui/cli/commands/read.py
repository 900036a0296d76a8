"""The commands that read lists: runs, events, checkpoints. All but the last also work on a recorded file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from scaicore_tui.cli.options import Common
from scaicore_tui.cli.output import stderr, stdout, tables
from scaicore_tui.cli.sessions import open_oneshot, recorded_file
from scaicore_tui.clock import SystemClock
from scaicore_tui.errors import UsageError
from scaicore_tui.export.documents import run_document
from scaicore_tui.protocol import Event
from scaicore_tui.runs import Positions, RunStatus, gap_rows
from scaicore_tui.session import is_jsonl, open_recording
from scaicore_tui.text import one_line
from scaicore_tui.timefmt import format_age, to_seconds

if TYPE_CHECKING:
    from scaicore_tui.session import Recording, RunSource, Session


def _report_unreadable(count: int) -> None:
    """Report how many events and checkpoints could not be fully decoded."""
    if count:
        stderr.say(f"{count:,} events or checkpoints are not fully readable; events --json prints events as received")


def _report_unread(reasons: Iterable[str]) -> None:
    """Report what was not read, and why."""
    for reason in filter(None, reasons):
        stderr.say(reason)


async def list_runs(common: Common, failed: bool, json: bool) -> None:
    """Print the runs, newest first."""
    async with read_runs(common) as (runs, now, _):
        _print_runs(common, runs, now, failed, json)


async def list_events(common: Common, execution: str | None, json: bool) -> None:
    """Print events in the order of the API, from the API or a recorded file."""
    if common.journal is None and not common.offline:
        async with open_oneshot(common) as session:
            await session.read_once()
            _report_unreadable(session.unreadable_count)
            _report_unread(session.unread_reasons)
            key = (await session.find_run(execution)).execution_id if execution else None
            _print_events(session.events(key), json)
        return
    with open_recording(recorded_file(common)) as recorded:
        key = recorded.find_one(execution).execution_id if execution else None
        _print_events((event for event in recorded.events(key) if common.core in (None, event.core_id)), json)


async def list_checkpoints(common: Common, status: str, json: bool) -> None:
    """Print the checkpoints of one status."""
    if common.offline:
        raise UsageError(
            "checkpoints needs the server: a journal does not know which are still pending",
            hint="run it without --offline",
        )
    async with open_oneshot(common) as session:
        listed = await session.list_checkpoints(status)
        _report_unreadable(session.unreadable_count)
        _report_unread([listed.cut_short])
        now = session.now
    if json:
        stdout.document([row.raw for row in listed.rows])
        return
    stdout.table(tables.CHECKPOINT_HEAD, tables.checkpoint_rows(listed.rows, now))


@asynccontextmanager
async def read_runs(common: Common) -> AsyncIterator[tuple[RunSource, float, Session | Recording]]:
    """Yield the runs, the time now in seconds since 1970, and what the runs are read from.

    The runs come from a file with `--offline`, or if `--journal` names JSON lines; else from the API.
    """
    if common.offline or (common.journal is not None and is_jsonl(common.journal)):
        path = recorded_file(common)
        with open_recording(path) as recorded:
            now = SystemClock().now()
            newest = (
                f"newest event {format_age(now - to_seconds(recorded.newest_at))} ago"
                if recorded.newest_at
                else "no event"
            )
            stderr.say(f"offline: {path}, {newest}")
            _report_unreadable(recorded.unreadable_count)
            yield recorded, now, recorded
        return
    async with open_oneshot(common) as session:
        await session.read_once()
        _report_unreadable(session.unreadable_count)
        _report_unread(session.unread_reasons)
        yield session.stored_runs, session.now, session


def _print_runs(common: Common, recorded: RunSource, now: float, failed: bool, json: bool) -> None:
    listed = [
        run
        for run in recorded.summaries()
        if common.core in (None, run.core_id) and (not failed or run.status is RunStatus.FAILED)
    ]
    positions = Positions(run.position for run in listed)
    gaps = gap_rows(recorded.gaps, lambda gap: positions.count_above(gap.after))
    if not json:
        width = stdout.width()
        stdout.table(tables.run_head(width), tables.run_rows(listed, gaps, now, common.ascii, width))
        return
    stdout.document([run_document(recorded.run(run)) for run in listed])
    for gap in gaps:
        stderr.say(gap.label(now, stdout.PIPE_WIDTH_CELLS))


def _print_events(events: Iterable[Event], json: bool) -> None:
    columns = stdout.Columns(24, 17, 32, 0)
    for event in events:
        if json:
            stdout.verbatim(event.raw)
            continue
        known = event.type if event.is_complete else f"{event.type} (unreadable)".lstrip()
        parts = (event.timestamp, event.execution_id or "-", known, event.node_id or "")
        columns.row([one_line(part) for part in parts])
