"""Follows a session line by line: what changed since it was asked last, each change once; and the contact to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager

from scaicore_tui.cli import diagnostics
from scaicore_tui.errors import CredentialsError, ScaicoreError
from scaicore_tui.runs import GapRow, Pending, Teller, Transition
from scaicore_tui.runs.words import age, moment
from scaicore_tui.session import STALE_INTERVALS, Session
from scaicore_tui.wire import Checkpoint
from scaicore_tui.wire.timestamps import SECOND

# So often in a row a credential has to be refused to be believed to be no good any more.
CREDENTIAL_TRIES = 3


class Follower:
    """Of one run, or of all. What came before it began is past."""

    def __init__(self, session: Session, execution_id: str | None) -> None:
        self._session = session
        self._execution_id = execution_id
        self._upto = session.newest_position
        self._teller = Teller(session.run_history)
        # What was pending before is past as well, but of a run that is told from its beginning.
        before = session.checkpoints if execution_id is None else ()
        self._held: list[Transition] = []
        self._held_at = 0.0
        self._pending = Pending(before, since=session.newest_time())
        # Checkpoints of runs that are over: those looked at again since, and those of them that are pending no longer.
        self._looked_at: set[str] = set()
        self._closed: set[str] = set()

    def past(self, execution_id: str) -> Iterator[Transition]:
        """All that this run went through."""
        return self._teller.tell(self._session.run_history(execution_id, self._upto))

    def news(self) -> Iterator[Transition]:
        """What events changed since. While some are missing that can still be read, none above them are told."""
        if self._is_behind:
            return
        after, self._upto = self._upto, self._session.newest_position
        rows = self._session.events_between(after, self._upto)
        yield from self._teller.tell(row for row in rows if self._is_followed(row[1].execution_id))

    def waiting(self) -> Sequence[Transition]:
        """What waits where it begins, as far as that is not past."""
        return list(self._pending.tell(self._mine(self._session.checkpoints), (), self._now))

    async def look(self, *, always: bool) -> None:
        """Find out which checkpoints came, and which went; how is looked up where some did, or `always`."""
        await self._look_again()
        pending = [row for row in self._mine(self._session.checkpoints) if row.id not in self._closed]
        answered = await self._answered() if always or self._pending.lacks(pending) else ()
        found = list(self._pending.tell(pending, answered, self._now))
        if found:
            self._held += found
            self._held_at = self._session.clock.monotonic()
            self._session.refresh()

    def due(self, news: Sequence[Transition]) -> Sequence[Transition]:
        """What became of checkpoints, to be told among these `news` of events.

        They are asked for apart from events, and are told once these are known at least as far: so a run is entered
        before it waits, also where the one is the last thing that is told.
        """
        newest = max((told.at or 0 for told in news), default=0)
        due = [told for told in self._held if self._is_due(told, newest)]
        self._held = [told for told in self._held if told not in due]
        return due

    def _is_due(self, told: Transition, newest: int) -> bool:
        return (told.at or 0) <= newest or self._is_up_to_date() or self._is_over(told.execution_id)

    def _is_up_to_date(self) -> bool:
        """Whether events were read after what is held was known, and none are missing."""
        events = self._session.link.events
        is_newer = events.answered_at is not None and events.answered_at >= self._held_at
        return is_newer and events.error is None and not self._is_behind

    async def _look_again(self) -> None:
        """Read what is pending once more where a run has ended that had a checkpoint: it may have been answered since
        it was listed, and may be pending still."""
        doubtful = {row.id for row in self._mine(self._session.checkpoints) if self._is_over(row.execution_id)}
        doubtful -= self._looked_at
        if not doubtful:
            return
        try:
            listed = await self._session.list_checkpoints("pending")
        except ScaicoreError:
            return
        if listed.cut_short:
            return  # a listing without its end is no evidence
        self._looked_at |= doubtful
        self._closed |= doubtful - {row.id for row in listed.rows}

    async def _answered(self) -> Sequence[Checkpoint]:
        """Those answered last; none where they can't be asked for: then it is not told how they were."""
        try:
            newest = await self._session.list_checkpoints("resolved", max_pages=1)
        except ScaicoreError:
            return ()
        return self._mine(newest.rows)

    @property
    def _is_behind(self) -> bool:
        return any(gap.is_open and gap.after >= self._upto for gap in self._session.book.gaps)

    @property
    def _now(self) -> int:
        return int(self._session.now * SECOND)

    def _mine(self, rows: Sequence[Checkpoint]) -> Sequence[Checkpoint]:
        return [row for row in rows if self._is_followed(row.execution_id)]

    def _is_followed(self, execution_id: str | None) -> bool:
        return self._execution_id in (None, execution_id)

    def _is_over(self, execution_id: str | None) -> bool:
        """Whether that run has ended."""
        summary = self._session.book.summaries.get(execution_id or "")
        return summary is not None and summary.is_over


