"""Record into the journal of a team, on a server: one of several processes records, and the others stand by."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from scaicore_tui.cli.commands.follow import polling
from scaicore_tui.cli.commands.record_loop import TraceOptions, follow, open_sender, open_traces, sending
from scaicore_tui.cli.commands.record_summary import Recorded, report
from scaicore_tui.cli.options import Common
from scaicore_tui.cli.output import stderr
from scaicore_tui.config import Target
from scaicore_tui.config.journal_url import JournalUrl
from scaicore_tui.errors import StorageError, Unreachable
from scaicore_tui.session import JournalCounts, Session, TeamRecorder
from scaicore_tui.text import one_line

if TYPE_CHECKING:
    from scaicore_tui.cli.commands.record_outputs import Outputs
    from scaicore_tui.export.record_types import TracesDocument


class TeamOptions(NamedTuple):
    """When to end, in seconds, and how: `stands_by` while another process records, or fails."""

    seconds: float | None
    idle: float | None
    json: bool
    stands_by: bool
    backfill: int


async def record_for_team(
    common: Common, target: Target, url: JournalUrl, team: TeamOptions, options: TraceOptions, outputs: Outputs
) -> int:
    """Record as `record` does, into the journal at `url`; return the exit code.

    Raises also Conflict if another process records and this one is not to stand by, and StorageError if events are only
    in the local journal at the end.
    """
    # A recording that ends when nothing new comes does not wait for another process to end.
    stands_by = team.stands_by and team.idle is None
    recorder = TeamRecorder(target, url, stderr.say, backfill=team.backfill, stands_by=stands_by)
    recording = _TeamRecording(common, recorder, url, team.idle, options, outputs)
    async with outputs.serving(), _reporting(recorder):
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(team.seconds):
                    while not await recording.record_once():
                        pass
        finally:
            figures = await recording.figures()
            report(figures, team.json)
    if figures.team is not None and figures.team["kept_locally"]:
        raise _not_delivered(recorder, figures.team["kept_locally"])
    if not figures.has_events and not recorder.has_stood_by:
        raise recording.error or Unreachable(f"{one_line(target.host)} did not answer", effect="nothing was recorded")
    return 0


@asynccontextmanager
async def _reporting(recorder: TeamRecorder) -> AsyncIterator[None]:
    """Report to the other recorders while the block runs."""
    reports = asyncio.create_task(recorder.run_reports())
    try:
        yield
    finally:
        reports.cancel()
        await asyncio.gather(reports, return_exceptions=True)
        await recorder.close()


def _not_delivered(recorder: TeamRecorder, count: int) -> StorageError:
    return StorageError(
        f"{count:,} events are not in the journal, as its server is away",
        effect=f"they are kept in {recorder.local_file}",
        hint="the next `record` on this machine delivers them",
    )


class _TeamRecording:
    """The recording of this process, in one session after the other."""

    def __init__(
        self,
        common: Common,
        recorder: TeamRecorder,
        url: JournalUrl,
        idle: float | None,
        options: TraceOptions,
        outputs: Outputs,
    ) -> None:
        # Why the events were not read; None if they were.
        self.error: Exception | None = None
        self._common = common
        self._recorder = recorder
        self._url = url
        self._idle = idle
        self._options = options
        self._outputs = outputs
        self._has_begun = False
        self._has_events = self._has_checkpoints = self._needs_backfill = False
        self._behind: int | None = None
        self._traces: TracesDocument | None = None
        # The number of events, runs and gaps when they were last known.
        self._known = JournalCounts(0, 0, 0, 0, 0, 0, has_unread_history=False)

    async def record_once(self) -> bool:
        """Wait for the next session and record with it; return True if the recording should end."""
        session = await self._recorder.next_session()
        try:
            return await self._record(session)
        finally:
            self._note(session)
            await self._recorder.leave()

    async def _record(self, session: Session) -> bool:
        is_first, self._has_begun = not (self._has_begun or self._recorder.has_stood_by), True
        sender = None if self._recorder.is_local else open_sender(self._common, self._options)
        traces = None if sender is None else open_traces(session, sender, self._options)
        try:
            if traces is not None:
                await session.load()
            if not self._recorder.is_local:
                stderr.say(f"recording {one_line(session.target.host)} into {self._url}; press Ctrl-C to stop")
            # What is kept locally is a part of the journal: its figures, and alerts about it, would be wrong.
            beside = nullcontext() if self._recorder.is_local else self._outputs.beside(session)
            async with beside, sending(traces), polling(session) as changed:
                return await follow(session, changed, self._idle, lambda: self._recorder.must_leave, is_first=is_first)
        finally:
            if traces is not None:
                self._add_traces(traces.summary())

    def _note(self, session: Session) -> None:
        """Remember what this session has read, before it is closed."""
        connection = session.connection
        self.error = connection.events.error
        self._has_events |= connection.events.polls > 0
        self._has_checkpoints |= connection.checkpoints.polls > 0
        self._behind = connection.behind
        if not self._recorder.is_local:
            self._needs_backfill = session.needs_backfill
            self._known = session.known_counts

    def _add_traces(self, latest: TracesDocument) -> None:
        before: Mapping[str, Any] = self._traces or {}
        figures: Mapping[str, Any] = latest
        total: Any = {name: count + before.get(name, 0) for name, count in figures.items()}
        self._traces = total | {"runs_waiting": latest["runs_waiting"]}

    async def figures(self) -> Recorded:
        """Return the figures of this process, and those of the journal."""
        recorder = self._recorder
        counts = await recorder.count_journal()
        return Recorded(
            path=self._url,
            counts=self._known if counts is None else counts,
            recorded=recorder.recorded + recorder.delivered,
            unreadable=recorder.unreadable,
            requests=recorder.client.requests,
            stale_dropped=recorder.stale_dropped,
            has_events=self._has_events,
            has_checkpoints=self._has_checkpoints,
            needs_backfill=self._needs_backfill,
            behind=self._behind,
            traces=self._traces,
            team={
                "delivered": recorder.delivered,
                "kept_locally": recorder.kept,
                "stood_by": recorder.has_stood_by,
                "is_counted": counts is not None,
            },
        )
