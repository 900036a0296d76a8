"""The commands that read lists: runs, events, checkpoints. All but the last also work on a recorded file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from scaicore_tui.analysis.checkpoint_order import in_inbox_order, latest_first
from scaicore_tui.analysis.query import CHECKPOINTS, EVENTS, CheckpointRow, EventRow, compile_query
from scaicore_tui.cli.commands.groups import print_groups
from scaicore_tui.cli.options import Common
from scaicore_tui.cli.output import stderr, stdout, tables
from scaicore_tui.cli.queries import RunSelection, context_of, parse_where, select_runs
from scaicore_tui.cli.sessions import open_oneshot, recorded_file, recording_to_read
from scaicore_tui.clock import SystemClock
from scaicore_tui.config.journal_url import JournalUrl
from scaicore_tui.errors import UsageError
from scaicore_tui.export.documents import run_document
from scaicore_tui.protocol import Event
from scaicore_tui.protocol.checkpoints import PENDING
from scaicore_tui.runs import Positions, Summary, gap_rows
from scaicore_tui.session import as_of_last_poll, open_recording
from scaicore_tui.text import one_line
from scaicore_tui.timefmt import MICROS_PER_SECOND, format_age, to_seconds

if TYPE_CHECKING:
    from scaicore_tui.session import Recording, SearchableRuns, Session


def _report_unreadable(count: int) -> None:
    """Report how many events and checkpoints could not be fully decoded."""
    if count:
        stderr.say(f"{count:,} events or checkpoints are not fully readable; events --json prints events as received")


def _report_unread(reasons: Iterable[str]) -> None:
    """Report what was not read, and why."""
    for reason in filter(None, reasons):
        stderr.say(reason)


async def list_runs(common: Common, selection: RunSelection, json: bool) -> None:
    """Print the selected runs or, if asked for, their groups."""
    selection = selection.in_view()
    query = selection.query(common.core)
    async with read_runs(common) as (source, now, origin):
        rows = select_runs(source, selection, query, context_of(origin, query))
        if selection.group is not None:
            print_groups(rows, selection.group, selection.limit, common.ascii, now, json)
        else:
            _print_runs(common, source, rows, selection, now, json)


async def list_events(common: Common, execution: str | None, where: str, json: bool) -> None:
    """Print events in the order of the API, from the API or a recorded file."""
    query = parse_where(where, EVENTS)
    matches = compile_query(query, EVENTS, int(SystemClock().now() * MICROS_PER_SECOND))

    def wanted(events: Iterable[Event]) -> Iterable[Event]:
        return events if query.is_empty else (event for event in events if matches(EventRow(event)))

    path = recorded_file(common) if common.journal or common.offline else recording_to_read(common)
    if path is None:
        async with open_oneshot(common) as session:
            await session.read_once()
            _report_unreadable(session.unreadable_count)
            _report_unread(session.unread_reasons)
            key = (await session.find_run(execution)).execution_id if execution else None
            _print_events(wanted(session.events(key)), json)
        return
    with open_recording(path) as recorded:
        if not common.offline:
            _report_unread([as_of_last_poll(recorded)])
        key = recorded.find_one(execution).execution_id if execution else None
        events = (event for event in recorded.events(key) if common.core in (None, event.core_id))
        _print_events(wanted(events), json)


async def list_checkpoints(common: Common, status: str, where: str, json: bool) -> None:
    """Print the checkpoints of one status, in the order of the inbox."""
    query = parse_where(where, CHECKPOINTS)
    if common.offline:
        raise UsageError(
            "checkpoints needs the server: a journal does not know which are still pending",
            hint="run it without --offline",
        )
    async with open_oneshot(common) as session:
        listed = await session.list_checkpoints(status)
        others = None if session.team is None else await session.team.read_once()
        if session.ledger_problem:
            stderr.say(session.ledger_problem)
        _report_unreadable(session.unreadable_count)
        _report_unread([listed.cut_short])
        now, context, reviewer = session.now, session.query_context(), session.reviewer
    matches = compile_query(query, CHECKPOINTS, context.now)
    ordered = in_inbox_order(listed.rows, now) if status == PENDING else latest_first(listed.rows)
    rows = [row for row in ordered if matches(CheckpointRow(row, context))]
    if json:
        stdout.document([row.raw for row in rows])
        return
    if status == PENDING and others is not None:
        table = tables.checkpoint_rows(rows, reviewer, now, common.ascii)
        cells = [(*cells, one_line(others.words(row.id))) for row, cells in zip(rows, table, strict=True)]
        stdout.table((*tables.CHECKPOINT_HEAD, "TEAM"), cells)
    elif status == PENDING:
        stdout.table(tables.CHECKPOINT_HEAD, tables.checkpoint_rows(rows, reviewer, now, common.ascii))
    else:
        stdout.table(tables.RESOLVED_HEAD, tables.resolved_rows(rows, now, common.ascii))


@asynccontextmanager
async def read_runs(common: Common) -> AsyncIterator[tuple[SearchableRuns, float, Session | Recording]]:
    """Yield the runs, the time now in seconds since 1970, and what the runs are read from.

    The runs come from a file with `--offline`, or if `--journal` names JSON lines; from the journal on a server, if
    there is one; else from the API.
    """
    path = recording_to_read(common)
    if path is not None:
        with open_recording(path) as recorded:
            now = SystemClock().now()
            if isinstance(path, JournalUrl) and not common.offline:
                _report_unread([as_of_last_poll(recorded)])
                yield recorded, now, recorded
                return
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


def _print_runs(
    common: Common, source: SearchableRuns, rows: Sequence[Summary], selection: RunSelection, now: float, json: bool
) -> None:
    positions = Positions(run.position for run in rows)
    gaps = gap_rows(source.gaps, lambda gap: positions.count_above(gap.after))
    # Between runs in another order, a gap would be nowhere.
    is_by_position = selection.sort is None
    if json:
        stdout.document([run_document(source.run(run)) for run in rows])
    else:
        width = stdout.width()
        shown = gaps if is_by_position else ()
        stdout.table(tables.run_head(width), tables.run_rows(rows, shown, now, common.ascii, width))
    if json or not is_by_position:
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
