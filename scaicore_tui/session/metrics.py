"""The metrics of one session: its connection, its journal, and what happens in the runs that it reads."""

from __future__ import annotations

from collections import Counter as Numbers
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from cachetools import LRUCache

from scaicore_tui.analysis.statistics.tally import Tally
from scaicore_tui.api.budget import RequestResult
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


class SessionMetrics:
    """The metrics of `session`. What the first poll of an empty journal brings happened before, and is not counted.

    `families` takes no longer the more runs there are: nothing in it reads the journal.
    """

    def __init__(self, session: Session, version: str, is_leader: Callable[[], bool]) -> None:
        self._visits = VisitMetrics()
        self._session = session
        self._version = version
        self._is_leader = is_leader
        self._began_at = session.clock.monotonic()
        self._started_at = session.clock.now()
        self._is_new = session.index.event_count == 0
        self._cores, self._types = Names(MAX_CORES), Names(MAX_CHECKPOINT_TYPES)
        self._ended = Counter(
            "scaicore_runs_ended_total", "Runs that ended, by Core and outcome.", "core_id", "outcome"
        )
        self._seen: LRUCache[str, RunStatus] = LRUCache(MAX_ENDED_RUNS)
        self._journal_failures = self._journal_recoveries = 0
        self._is_journal_failing = False
        session.subscribe(self._apply)

    def families(self) -> list[Family]:
        """Return all metrics as they are now."""
        return [
            gauge("scaicore_start_time_seconds", "When recording started, in seconds since 1970.", self._started_at),
            gauges("scaicore_build_info", "The version of the program; always 1.", "version", {self._version: 1}),
            gauge("scaicore_recorder_leader", "1 if this process writes the journal, 0 if it stands by.", self._leads),
            *self._runs(),
            *self._visits.families(),
            *self._checkpoints(),
            *self._connection(),
            *self._requests(),
            *self._journal(),
        ]

    def count_visits(self, added: Iterable[Tally], removed: Iterable[Tally]) -> None:
        """Count visits, as `VisitMetrics.count` does. Called in the journal's thread."""
        if self._is_counting:
            self._visits.count(added, removed)

    @property
    def _leads(self) -> int:
        return int(self._is_leader())

    def _apply(self, delta: Delta) -> None:
        """Count runs that ended, and failures of the journal."""
        self._note_journal()
        if delta.is_history or delta.is_loaded:
            return
        is_counted = self._is_counting
        for execution_id, summary in delta.upserted.items():
            if summary.outcome is None:
                continue
            if is_counted and execution_id not in self._seen:
                self._ended.add(*self._cores.labels(summary.core_id), summary.outcome.value)
            self._seen[execution_id] = summary.outcome

    @property
    def _is_counting(self) -> bool:
        """False while the first poll of an empty journal brings what happened before."""
        return not self._is_new or self._session.connection.events.polls > 0

    def _note_journal(self) -> None:
        error = self._session.connection.events.error
        is_failing = bool(self._session.journal_problem) or isinstance(error, StorageError)
        self._journal_failures += is_failing and not self._is_journal_failing
        self._journal_recoveries += self._is_journal_failing and not is_failing
        self._is_journal_failing = is_failing

    def _runs(self) -> Iterator[Family]:
        counts = self._session.index.counts
        statuses = {status.value: counts[status] for status in RunStatus}
        yield gauges("scaicore_runs", "Runs in the journal, by status.", "status", statuses)
        yield self._ended.family()

    def _checkpoints(self) -> Iterator[Family]:
        """Yield the metrics of pending checkpoints, which may be many: their samples are made when they are read."""
        rows, now = self._session.checkpoints, self._session.now
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

    def _connection(self) -> Iterator[Family]:
        connection, now = self._session.connection, self._session.clock.monotonic()
        sources = dict(zip(_SOURCES, connection.sources, strict=True))
        unanswered_s = now - self._began_at
        ages = {name: unanswered_s if (age := one.age(now)) is None else age for name, one in sources.items()}
        yield gauges(
            "scaicore_data_age_seconds",
            "Seconds since the API last answered; since the start if it never did.",
            "source",
            ages,
        )
        polls = {name: source.polls for name, source in sources.items()}
        yield counters("scaicore_polls_total", "Polls that the API answered.", "source", polls)
        yield gauge(
            "scaicore_events_behind",
            "Events that are known to be missing below the newest ones and are being read (estimate).",
            connection.behind or 0,
        )

    def _requests(self) -> Iterator[Family]:
        budget = self._session.client.budget
        results = {result.value: budget.results[result] for result in RequestResult}
        yield counters("scaicore_api_requests_total", "Requests to the API, by result.", "result", results)
        yield gauge(
            "scaicore_api_requests_left",
            "Requests that the API accepts now before it answers 429.",
            budget.requests_left,
        )
        yield gauge("scaicore_api_requests_limit", "Requests a minute that the API allows.", budget.limit)
        yield gauge("scaicore_api_hold_seconds", "Pause that the API asked for with 429.", budget.held_for)

    def _journal(self) -> Iterator[Family]:
        index = self._session.index
        yield counter("scaicore_events_recorded_total", "Events that this process added.", index.ingested_count)
        yield counter(
            "scaicore_events_unreadable_total", "Of these, events that could not be decoded.", index.unreadable_count
        )
        yield gauge("scaicore_journal_events", "Events in the journal.", index.event_count)
        gaps = Numbers(map(_state_of, index.gaps))
        states = {state: gaps[state] for state in ("open", "lost", "history")}
        yield gauges("scaicore_gaps", "Gaps in the journal: being read, lost, older history.", "state", states)
        is_writable = int(not self._is_journal_failing)
        yield gauge("scaicore_journal_writable", "0 while the journal cannot be written.", is_writable)
        yield counter("scaicore_journal_failures_total", "How often writing began to fail.", self._journal_failures)
        yield counter("scaicore_journal_recoveries_total", "How often it worked again.", self._journal_recoveries)


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
