"""Search the runs of a journal for a query, newest first, in steps that are short enough to be stopped between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from msgspec import Struct

from scaicore_tui.analysis.query import RUNS, Query, QueryContext, RunRow, compile_query
from scaicore_tui.analysis.query.fields import dear_fields
from scaicore_tui.analysis.query.rows import Payloads, RunPayloads
from scaicore_tui.clock import Clock, SystemClock
from scaicore_tui.protocol import decode_event
from scaicore_tui.protocol.events import COMPLETED, STARTED
from scaicore_tui.runs import RunStatus, Summary, with_status
from scaicore_tui.runs.cache import project
from scaicore_tui.store.journal import MAX_POSITION, Journal
from scaicore_tui.store.run_query import RunCompiler
from scaicore_tui.store.stored_ids import encode_id
from scaicore_tui.store.summaries import Summaries
from scaicore_tui.units import Position

# Runs that are searched in one step, and in the first: what a screen shows is found soon.
WINDOW_RUNS = 2_000
FIRST_STEP_RUNS = 200
# A step that reads events ends after this time.
STEP_S = 0.05
_ENDS_ONLY = frozenset({"input", "output"})
# A part of the type of all events that tell these fields.
_INVOCATION = b"invocation."
_TYPES = {frozenset({"input"}): b"invocation.started", frozenset({"output"}): b"invocation.completed"}
_OF_TYPE = "SELECT raw FROM events WHERE execution_id = ? AND pos <= ? AND instr(raw, ?) ORDER BY pos"


class SearchStep(Struct, frozen=True):
    """Runs that match, found in one step, newest first. `searched` is the part of the runs searched so far, 0 to 1."""

    positions: Sequence[Position]
    searched: float


class Ends(Struct):
    """Input and output of a run, without the rest of it."""

    inputs: Sequence[Any] = ()
    outputs: Sequence[Any] = ()
    # Not asked for: a query for these reads all events.
    kinds: Sequence[str] = ()
    visit_count: int = 0


class EventReader:
    """Reads what only the events of a run tell, one run at a time, up to a position of the feed."""

    def __init__(self, journal: Journal, fields: frozenset[str], last_position: Position | None) -> None:
        self._journal = journal
        self._type = _TYPES.get(fields, _INVOCATION)
        self._is_short = fields <= _ENDS_ONLY
        self._last_position = MAX_POSITION if last_position is None else last_position
        self._read: tuple[str, Payloads] | None = None

    def __call__(self, summary: Summary) -> Payloads:
        """Return what the events of the run tell. Raises StorageError."""
        key = summary.execution_id
        if self._read is None or self._read[0] != key:
            self._read = key, self._ends(summary) if self._is_short else self._all(key)
        return self._read[1]

    def _all(self, execution_id: str) -> Payloads:
        return RunPayloads(project(execution_id, self._journal.history(execution_id, self._last_position))[0])

    def _ends(self, summary: Summary) -> Payloads:
        """Return the input of the first start, and the output of the last end, as the reducer does."""
        key, found, has_started = encode_id(summary.execution_id), Ends(), False
        for (source,) in self._journal.query(_OF_TYPE, key, self._last_position, self._type):
            event = decode_event(source)
            if event.type == STARTED and not has_started:
                payload, has_started = event.payload, True
                found.inputs = (payload["input"],) if "input" in payload else ()
            elif event.type == COMPLETED and summary.outcome is RunStatus.COMPLETED:
                found.outputs = (event.payload.get("output"),)
        return found


class RunSearch:
    """One search of the runs in `journal`. Its methods block, each step for a short time. They raise StorageError."""

    def __init__(
        self,
        journal: Journal,
        query: Query,
        context: QueryContext,
        last_position: Position | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._summaries = Summaries(journal)
        self._clause = RunCompiler(journal, context).compile(query.tree)
        self._fields = dear_fields(query.tree, RUNS)
        self._read = EventReader(journal, self._fields, last_position)
        self._waiting = context.runs_with(lambda row: True)
        self._context = context
        self._matches = compile_query(query, RUNS, context.now)
        self._clock = clock or SystemClock()

    def steps(self) -> Iterator[SearchStep]:
        """Yield the positions of the runs that match, newest first."""
        if self._clause.is_exact and not self._clause.reads_text:
            newest = self._summaries.newest_positions(self._clause, FIRST_STEP_RUNS)
            is_all = len(newest) < FIRST_STEP_RUNS
            yield SearchStep(newest, 1.0 if is_all else 0.0)
            if not is_all:
                yield SearchStep(self._summaries.positions_where(self._clause)[::-1][FIRST_STEP_RUNS:], 1.0)
            return
        top, bottom = self._summaries.end_positions()
        searched = 0.0
        for found, below in self._found():
            searched = (top - below) / (top - bottom + 1)
            yield SearchStep(found, searched)
        if searched < 1.0:
            yield SearchStep((), 1.0)

    def _found(self) -> Iterator[tuple[Sequence[Position], Position]]:
        """Yield positions of matches, newest first, each time with the position down to which was searched."""
        if self._clause.is_exact:
            for above, before in self._windows():
                yield self._summaries.positions_between(self._clause, above, before)[::-1], above
        else:
            for rows, below in self._slices():
                yield [summary.position for summary in rows], below

    def summaries(self) -> Iterator[Summary]:
        """Yield the summaries of the runs that match, newest first, with their statuses."""
        for found, _ in self._slices():
            yield from found

    def matching(self, positions: Sequence[Position]) -> list[Position]:
        """Return those of `positions` at which a run matches."""
        return [summary.position for summary in self._evaluated(self._summaries.at(positions))]

    def exact_positions(self) -> list[Position] | None:
        """Return the positions of the runs that match, newest first; None if columns alone do not tell."""
        if not self._clause.is_exact or self._clause.reads_text:
            return None
        return self._summaries.positions_where(self._clause)[::-1]

    def first_of(self, positions: Sequence[Position], limit: int) -> list[Summary]:
        """Return the first runs at `positions` that match, at most `limit`, with their statuses."""
        found = list[Summary]()
        for begin in range(0, len(positions), FIRST_STEP_RUNS):
            rows = self._evaluated(self._summaries.at(positions[begin : begin + FIRST_STEP_RUNS]))
            by_position = {row.position: row for row in rows}
            found += [by_position[one] for one in positions[begin : begin + FIRST_STEP_RUNS] if one in by_position]
            if len(found) >= limit:
                break
        return found[:limit]

    def _windows(self) -> Iterator[tuple[Position, Position]]:
        """Yield ranges of positions (above, before) with WINDOW_RUNS runs each, newest first."""
        before, count = MAX_POSITION, FIRST_STEP_RUNS
        while (above := self._summaries.position_after(count, before)) is not None:
            yield above, before
            before, count = above + 1, WINDOW_RUNS

    def _slices(self) -> Iterator[tuple[list[Summary], Position]]:
        """Yield the summaries of matches, newest first, each time with the position down to which was searched."""
        for above, before in self._windows():
            candidates = self._summaries.where(self._clause, above, before)
            if self._fields:
                yield from self._timed(candidates)
            else:
                yield self._evaluated(candidates), above

    def _timed(self, candidates: Sequence[Summary]) -> Iterator[tuple[list[Summary], Position]]:
        """Evaluate candidates, and yield what was found after each STEP_S."""
        found: list[Summary] = []
        ends_at = self._clock.monotonic() + STEP_S
        for number, summary in enumerate(candidates, 1):
            found += self._evaluated([summary])
            if self._clock.monotonic() >= ends_at or number == len(candidates):
                yield found, summary.position
                found, ends_at = [], self._clock.monotonic() + STEP_S

    def _evaluated(self, candidates: Iterable[Summary]) -> list[Summary]:
        """Return the candidates that match, with their statuses."""
        rows = (with_status(summary, self._waiting) for summary in candidates)
        return [row for row in rows if self._matches(RunRow(row, self._context, self._read))]
