"""`watch`: one line per change, of one run until it ends, or of all; failed polls are survived."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from heapq import merge

from scaicore_tui.bell import Bell
from scaicore_tui.cli import diagnostics, output
from scaicore_tui.cli.change_rows import WIDTHS, change_row
from scaicore_tui.cli.flags import DEFAULT_BACKFILL, Common
from scaicore_tui.cli.following import Contact, Follower, patiently, polling
from scaicore_tui.cli.sessions import one_shot
from scaicore_tui.cli.until import Until
from scaicore_tui.errors import TimedOut
from scaicore_tui.runs import RunStatus, Transition, What, gap_rows, missing_in, transition_document
from scaicore_tui.session import Session
from scaicore_tui.text import named

ENDS = (What.RUN_COMPLETED, What.RUN_FAILED)
AWAITED: dict[Until | None, tuple[What, ...]] = {
    None: (),
    Until.WAITING: (What.CHECKPOINT_WAITS,),
    Until.COMPLETED: (What.RUN_COMPLETED,),
    Until.FAILED: (What.RUN_FAILED,),
    Until.ANY: (What.CHECKPOINT_WAITS, *ENDS),
}


async def watch(
    common: Common, execution: str | None, exit_status: bool, until: Until | None, seconds: float | None, json: bool
) -> int:
    """Print what changes until the run ends, or what is waited for happened; the exit code.

    Failed requests are survived, from the first one on. Raises TimedOut where it takes longer than so many seconds.
    """
    trouble = ""
    try:
        async with asyncio.timeout(seconds), one_shot(common, backfill=0) as session:
            contact = Contact(session)
            try:
                await patiently(session, contact, session.read_once)
            except asyncio.CancelledError:
                trouble = _unread(session)
                raise
            execution_id = await _find(session, contact, execution) if execution is not None else None
            _tell_unread(session, common, execution_id)
            show = _show(session, common, json)
            last = await Watching(session, contact, execution_id, until, show, common.notify).last()
    except TimeoutError:
        raise TimedOut(f"watched for {seconds:g} s: {trouble or _unseen(execution, until)}") from None
    if until is not None and last.what not in AWAITED[until]:
        diagnostics.say(f"{named(last.execution_id or '')} has ended, and was not {until}")
        return 1
    return 1 if exit_status and last.what is What.RUN_FAILED else 0


def _unread(session: Session) -> str:
    """Say that nothing was read so far, and why; empty where something was."""
    if session.link.events.polls:
        return ""
    error = next((part.error for part in session.link.parts if part.error is not None), None)
    return f"nothing could be read: {error or 'no answer'}"


def _tell_unread(session: Session, common: Common, execution_id: str | None) -> None:
    """Say what is not read of what is watched: of one run, or of a journal."""
    book, now = session.book, session.now
    if execution_id is not None:
        missing = [missing_in(book.summaries[execution_id], book.gaps, now)]
    elif common.journal is not None:
        missing = [gap.words(now, output.WIDE) for gap in gap_rows(book.gaps, book.order.above) if gap.is_open]
    else:
        missing = []
    for words in filter(None, [*missing, *session.unread]):
        diagnostics.say(words)


async def _find(session: Session, contact: Contact, execution: str) -> str:
    """The one run of that id, once it and its beginning are read: most are among the newest events, and all requests
    that are spent on older ones delay the polls to come. Raises NotFound, and UsageError where it is many."""
    book = session.book
    while session.reads_older and book.event_count < DEFAULT_BACKFILL:
        found = book.find(execution)
        if found and not found[0].joined_late:
            break
        await patiently(session, contact, session.load_older)
    return session.find_run(execution).execution_id


class Watching:
    """Tells the changes of one run, or of all, to `show`."""

    def __init__(
        self,
        session: Session,
        contact: Contact,
        execution_id: str | None,
        until: Until | None,
        show: Callable[[Transition], None],
        notify: bool,
    ) -> None:
        self._session = session
        self._execution_id = execution_id
        self._lasts = AWAITED[until] if execution_id is None else (*AWAITED[until], *ENDS)
        self._show = show
        self._follower = Follower(session, execution_id)
        self._contact = contact
        self._bell = Bell(os.environ) if notify else None

    async def last(self) -> Transition:
        """Tell what happens until what is waited for did, or the run ended: that change."""
        last = self._begin()
        async with polling(self._session) as changed:
            while last is None:
                await changed()
                news = await self._news()
                self._ring(news)
                last = self._tell(news)
        return last

    def _begin(self) -> Transition | None:
        """Tell what the run went through so far; of all runs, how many there are."""
        note = self._contact.interval_note()
        if self._execution_id is not None:
            if note:
                diagnostics.say(f"polls {note}")
            return self._tell([*self._follower.past(self._execution_id), *self._follower.waiting()])
        # What waits is known by its checkpoint, whether the events of its run were read or not.
        waiting = {row.execution_id or row.id for row in self._session.checkpoints}
        known = f"{self._session.book.counts[RunStatus.RUNNING]} running, {len(waiting)} waiting"
        core = self._session.target.core
        polls = f"; polls {note}" if note else ""
        where = f"{'all Cores' if core is None else named(core)} on {named(self._session.target.host)}"
        diagnostics.say(f"watching {where}: {known}; what changes from now on is told{polls}")
        return None

    async def _news(self) -> list[Transition]:
        """What changed, by its time: what is pending is asked for by itself, and may be known sooner or later."""
        was_lost = self._contact.is_lost
        for words in self._contact.look():
            diagnostics.say(words)
        await self._follower.look(always=was_lost and not self._contact.is_lost)
        # Nothing comes in between these two: what is due stands behind all events that are older.
        events = list(self._follower.news())
        return list(merge(events, self._follower.due(events), key=lambda told: told.at or 0))

    def _tell(self, changes: Iterable[Transition]) -> Transition | None:
        """Show them up to the last one that is waited for; that one."""
        for told in changes:
            self._show(told)
            if told.what in self._lasts:
                return told
        return None

    def _ring(self, news: Iterable[Transition]) -> None:
        if self._bell is not None:
            happened = [told.what for told in news]
            self._bell.count(happened.count(What.RUN_FAILED), happened.count(What.CHECKPOINT_WAITS))
            diagnostics.ring(self._bell.ring(self._session.clock.monotonic()))


def _show(session: Session, common: Common, json: bool) -> Callable[[Transition], None]:
    """Prints a change at once, for programs or for people."""
    if json:
        return lambda told: output.compact_line(transition_document(told))
    columns = output.Columns(*WIDTHS)
    return lambda told: columns.row(change_row(told, session.now, common.ascii))


def _unseen(execution: str | None, until: Until | None) -> str:
    """What did not happen in time."""
    if until is None:
        return f"{execution} goes on" if execution is not None else "the time is up"
    return f"{execution} is not {until}" if execution is not None else f"no run was {until}"
