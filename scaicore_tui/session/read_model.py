"""Read models of a session: everything that a front end may read. Nothing here sends, stores or changes anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from scaicore_tui.actions import Progress, Submission, SubmissionTracker, Submitter, Team, gate
from scaicore_tui.analysis.checkpoint_order import Reviewer
from scaicore_tui.api.budget import Priority
from scaicore_tui.api.checkpoint_listing import PendingStatus
from scaicore_tui.api.client import Client
from scaicore_tui.clock import Clock
from scaicore_tui.config import Target
from scaicore_tui.protocol import Checkpoint, Event
from scaicore_tui.runs import Delta, Run, RunIndex
from scaicore_tui.session.run_reader import RunReader
from scaicore_tui.session.tasks import BackgroundTasks
from scaicore_tui.store import Journal
from scaicore_tui.store.recordings import SearchableRuns
from scaicore_tui.store.shared_ledger import SharedWrite
from scaicore_tui.sync.backfill import Backfiller
from scaicore_tui.sync.pollers import Pollers
from scaicore_tui.sync.status import MAX_SKEW_S, ConnectionStatus, SourceStatus
from scaicore_tui.timefmt import MICROS_PER_SECOND, format_age
from scaicore_tui.units import Micros, Position

if TYPE_CHECKING:
    from scaicore_tui.analysis.query import QueryContext
    from scaicore_tui.session.run_queries import RunQueries

# Data older than this, and than three intervals, is too old to act on.
STALE_AFTER_S = 15.0
# A hold by the request budget is shown from this length on.
HOLD_THRESHOLD_S = 2.0


class SubmissionDelta(Delta, frozen=True):
    """The progress of one write changed."""

    submission: Submission | None = None


class TeamDelta(Delta, frozen=True):
    """The writes or open dialogs of others for some targets changed, or the problem with their ledger."""

    targets: frozenset[str] = frozenset()


def submission_of(delta: Delta) -> Submission | None:
    """Return the write whose progress changed; None if the delta is about something else."""
    return delta.submission if isinstance(delta, SubmissionDelta) else None


class CheckpointList(Struct, frozen=True):
    """The checkpoints of one status. `cut_short` says why some are missing; it is empty if none are."""

    rows: tuple[Checkpoint, ...]
    cut_short: str = ""


class TokenStatus(Struct, frozen=True):
    """`seconds_left` until the token expires, negative afterwards and None if unknown; `is_renewable` if another token
    can be fetched."""

    seconds_left: float | None
    is_renewable: bool


class JournalCounts(Struct, frozen=True):
    """Numbers of rows in the journal. `run_events` are the events that belong to a run, `distinct_events` those without
    repeats; `open_gaps` includes the history that was not read."""

    events: int
    runs: int
    distinct_events: int
    run_events: int
    gaps: int
    open_gaps: int
    has_unread_history: bool


class ReadModel:
    """The state of one session. Everything happens on one event loop: values change only between two updates.

    Front ends use the members without an underscore, but not `client`, `journal`, `tracker` and `submitter`: these
    belong to the session.
    """

    # False if another process polls the API.
    polls_api = True
    target: Target
    clock: Clock
    index: RunIndex
    reader: RunReader
    checkpoints: tuple[Checkpoint, ...]
    journal: Journal
    client: Client
    tracker: SubmissionTracker
    submitter: Submitter
    # The ledger that is shared with others; None if there is none.
    team: Team | None
    # Hints on the runs that took longer than usual when they were last looked for, by id.
    slow_runs: Mapping[str, str]
    _backfiller: Backfiller
    _pollers: Pollers
    _tasks: BackgroundTasks

    @property
    def connection(self) -> ConnectionStatus:
        """The connection status after the latest requests."""
        held_s = self.client.budget.wait_time(Priority.WRITE)
        is_held = held_s > HOLD_THRESHOLD_S
        return replace(self._pollers.status, held_until=self.clock.monotonic() + held_s if is_held else None)

    def everything(self) -> Delta:
        """Return a delta with all that is known, for a subscriber that starts now."""
        return Delta(loaded=self.index.by_status, gaps=self.index.gaps, checkpoints=self.checkpoints)

    @property
    def is_held_by_server(self) -> bool:
        """True while the server has asked for a pause with status 429."""
        return self.client.budget.held_for > 0

    @property
    def now(self) -> float:
        """Seconds since 1970. Uses the server's clock if ours differs from it by more than a minute, since the server
        writes the timestamps."""
        skew = self.client.clock_skew
        return self.clock.now() + (skew if abs(skew) > MAX_SKEW_S else 0.0)

    @property
    def recorded_through(self) -> int | None:
        """Offline: the time of the newest stored event in microseconds since 1970, 0 if there is none. Else None."""
        return None

    @property
    def known_until(self) -> Micros:
        """The time up to which the events are known, in microseconds since 1970: when they were last read; 0 before."""
        if self.recorded_through is not None:
            return self.recorded_through
        age_s = self.connection.events.age(self.clock.monotonic())
        return 0 if age_s is None else int((self.now - age_s) * MICROS_PER_SECOND)

    @property
    def request_count(self) -> int:
        """The number of requests sent so far."""
        return self.client.requests

    @property
    def token(self) -> TokenStatus:
        """When the token expires, and if it can be renewed."""
        return TokenStatus(self.client.bearer.seconds_left, self.client.bearer.can_renew)

    @property
    def reviewer(self) -> Reviewer:
        """The person whose token is used, as far as the token says."""
        claims = self.client.bearer.claims
        return Reviewer() if claims is None else Reviewer(claims.subject, frozenset(claims.groups))

    @property
    def pending_status(self) -> PendingStatus:
        """How much of the list of pending checkpoints was read."""
        return self._pollers.pending.status

    @property
    def is_listing(self) -> bool:
        """True while pages of pending checkpoints are still to be read."""
        return self._pollers.pending.is_reading

    @property
    def unread_reasons(self) -> list[str]:
        """One sentence for each part of the server's data that was not read, with the reason."""
        cut_short = self.pending_status.cut_short
        return [
            reason
            for reason in (
                self._backfiller.stop_reason,
                self._backfiller.ambiguity_note,
                self._pollers.stop_reason,
                cut_short,
            )
            if reason
        ]

    @property
    def unreadable_count(self) -> int:
        """The number of events received since the start, and of pending checkpoints, that cannot be fully decoded."""
        return self.index.unreadable_count + self.client.unreadable

    @property
    def has_older(self) -> bool:
        """True if the feed may hold events older than those read."""
        return self._tasks.has_older and not self.target.offline

    @property
    def can_read_older(self) -> bool:
        """True if reading older events helps; False if the server's pages seem to have no end."""
        return self.has_older and not self._backfiller.stop_reason

    @property
    def needs_backfill(self) -> bool:
        """True until as many events are read as should be at the start."""
        return self._tasks.needs_backfill

    @property
    def journal_problem(self) -> str:
        """Why the journal cannot be read or written; empty if it can."""
        return self.journal.write_error

    @property
    def is_journal_gone(self) -> bool:
        """True if the journal's file was deleted or replaced: what is written to it is lost when the program ends."""
        return self.journal.is_file_gone

    def count_journal(self) -> JournalCounts:
        """Count what is in the journal. Reads the database. Raises StorageError."""
        journal = self.journal
        return JournalCounts(
            events=len(journal),
            runs=journal.saved_run_count,
            distinct_events=self.reader.stored.event_count(),
            run_events=journal.run_event_count(),
            gaps=journal.gap_count(),
            open_gaps=journal.open_gap_count(),
            has_unread_history=journal.unread_history() is not None,
        )

    @property
    def newest_position(self) -> Position:
        """The position of the newest event in the journal."""
        return self.journal.next_position - 1 if self.index.last_position is None else self.index.last_position

    def newest_time(self) -> int:
        """Return the time of the newest event in microseconds since 1970, 0 if there is none. Raises StorageError."""
        return self.journal.reader.newest_at()

    def events(self, execution_id: str | None = None) -> Iterator[Event]:
        """Yield the events of one run, or all, in feed order; of a damaged run only those before the damage."""
        if execution_id is None:
            return self.journal.reader.events()
        return (event for _, event in self.journal.history_until_damaged(execution_id, None))

    def run_history(self, execution_id: str, through: Position | None = None) -> Iterator[tuple[Position, Event]]:
        """Yield the events of one run with their positions, up to position `through`. Raises StorageError."""
        return self.journal.reader.history(execution_id, through)

    def events_between(self, after: Position, through: Position) -> Iterator[tuple[Position, Event]]:
        """Yield all events after one position up to another, with their positions. Raises StorageError."""
        return self.journal.reader.read_between(after, through)

    async def find_run(self, prefix: str) -> Run:
        """Return the only run whose id begins with `prefix`, or the one that `@latest` or `@failed` means.

        Raises NotFound, or UsageError if there are several.
        """
        return await self.reader.find(prefix, "" if self.target.offline else "--backfill N reads further")

    @property
    def stored_runs(self) -> SearchableRuns:
        """The runs of the journal, for commands that print them: reading them blocks."""
        return self.reader.stored

    @cached_property
    def queries(self) -> RunQueries:
        """Searches of the runs, loaded when it is first asked for."""
        from scaicore_tui.session.run_queries import RunQueries

        entries = self.tracker.ledger_worker.entries
        return RunQueries(self.journal, self.index, self.query_context, entries, self.read_slow_runs)

    def query_context(self, replays: frozenset[str] = frozenset()) -> QueryContext:
        """Return what a query is evaluated with now. `replays` are known before; those of this session are added."""
        from scaicore_tui.analysis.query import QueryContext

        caller = self.client.bearer.caller
        sent = (one.execution_id for one in self.submissions if one.is_replay)
        return QueryContext(
            int(self.now * MICROS_PER_SECOND),
            self.checkpoints,
            self.index.gaps,
            replays.union(key for key in sent if key is not None),
            frozenset() if caller is None or caller.subject is None else frozenset({caller.subject}),
            frozenset(self.slow_runs),
        )

    def read_slow_runs(self, limit: int | None = None) -> Mapping[str, str]:
        """Return the hints on the runs that take longer than usual, by id, and keep them in `slow_runs`.

        With a `limit`, only the newest open runs are looked at. Blocks; raises StorageError.
        """
        from scaicore_tui.store.slow_runs import read_slow_runs

        index = self.index
        self.slow_runs = read_slow_runs(self.journal.reader, self.known_until, index.waiting, index.gaps, limit)
        return self.slow_runs

    def checkpoint(self, checkpoint_id: str) -> Checkpoint | None:
        """Return the pending checkpoint with that id."""
        return next((row for row in self.checkpoints if row.id == checkpoint_id), None)

    @property
    def remembers(self) -> bool:
        """True if what a person did is kept for the next sessions."""
        return self.tracker.ledger.is_persistent

    def others_words(self, checkpoint_id: str) -> str:
        """Return what others did with a checkpoint, or do now, in words; empty if nothing is known."""
        return "" if self.team is None else self.team.view.words(checkpoint_id)

    def write_of_other(self, checkpoint_id: str) -> SharedWrite | None:
        """Return the latest write of another person to a checkpoint; None if there is none, or no ledger is shared."""
        return None if self.team is None else self.team.view.writes.get(checkpoint_id)

    @property
    def submissions(self) -> Sequence[Submission]:
        """All writes of this session, oldest first."""
        return self.tracker.submissions

    @property
    def ledger_problem(self) -> str:
        """Why the ledger, or the one that is shared with others, cannot be written; empty if it can."""
        shared = "" if self.team is None else self.team.problem
        return self.tracker.ledger_worker.problem or shared

    @property
    def writes_to_look_up(self) -> Sequence[Submission]:
        """The writes with unknown outcome that the ledger keeps: the next session looks them up."""
        if not self.tracker.ledger.is_persistent:
            return ()
        return [one for one in self.submissions if one.progress in (Progress.SENDING, Progress.UNKNOWN)]

    @property
    def write_context(self) -> gate.WriteContext:
        """The facts that decide what can be written now, for the functions of `gate`. Get it once per decision."""
        return replace(self.submitter.write_context, pending=frozenset(row.id for row in self.checkpoints))

    def why_not_answer(self, checkpoint_id: str | None, resolution: str | None = None) -> str | None:
        """Return why that checkpoint cannot be answered now; None if it can."""
        return gate.why_not_answer(self.write_context, self.checkpoint(checkpoint_id or ""), resolution)

    def why_not_continue(self, checkpoint_id: str | None) -> str | None:
        """Return why that checkpoint cannot be continued now; None if it can."""
        return gate.why_not_continue(self.write_context, self.checkpoint(checkpoint_id or ""))

    def why_not_replay(self, run: Run | None, *, given_input: bool = False) -> str | None:
        """Return why `run` cannot be replayed now, with its captured input or with a `given_input`; None if it can."""
        return gate.why_not_replay(self.write_context, run, given_input)

    def _staleness(self) -> tuple[str, str]:
        """Return why the checkpoints, and why the runs, are too old to act on; empty if they are not."""
        status = self.connection
        return self._why_stale(status.checkpoints, status), self._why_stale(status.events, status)

    def _why_stale(self, source: SourceStatus, status: ConnectionStatus) -> str:
        age = source.age(self.clock.monotonic())
        is_old = age is not None and age > max(STALE_AFTER_S, status.stale_after)
        return f"the data shown is {format_age(age)} old: press r to refresh" if age is not None and is_old else ""
