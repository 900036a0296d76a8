"""The metrics of a recording: its connection, its journal, and what happens in the runs that it reads."""

from __future__ import annotations

from collections import Counter as Numbers
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cachetools import LRUCache

from scaicore_tui.analysis.statistics.tally import Tally
from scaicore_tui.api.budget import RequestResult
from scaicore_tui.clock import Clock
from scaicore_tui.errors import StorageError
from scaicore_tui.metrics import Counter, Family, Kind, Names, Sample, counter, counters, gauge, gauges
from scaicore_tui.protocol import Checkpoint
from scaicore_tui.runs import Delta, Gap, RunStatus
from scaicore_tui.session.visit_metrics import VisitMetrics
from scaicore_tui.timefmt import MICROS_PER_SECOND

if TYPE_CHECKING:
    from scaicore_tui.session.session import Session

MAX_CORES = 50
MAX_CHECKPOINT_TYPES = 20
# Ended runs that are remembered, so that later events of the same run are no second end.
MAX_ENDED_RUNS = 10_000
_SOURCES = ("events", "checkpoints")


class RecordingMetrics:
    """The metrics of a process that records: of one session after the other, or of none while it stands by.

    Counters go on from one session to the next. What the first poll of an empty journal brings happened before, and is
    not counted. `families` takes no longer the more runs there are: nothing in it reads the journal.
    """

    def __init__(self, version: str, clock: Clock) -> None:
        self._visits = VisitMetrics()
        self._version = version
        self._clock = clock
        self._started_at = clock.now()
        self._session: Session | None = None
        self._followed_at = 0.0
        self._is_new = False
        # The counts of sessions that are over, by counter and label.
        self._former: Numbers[tuple[str, str]] = Numbers()
        self._cores, self._types = Names(MAX_CORES), Names(MAX_CHECKPOINT_TYPES)
        self._ended = Counter(
            "scaicore_runs_ended_total", "Runs that ended, by Core and outcome.", "core_id", "outcome"
        )
        self._seen: LRUCache[str, RunStatus] = LRUCache(MAX_ENDED_RUNS)
        self._journal_failures = self._journal_recoveries = 0
        self._is_journal_failing = False

    @contextmanager
    def following(self, session: Session) -> Iterator[None]:
        """Measure a session inside the block, from before its first poll."""
        self._session, self._followed_at = session, self._clock.monotonic()
        self._is_new = session.index.event_count == 0
        # A client may serve several sessions: its requests for those before are counted already.
        sent = session.client.budget.results
        self._former.subtract({("requests", result.value): sent[result] for result in RequestResult})
        session.subscribe(self._apply)
        session.count_visits_with(self._count_visits)
        try:
            yield
        finally:
            self._former.update(self._counts(session))
            self._session = None

    def families(self) -> list[Family]:
        """Return all metrics as they are now."""
        session = self._session
        counts = Numbers(self._former)
        if session is not None:
            counts.update(self._counts(session))
        current = [] if session is None else [*self._runs(session), *self._state(session)]
        return [
            gauge("scaicore_start_time_seconds", "When the process started, in seconds since 1970.", self._started_at),
            gauges("scaicore_build_info", "The version of the program; always 1.", "version", {self._version: 1}),
            gauge(
                "scaicore_recorder_leader",
                "1 if this process writes the journal, 0 if it stands by.",
                int(session is not None),
            ),
            self._ended.family(),
            *self._visits.families(),
            *self._counters(counts),
            *current,
        ]

    def _counts(self, session: Session) -> dict[tuple[str, str], int]:
        """Return the counts that the session keeps itself."""
        sources = zip(_SOURCES, session.connection.sources, strict=True)
        return {
            **{("polls", name): source.polls for name, source in sources},
            **{("requests", result.value): session.client.budget.results[result] for result in RequestResult},
            ("events", ""): session.index.ingested_count,
            ("unreadable", ""): session.index.unreadable_count,
        }

    def _counters(self, counts: Numbers[tuple[str, str]]) -> Iterator[Family]:
        polls = {name: counts["polls", name] for name in _SOURCES}
        yield counters("scaicore_polls_total", "Polls that the API answered.", "source", polls)
        results = {result.value: counts["requests", result.value] for result in RequestResult}
        yield counters("scaicore_api_requests_total", "Requests to the API, by result.", "result", results)
        yield counter("scaicore_events_recorded_total", "Events that this process added.", counts["events", ""])
        yield counter(
            "scaicore_events_unreadable_total", "Of these, events that could not be decoded.", counts["unreadable", ""]
        )
        yield counter("scaicore_journal_failures_total", "How often writing began to fail.", self._journal_failures)
        yield counter("scaicore_journal_recoveries_total", "How often it worked again.", self._journal_recoveries)

    def _apply(self, delta: Delta) -> None:
        """Count runs that ended, and failures of the journal."""
        session = self._session
        if session is None:
            return
        self._note_journal(session)
        if delta.is_history or delta.is_loaded:
            return
        is_counted = self._is_counting(session)
        for execution_id, summary in delta.upserted.items():
            if summary.outcome is None:
                continue
            if is_counted and execution_id not in self._seen:
                self._ended.add(*self._cores.labels(summary.core_id), summary.outcome.value)
            self._seen[execution_id] = summary.outcome

    def _count_visits(self, added: Iterable[Tally], removed: Iterable[Tally]) -> None:
        """Count visits, as `VisitMetrics.count` does. Called in the journal's thread."""
        session = self._session
        if session is not None and self._is_counting(session):
            self._visits.count(added, removed)

    def _is_counting(self, session: Session) -> bool:
        """Return False while the first poll of an empty journal brings what happened before."""
        return not self._is_new or session.connection.events.polls > 0

    def _note_journal(self, session: Session) -> None:
        is_failing = bool(session.journal_problem) or isinstance(session.connection.events.error, StorageError)
        self._journal_failures += is_failing and not self._is_journal_failing
        self._journal_recoveries += self._is_journal_failing and not is_failing
        self._is_journal_failing = is_failing

    def _state(self, session: Session) -> Iterator[Family]:
        yield from self._checkpoints(session)
        yield from self._connection(session)
        yield from self._journal(session)

    def _runs(self, session: Session) -> Iterator[Family]:
        counts = session.index.counts
        statuses = {status.value: counts[status] for status in RunStatus}
        yield gauges("scaicore_runs", "Runs in the journal, by status.", "status", statuses)

    def _checkpoints(self, session: Session) -> Iterator[Family]:
        """Yield the metrics of pending checkpoints, which may be many: their samples are made when they are read."""
        rows, now = session.checkpoints, session.now
        yield Family(
            "scaicore_checkpoints_pending",
            Kind.GAUGE,
            "Checkpoints that wait for a person, by type.",
            self._by_type(rows),
        )
        yield Family(
            "scaicore_checkpoint_oldest_age_seconds",
            Kind.GAUGE,
            "Age of the oldest pending checkpoint; 0: none.",
            _oldest_age(rows, now),
        )
        yield Family(
            "scaicore_checkpoint_next_deadline_timestamp_seconds",
            Kind.GAUGE,
            "The nearest deadline of a pending checkpoint, in seconds since 1970; absent if none has one.",
            _next_deadline(rows),
        )

    def _by_type(self, rows: Sequence[Checkpoint]) -> Iterator[Sample]:
        counts = Numbers(self._types.labels(row.checkpoint_type)[0] for row in rows)
        yield from (Sample(count, (("type", name),)) for name, count in counts.items())

    def _connection(self, session: Session) -> Iterator[Family]:
        connection, now = session.connection, session.clock.monotonic()
        sources = zip(_SOURCES, connection.sources, strict=True)
        unanswered_s = self._clock.monotonic() - self._followed_at
        ages = {name: unanswered_s if (age := one.age(now)) is None else age for name, one in sources}
        yield gauges(
            "scaicore_data_age_seconds",
            "Seconds since the API last answered; since recording began if it never did.",
            "source",
            ages,
        )
        yield gauge(
            "scaicore_events_behind",
            "Events that are known to be missing below the newest ones and are being read (estimate).",
            connection.behind or 0,
        )
        budget = session.client.budget
        yield gauge(
            "scaicore_api_requests_left",
            "Requests that the API accepts now before it answers 429.",
            budget.requests_left,
        )
        yield gauge("scaicore_api_requests_limit", "Requests a minute that the API allows.", budget.limit)
        yield gauge("scaicore_api_hold_seconds", "Pause that the API asked for with 429.", budget.held_for)

    def _journal(self, session: Session) -> Iterator[Family]:
        yield gauge("scaicore_journal_events", "Events in the journal.", session.index.event_count)
        gaps = Numbers(map(_state_of, session.index.gaps))
        states = {state: gaps[state] for state in ("open", "lost", "history")}
        yield gauges("scaicore_gaps", "Gaps in the journal: being read, lost, older history.", "state", states)
        is_writable = int(not self._is_journal_failing)
        yield gauge("scaicore_journal_writable", "0 while the journal cannot be written.", is_writable)


def _state_of(gap: Gap) -> str:
    if not gap.is_open:
        return "lost"
    return "history" if gap.is_history else "open"


def _oldest_age(rows: Sequence[Checkpoint], now: float) -> Iterator[Sample]:
    created = min((at for row in rows if (at := row.created) is not None), default=None)
    yield Sample(0.0 if created is None else max(0.0, now - created / MICROS_PER_SECOND))


def _next_deadline(rows: Sequence[Checkpoint]) -> Iterator[Sample]:
    expires = min((at for row in rows if (at := row.expires) is not None), default=None)
    if expires is not None:
        yield Sample(expires / MICROS_PER_SECOND)