class Contact:
    """Tells when contact is lost and when it is back, once each, how often is polled where that is less often than was
    asked for, and where events are missing for good."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lost_at: float | None = None
        self._is_held = False
        self._interval_note = ""
        self._gaps = {gap.after for gap in session.book.gaps if not gap.is_open}
        self._trouble = ""

    @property
    def is_lost(self) -> bool:
        """Whether the latest look failed."""
        return self._lost_at is not None

    def look(self) -> Iterator[str]:
        """What is to be said of it now. Raises CredentialsError for one that is refused again and again."""
        link = self._session.link
        error = next((part.error for part in link.parts if part.error is not None), None)
        if isinstance(error, CredentialsError) and link.failures >= CREDENTIAL_TRIES:
            raise error
        yield from self.lost(error) if error is not None else self._back()
        yield from self._holding(self._session.clock.monotonic())
        yield from self._limiting()
        yield from self._new_gaps()
        if self._trouble != self._session.journal_problem:
            self._trouble = self._session.journal_problem
            yield self._trouble or "the journal can be written again, and has all that was only in memory"

    def lost(self, error: ScaicoreError) -> Iterator[str]:
        """What is to be said of a request that failed."""
        if self._lost_at is None:
            self._lost_at = self._session.clock.monotonic()
            yield f"{self._time} contact lost: {error}"

    def interval_note(self) -> str:
        """Say how often is polled, where the rate limit makes that less often than was asked for; else empty.

        What is said by this is not said again.
        """
        self._interval_note = self._session.link.interval_note
        return self._interval_note

    def _back(self) -> Iterator[str]:
        if self._lost_at is not None:
            lost, self._lost_at = self._lost_at, None
            yield f"{self._time} contact is back after {age(self._session.clock.monotonic() - lost)}"

    @property
    def _time(self) -> str:
        now = self._session.now
        return moment(int(now * SECOND), now)

    def _limiting(self) -> Iterator[str]:
        """The rate limit is known once something was answered."""
        link, before = self._session.link, self._interval_note
        if any(part.polls for part in link.parts) and link.interval_note != before:
            yield f"{self._time} polls {self.interval_note() or f'every {link.interval:g} s'}"

    def _holding(self, now: float) -> Iterator[str]:
        link = self._session.link
        left = 0.0 if link.held_until is None else link.held_until - now
        is_held = left > STALE_INTERVALS * link.effective_interval
        if is_held and not self._is_held:
            is_asked = self._session.is_held_by_server
            reason = "the server asked to wait (429)" if is_asked else "rate limit: the minute's requests are spent"
            yield f"{self._time} {reason}, the next look is in {age(left)}"
        self._is_held = is_held

    def _new_gaps(self) -> Iterator[str]:
        for gap in self._session.book.gaps:
            if not gap.is_open and gap.after not in self._gaps:
                self._gaps.add(gap.after)
                words = GapRow(0, [gap]).words(self._session.now, 0)
                yield f"{words}: events lost to retention, changes may be missing"


async def patiently(session: Session, contact: Contact, read: Callable[[], Awaitable[object]]) -> None:
    """Call `read` until it succeeds; the first failure is reported, and each is waited out.

    Raises errors that waiting does not help against: a wrong URL, credential or request.
    """

    def report(error: ScaicoreError) -> None:
        for words in contact.lost(error):
            diagnostics.say(words)

    await session.read_until_answered(read, report)


@asynccontextmanager
async def polling(session: Session) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Poll inside; what it yields waits until something changed."""
    changed = asyncio.Event()
    session.subscribe(lambda update: changed.set())
    task = asyncio.create_task(session.run())
    task.add_done_callback(lambda task: changed.set())

    async def wait() -> None:
        await changed.wait()
        changed.clear()
        if task.done():
            task.result()

    try:
        yield wait
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
