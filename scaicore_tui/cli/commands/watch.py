"""The command `watch`: print one line per change, of one run until it ends, or of all runs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from heapq import merge

from scaicore_tui.analysis.query import RUNS, Query, RunRow, asks_for, compile_query
from scaicore_tui.analysis.query.rows import RunPayloads
from scaicore_tui.cli.commands.follow import ChangeFollower, ConnectionReporter, polling, with_backoff
from scaicore_tui.cli.completion import Until
from scaicore_tui.cli.options import DEFAULT_BACKFILL, Common
from scaicore_tui.cli.output import stderr, stdout
from scaicore_tui.cli.output.tables import TRANSITION_WIDTHS_CELLS, transition_row
from scaicore_tui.cli.queries import parse_where
from scaicore_tui.cli.sessions import open_oneshot
from scaicore_tui.errors import NotFound, TimedOut
from scaicore_tui.export.documents import transition_document
from scaicore_tui.notify import TerminalNotifier
from scaicore_tui.runs import RunStatus, Transition, TransitionKind, gap_rows, missing_events_note
from scaicore_tui.session import Session
from scaicore_tui.text import display_name

ENDS = (TransitionKind.RUN_COMPLETED, TransitionKind.RUN_FAILED)
STOP_KINDS: dict[Until | None, tuple[TransitionKind, ...]] = {
    None: (),
    Until.WAITING: (TransitionKind.CHECKPOINT_WAITS,),
    Until.COMPLETED: (TransitionKind.RUN_COMPLETED,),
    Until.FAILED: (TransitionKind.RUN_FAILED,),
    Until.ANY: (TransitionKind.CHECKPOINT_WAITS, *ENDS),
}


async def watch(
    common: Common,
    execution: str | None,
    exit_status: bool,
    until: Until | None,
    seconds: float | None,
    where: str,
    json: bool,
) -> int:
    """Print changes until the run ends or the state `until` is reached; return the exit code.

    Failed requests are repeated, from the first one on. Raises TimedOut after `seconds`.
    """
    problem, query = "", parse_where(where, RUNS)
    try:
        async with asyncio.timeout(seconds), open_oneshot(common, backfill=0) as session:
            reporter = ConnectionReporter(session)
            try:
                await with_backoff(session, reporter, session.read_once)
            except asyncio.CancelledError:
                problem = _why_unread(session)
                raise
            execution_id = await _find(session, reporter, execution) if execution is not None else None
            _report_missing(session, common, execution_id)
            show, is_wanted = _show(session, common, json), _filter(session, query)
            loop = WatchLoop(session, reporter, execution_id, until, show, is_wanted, common.notify)
            last = await loop.run()
    except TimeoutError:
        raise TimedOut(f"watched for {seconds:g} s: {problem or _what_did_not_happen(execution, until)}") from None
    if until is not None and last.kind not in STOP_KINDS[until]:
        stderr.say(f"{display_name(last.execution_id or '')} has ended without being {until}")
        return 1
    return 1 if exit_status and last.kind is TransitionKind.RUN_FAILED else 0


def _why_unread(session: Session) -> str:
    """Return why nothing was read so far; empty if something was."""
    if session.connection.events.polls:
        return ""
    error = next((part.error for part in session.connection.sources if part.error is not None), None)
    return f"nothing could be read: {error or 'no answer'}"


def _report_missing(session: Session, common: Common, execution_id: str | None) -> None:
    """Report what is missing from the watched run, or from the journal, and what was not read."""
    index, now = session.index, session.now
    if execution_id is not None:
        summary = index.get(execution_id)
        missing = [] if summary is None else [missing_events_note(summary, index.gaps, now)]
    elif common.journal is not None:
        rows = gap_rows(index.gaps, lambda gap: index.order.count_above(gap.after))
        missing = [row.label(now, stdout.PIPE_WIDTH_CELLS) for row in rows if row.is_open]
    else:
        missing = []
    for message in filter(None, [*missing, *session.unread_reasons]):
        stderr.say(message)


async def _find(session: Session, reporter: ConnectionReporter, execution: str) -> str:
    """Read back until the run and its beginning are found; return its id.

    Most runs are among the newest events. Reading no further than needed saves requests for the polls that follow.
    Raises NotFound, or UsageError if several runs match.
    """
    while session.can_read_older and session.index.event_count < DEFAULT_BACKFILL:
        with suppress(NotFound):
            if not (await session.find_run(execution)).joined_late:
                break
        await with_backoff(session, reporter, session.load_older)
    return (await session.find_run(execution)).execution_id


class WatchLoop:
    """Passes the changes of one run, or of all, to `show`."""

    def __init__(
        self,
        session: Session,
        reporter: ConnectionReporter,
        execution_id: str | None,
        until: Until | None,
        show: Callable[[Transition], None],
        is_wanted: Callable[[Transition], bool],
        notify: bool,
    ) -> None:
        self._session = session
        self._execution_id = execution_id
        self._stop_kinds = STOP_KINDS[until] if execution_id is None else (*STOP_KINDS[until], *ENDS)
        self._show = show
        self._is_wanted = is_wanted
        self._follower = ChangeFollower(session, execution_id)
        self._reporter = reporter
        self._notifier = TerminalNotifier(os.environ) if notify else None

    async def run(self) -> Transition:
        """Show changes until the awaited one, or the end of the run; return that change."""
        last = self._begin()
        async with polling(self._session) as changed:
            while last is None:
                await changed()
                changes = await self._new_changes()
                self._notify(changes)
                last = self._show_until_stop(changes)
        return last

    def _begin(self) -> Transition | None:
        """Show the changes of the run so far; for all runs, only report how many there are."""
        note = self._reporter.interval_note()
        if self._execution_id is not None:
            if note:
                stderr.say(f"polling {note}")
            changes = [*self._follower.past_changes(self._execution_id), *self._follower.waiting()]
            return self._show_until_stop(filter(self._is_wanted, changes))
        # Waiting runs are counted by their checkpoints: their events may not be read.
        waiting = {row.execution_id or row.id for row in self._session.checkpoints}
        counts = f"{self._session.index.counts[RunStatus.RUNNING]} running, {len(waiting)} waiting"
        core = self._session.target.core
        polls = f"; polling {note}" if note else ""
        where = f"{'all Cores' if core is None else display_name(core)} on {display_name(self._session.target.host)}"
        stderr.say(f"watching {where}: {counts}; new changes follow{polls}")
        return None

    async def _new_changes(self) -> list[Transition]:
        """Return the new changes by time, merged from those of events and of checkpoints."""
        was_lost = self._reporter.is_lost
        for message in self._reporter.new_messages():
            stderr.say(message)
        await self._follower.refresh_checkpoints(always=was_lost and not self._reporter.is_lost)
        # No await between these two: all older events must be in `events`.
        events = list(self._follower.new_changes())
        merged = merge(events, self._follower.release_due(events), key=lambda change: change.at or 0)
        return list(filter(self._is_wanted, merged))

    def _show_until_stop(self, changes: Iterable[Transition]) -> Transition | None:
        """Show the changes up to the first awaited one, and return it."""
        for change in changes:
            self._show(change)
            if change.kind in self._stop_kinds:
                return change
        return None

    def _notify(self, changes: Iterable[Transition]) -> None:
        if self._notifier is not None:
            kinds = [change.kind for change in changes]
            self._notifier.add(kinds.count(TransitionKind.RUN_FAILED), kinds.count(TransitionKind.CHECKPOINT_WAITS))
            stderr.write_sequence(self._notifier.flush(self._session.clock.monotonic()))


def _filter(session: Session, query: Query) -> Callable[[Transition], bool]:
    """Return whether a change is of a run that matches the query as it is now. Without a query, all are."""
    if query.is_empty:
        return lambda change: True
    runs, asks_for_slow = session.stored_runs, asks_for(query, RUNS, "is", "slow")

    def matches(change: Transition) -> bool:
        summary = session.index.get(change.execution_id or "")
        if summary is None:
            return False
        if asks_for_slow:
            session.read_slow_runs()
        context = session.query_context()
        row = RunRow(summary, context, lambda summary: RunPayloads(runs.run(summary)))
        return compile_query(query, RUNS, context.now)(row)

    return matches


def _show(session: Session, common: Common, json: bool) -> Callable[[Transition], None]:
    """Return a function that prints a change at once, as JSON or as a row."""
    if json:
        return lambda change: stdout.compact_line(transition_document(change))
    columns = stdout.Columns(*TRANSITION_WIDTHS_CELLS)
    return lambda change: columns.row(transition_row(change, session.now, common.ascii))


def _what_did_not_happen(execution: str | None, until: Until | None) -> str:
    """Return what did not happen in time, for the message of a timeout."""
    if until is None:
        return f"{execution} is still running" if execution is not None else "the time is over"
    return f"{execution} is not {until}" if execution is not None else f"no run was {until}"
