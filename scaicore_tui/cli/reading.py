"""Commands that only read: runs, show, events, checkpoints."""

from __future__ import annotations

from collections.abc import Iterable

from scaicore_tui.cli import diagnostics, output, rows
from scaicore_tui.cli.flags import Common
from scaicore_tui.cli.sessions import one_shot
from scaicore_tui.clock import SystemClock
from scaicore_tui.runs import Ordered, Run, RunBook, RunStatus, gap_rows, missing_in, run_document
from scaicore_tui.runs.status import RUN_LOOKS
from scaicore_tui.runs.words import took
from scaicore_tui.text import cut, named, one_line, pretty
from scaicore_tui.wire import Event


async def list_runs(common: Common, failed: bool, json: bool) -> None:
    """Print the runs, newest first."""
    from scaicore_tui.journal.lines import Lines, is_lines

    if common.journal is not None and is_lines(common.journal):
        _print_runs(common, Lines(common.journal).book, SystemClock().now(), failed, json)
        return
    async with one_shot(common) as session:
        await session.read_once()
        _print_runs(common, session.book, session.now, failed, json)


def _print_runs(common: Common, book: RunBook, now: float, failed: bool, json: bool) -> None:
    found = Ordered(run for run in book.order if not failed or run.status is RunStatus.FAILED)
    gaps = gap_rows(book.gaps, found.above)
    if not json:
        output.table(rows.RUN_HEAD, rows.run_rows(found, gaps, now, common.ascii, output.width()))
        return
    output.document([run_document(book.runs[run.execution_id]) for run in reversed(found)])
    for gap in gaps:
        diagnostics.say(gap.words(now, output.WIDE))


async def show_run(common: Common, execution: str, json: bool) -> None:
    """Print one run."""
    async with one_shot(common) as session:
        await session.read_once()
        run = session.run_of(execution)
        book = session.book
        missing = missing_in(book.summaries[run.execution_id], book.gaps, session.now)
    if json:
        output.document(run_document(run))
        if missing:
            diagnostics.say(missing)
        return
    _describe(run, missing, ascii_only=common.ascii)
    output.table(rows.NODE_HEAD, rows.node_rows(run.nodes.values(), common.ascii))


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


async def list_events(common: Common, execution: str | None, json: bool) -> None:
    """Print events in feed order: of a journal, or of the feed."""
    if common.journal is not None:
        from scaicore_tui.journal import Journal

        with Journal.read(common.journal) as journal:
            _print_events(journal.events(execution), json)
        return
    async with one_shot(common) as session:
        await session.read_once()
        key = session.run_of(execution).execution_id if execution else None
        _print_events(session.events(key), json)


def _print_events(events: Iterable[Event], json: bool) -> None:
    for event in events:
        if json:
            output.verbatim(event.raw)
            continue
        known = event.type if event.is_whole else f"{event.type} (unreadable)".lstrip()
        parts = (event.timestamp, event.execution_id or "-", known, event.node_id or "")
        output.line(cut("  ".join(one_line(part) for part in parts).rstrip(), output.width()))


async def list_checkpoints(common: Common, status: str, json: bool) -> None:
    """Print the checkpoints of one status."""
    async with one_shot(common) as session:
        found = await session.client.all_checkpoints(status)
        now = session.now
    if json:
        output.document([row.source for row in found])
        return
    output.table(rows.CHECKPOINT_HEAD, rows.checkpoint_rows(found, now))
