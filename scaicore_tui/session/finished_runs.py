"""The runs of a recording that are over and were not sent to a receiver of traces yet.

Nothing of a run is kept while it waits but its id; it is read from the journal when its turn comes. The journal knows
which runs were sent, so that a recording continues where one before it stopped.
"""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TYPE_CHECKING

from scaicore_tui.errors import StorageError
from scaicore_tui.export.exporter import ExportedRun
from scaicore_tui.export.redaction import Redactor
from scaicore_tui.log import Log, error_fields
from scaicore_tui.runs import Delta, Summary, gaps_within
from scaicore_tui.session.exports import ExportReader, read_replays
from scaicore_tui.store.sent_traces import Sent, SentRun, SentTraces
from scaicore_tui.timefmt import MICROS_PER_SECOND

if TYPE_CHECKING:
    from scaicore_tui.session.session import Session

# As many ids wait in memory; the journal has the others.
MAX_WAITING = 10_000
# So many runs that are not ready are looked at before waiting for the next change.
_MAX_LOOKED_AT = 100
_log = Log(__name__)


class FinishedRuns:
    """The finished runs of `session` that wait to be sent to `receiver`, oldest first.

    `changed` is set whenever a run may have become ready. `late` counts the runs to which events were added after they
    were sent: those events are not sent. `deleted` counts the runs that waited when the journal's retention deleted
    them.
    """

    def __init__(self, session: Session, receiver: str, redactor: Redactor) -> None:
        self.changed = asyncio.Event()
        self.late = self.deleted = 0
        self._session = session
        self._redactor = redactor
        self._table = SentTraces(session.journal, receiver)
        # Each run with the number of polls when its end was read; -1 for one from before.
        self._waiting: dict[str, int] = {}
        self._has_more = False
        # Runs sent by this process: the table may not be writable.
        self._done: dict[str, SentRun] = {}

    async def begin(self) -> int:
        """Find what earlier recordings did not send; return the number of runs that ended before the first of them.

        Call it once all runs are loaded, and before new events are read. Raises StorageError.
        """
        before = await asyncio.to_thread(self._table.begin)
        await self._refill()
        self._session.subscribe(self._apply)
        return before

    @property
    def waiting_count(self) -> int:
        """The number of runs that wait; there may be more if there are MAX_WAITING."""
        return len(self._waiting)

    async def next_ready(self, *, is_last_chance: bool = False) -> Summary | None:
        """Return the oldest run that is ready to be sent; None if there is none now.

        A run is ready when another poll followed its end, as events may be behind that, and nothing of it is still
        being read. With `is_last_chance`, no poll will follow.
        """
        if not self._waiting and self._has_more:
            await self._refill()
        for execution_id in list(islice(self._waiting, _MAX_LOOKED_AT)):
            summary = await asyncio.to_thread(self._find_unsent, execution_id)
            if summary is None:
                self._waiting.pop(execution_id, None)
            elif execution_id not in self._waiting:
                continue  # Deleted meanwhile.
            elif self._is_ready(summary, is_last_chance=is_last_chance):
                return summary
        return None

    async def read(self, summary: Summary) -> ExportedRun:
        """Return the complete run, redacted. Raises StorageError."""
        session = self._session
        now = int(session.now * MICROS_PER_SECOND)

        def read() -> ExportedRun:
            reader = ExportReader(session.stored_runs, session, now, self._redactor, None, read_replays())
            run = next(reader.read([summary]))
            # Nobody asks for them, and in a recording of weeks they could become very many.
            self._redactor.findings.clear()
            return run

        return await asyncio.to_thread(read)

    async def finish(self, summary: Summary, *, is_accepted: bool) -> None:
        """Note that a run was accepted, or refused for good."""
        sent = SentRun(Sent.ACCEPTED if is_accepted else Sent.REFUSED, summary.event_count)
        self._waiting.pop(summary.execution_id, None)
        await asyncio.to_thread(self._mark, summary.execution_id, sent)

    def postpone(self, summary: Summary) -> None:
        """Put a run behind all others: it could not be sent now."""
        if summary.execution_id in self._waiting:
            self._waiting[summary.execution_id] = self._waiting.pop(summary.execution_id)

    def _apply(self, delta: Delta) -> None:
        """Take the runs that ended, or that went on after their end."""
        # Those of the poll that reads them are published before it is counted.
        polls = self._session.connection.events.polls + 1
        for execution_id, summary in {} if delta.is_loaded else delta.upserted.items():
            if summary.is_over and execution_id not in self._waiting:
                if len(self._waiting) < MAX_WAITING:
                    self._waiting[execution_id] = polls
                else:
                    self._has_more = True
        for execution_id in delta.removed:
            self.deleted += self._waiting.pop(execution_id, None) is not None
        self.changed.set()

    def _is_ready(self, summary: Summary, *, is_last_chance: bool) -> bool:
        gaps = self._session.index.gaps
        if any(gap.is_open for gap in gaps_within(summary, gaps)):
            return False
        if summary.joined_late and summary.is_runtime:
            # Its start may be among what is still being read.
            is_behind = any(gap.is_open and not gap.is_history and gap.after < summary.position for gap in gaps)
            if is_behind or self._session.needs_backfill:
                return False
        return is_last_chance or self._session.connection.events.polls > self._waiting[summary.execution_id]

    def _find_unsent(self, execution_id: str) -> Summary | None:
        """Return the summary of a run; None if it needs no sending. Blocks.

        A run that was sent and went on since then is counted, once for each time that it did.
        """
        found = self._session.reader.stored.find(execution_id)
        if not found or found[0].execution_id != execution_id or not found[0].is_over:
            return None
        summary = found[0]
        known = self._done.get(execution_id) or self._table.find(execution_id)
        if known is None:
            return summary
        if known.outcome is Sent.ACCEPTED and summary.event_count > known.event_count:
            self.late += 1
            self._mark(execution_id, SentRun(Sent.ACCEPTED, summary.event_count))
        return None

    def _mark(self, execution_id: str, sent: SentRun) -> None:
        self._done[execution_id] = sent
        try:
            self._table.put(execution_id, sent)
        except StorageError as error:  # The next recording sends it again, which changes nothing: the ids are equal.
            _log.warning("sent run cannot be marked", **error_fields(error))
        else:
            del self._done[execution_id]

    async def _refill(self) -> None:
        found = await asyncio.to_thread(self._table.unsent, MAX_WAITING)
        self._has_more = len(found) == MAX_WAITING
        self._waiting.update(dict.fromkeys(found, -1))
