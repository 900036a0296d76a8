"""Read what changed in a journal on a server since a revision, for a viewer of it (see `change_log`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from scaicore_tui.errors import StorageError
from scaicore_tui.protocol import Checkpoint, Event, decode_event
from scaicore_tui.runs import ChangeOrder, Gap, Positions, RunStatus, Summary
from scaicore_tui.runs.summary import decode_summary
from scaicore_tui.store.journal import Journal
from scaicore_tui.store.leadership import ENDED_INTERVAL_S
from scaicore_tui.store.pending import read_pending
from scaicore_tui.store.stored_ids import decode_id, encode_id
from scaicore_tui.store.summaries import Summaries
from scaicore_tui.units import Micros, Position

# If more runs changed, all positions are read again: these take 48 bytes a run, a summary about 700.
MAX_CHANGED_RUNS = 5_000
# The newest runs, whose summaries are read with all positions.
NEWEST_RUNS = 500
_STATE = """SELECT revision, lineage, former_lineage, forked_at,
complete_from, event_count, gaps_revision, pending_revision,
CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint), {} FROM journal_state LEFT JOIN recorders ON true"""
_RECORDER = "name, host, is_leader, seen_at, polled_at, interval_s, problem"
_CHANGED = "SELECT summary, live_revision FROM runs WHERE revision > ? ORDER BY revision LIMIT ?"
_REMOVALS = "SELECT place, execution_id FROM removals WHERE revision > ?"
_EVENTS = "SELECT pos, raw FROM events WHERE {} AND pos > ? AND pos <= ? ORDER BY pos"
_LAST_POSITION = "SELECT pos FROM events ORDER BY pos DESC LIMIT 1"


class Recorder(Struct, frozen=True):
    """A process that records into the journal, or stands by. Times are microseconds since 1970 of the server's clock.

    `seen_at` is its last sign of life. `polled_at` is when the API last answered it, None if it never did. `interval_s`
    is the time between two polls, ENDED_INTERVAL_S if it ended. `problem` is one line for people, empty without one.
    """

    name: str
    host: str
    is_leader: bool
    seen_at: Micros
    polled_at: Micros | None
    interval_s: float
    problem: str

    @property
    def has_ended(self) -> bool:
        """True if the process ended by itself. Its row still tells the age of the data."""
        return self.interval_s == ENDED_INTERVAL_S


class JournalState(Struct, frozen=True):
    """The state of a journal at one moment: `read_at`, in microseconds since 1970 of the server's clock.

    Two commits of one `lineage` have different revisions. Those up to `forked_at` are of `former_lineage`, or older.
    """

    revision: int
    lineage: int
    former_lineage: int
    forked_at: int
    complete_from: int
    event_count: int
    gaps_revision: int
    pending_revision: int
    read_at: Micros
    recorders: Sequence[Recorder] = ()


class Known(Struct, frozen=True):
    """The knowledge of a viewer.

    `watched` are the ids of the runs whose new events it needs, and `counted` those of them whose new events are
    counted without repeats. `is_top_open`: a gap was known with no event above it.
    """

    revision: int = -1
    lineage: int = 0
    last_position: Position = -1
    watched: Collection[str] = ()
    counted: Collection[str] = ()
    is_top_open: bool = False


class Content(Struct, frozen=True):
    """All that a viewer keeps of a journal. `summaries` are those that were asked for, and of the newest runs."""

    state: JournalState
    last_position: Position
    positions: Mapping[RunStatus, Positions]
    changes: ChangeOrder
    gaps: Sequence[Gap]
    pending: Sequence[Checkpoint]
    summaries: Sequence[Summary]


class Changes(Struct, frozen=True):
    """All changes since a revision.

    Attributes:
        live: the ids of those of the `summaries` that gained events which were not history.
        vacated: positions at which no run begins any more.
        gaps: all gaps, if they may have changed; else None.
        pending: all pending checkpoints, if they changed; else None.
        events: the new events of the watched runs, above the last position that was known.
        new_counts: how many of the events of each counted run are no repeats.
    """

    state: JournalState
    last_position: Position
    summaries: Sequence[Summary] = ()
    live: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()
    vacated: Sequence[Position] = ()
    gaps: Sequence[Gap] | None = None
    pending: Sequence[Checkpoint] | None = None
    events: Sequence[Event] = ()
    new_counts: Mapping[str, int] = field(default_factory=Counter)


def read_state(journal: Journal) -> JournalState:
    """Return the revision of a journal on a server, and its recorders. Raises StorageError."""
    rows = journal.query(_STATE.format(_RECORDER))
    if not rows:
        raise journal.damage_error()
    columns = JournalState.__struct_fields__[:-1]
    recorders = tuple(_recorder(row[len(columns) :]) for row in rows if row[len(columns)] is not None)
    return JournalState(**dict(zip(columns, rows[0], strict=False)), recorders=recorders)


def _recorder(row: tuple[Any, ...]) -> Recorder:
    name, host, is_leader, seen_at, polled_at, interval_s, problem = row
    return Recorder(
        decode_id(name), decode_id(host), bool(is_leader), seen_at, polled_at, interval_s, decode_id(problem)
    )


def read_content(journal: Journal, summaries_of: Collection[str]) -> Content:
    """Return all positions, the newest summaries, and those of some runs. Call it in a snapshot.

    Raises StorageError, also if the recorder has not yet completed the summaries.
    """
    state, stored = read_state(journal), Summaries(journal)
    if not (journal.is_complete and stored.is_counted):
        raise StorageError(
            "the journal is being prepared by its recorder",
            effect="what is shown is older",
            hint="if this lasts, start the same version here as there",
        )
    pending = read_pending(journal)
    wanted = {*summaries_of, *(row.execution_id for row in pending if row.execution_id is not None)}
    newest = stored.newest(NEWEST_RUNS)
    wanted -= {summary.execution_id for summary in newest}
    # The newest come last: of all summaries these are kept longest.
    return Content(
        state,
        _last_position(journal),
        stored.positions(),
        stored.changes(),
        journal.gaps(),
        pending,
        [*stored.by_ids(list(wanted)), *reversed(newest)],
    )


def read_changes(journal: Journal, known: Known) -> Changes | None:
    """Return what changed since `known`; None if too much did, or if the log does not tell. Call it in a snapshot.

    Raises StorageError.
    """
    state = read_state(journal)
    is_former = known.lineage == state.former_lineage and known.revision <= state.forked_at
    if not (known.lineage == state.lineage or is_former) or known.revision < state.complete_from:
        return None
    changed = journal.query(_CHANGED, known.revision, MAX_CHANGED_RUNS + 1)
    if len(changed) > MAX_CHANGED_RUNS:
        return None
    summaries, live = _decoded(journal, changed, known.revision)
    removals = journal.query(_REMOVALS, known.revision)
    last = _last_position(journal)
    events = _events(journal, known, {summary.execution_id for summary in summaries} & set(known.watched), last)
    has_gaps = known.is_top_open or state.gaps_revision > known.revision
    return Changes(
        state,
        last,
        summaries,
        live,
        frozenset(decode_id(key) for _, key in removals if key is not None),
        [position for position, _ in removals if position is not None],
        journal.gaps() if has_gaps else None,
        read_pending(journal) if state.pending_revision > known.revision else None,
        events,
        _count_new(journal, known, events),
    )


def _decoded(
    journal: Journal, rows: Sequence[tuple[Any, ...]], revision: int
) -> tuple[Sequence[Summary], frozenset[str]]:
    """Return summaries, and the ids of those that changed by live events since a revision."""
    try:
        pairs = [(decode_summary(source), live_revision) for source, live_revision in rows]
    except (ValueError, TypeError) as error:
        raise journal.damage_error() from error
    live = frozenset(summary.execution_id for summary, live_revision in pairs if live_revision > revision)
    return [summary for summary, _ in pairs], live


def _events(journal: Journal, known: Known, ids: Collection[str], upto: Position) -> Sequence[Event]:
    """Return the new events of some runs, in feed order."""
    if not ids:
        return ()
    keys = [encode_id(key) for key in ids]
    condition = journal.dialect.is_among.format("execution_id")
    query = _EVENTS.format(condition)
    found = journal.query(query, journal.dialect.pack_list(keys), known.last_position, upto)
    return [decode_event(source) for _, source in found]


def _count_new(journal: Journal, known: Known, events: Sequence[Event]) -> Mapping[str, int]:
    """Return how many events of each counted run were not in the journal before, and are not repeated."""
    counted = {event.raw: event for event in events if event.execution_id in known.counted}
    if not counted:
        return Counter()
    before = journal.count_known(list(counted.values()), known.last_position)
    return Counter(event.execution_id or "" for raw, event in counted.items() if raw not in before)


def _last_position(journal: Journal) -> Position:
    found = journal.query(_LAST_POSITION)
    return int(found[0][0]) if found else -1
