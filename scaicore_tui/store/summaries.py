"""The journal's table of runs: a summary of each, and the columns by which runs are found and ordered.

Summaries of another version, and missing ones, are rebuilt from the events (see `writer`).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from scaicore_tui.runs import ChangeOrder, Positions, RunStatus, Summary
from scaicore_tui.runs.summary import SUMMARY_VERSION, decode_summary
from scaicore_tui.store.change_log import require_reload
from scaicore_tui.store.journal import MAX_POSITION, Journal
from scaicore_tui.store.node_days import FORGET_COUNTED
from scaicore_tui.store.run_rows import PUT_IN_MEMORY, put_statement, run_row
from scaicore_tui.store.stored_ids import decode_id, encode_id
from scaicore_tui.units import Micros, Position

if TYPE_CHECKING:
    from scaicore_tui.store.run_query import Clause

_NEWEST = "SELECT summary FROM runs WHERE place < ? ORDER BY place DESC LIMIT ?"
_OLDEST = "SELECT summary FROM runs WHERE place > ? ORDER BY place LIMIT ?"
_MATCHING = "SELECT summary FROM runs WHERE substr(execution_id, 1, ?) = ? ORDER BY place DESC LIMIT ?"
_OF_CORE = "SELECT summary FROM runs WHERE core_id = ? ORDER BY place DESC LIMIT ?"
_LOWEST_BELOW = "SELECT place FROM runs WHERE place < ? ORDER BY place LIMIT 1"
_AT = "SELECT summary FROM runs WHERE {}"
_BY_IDS = "SELECT summary FROM runs WHERE execution_id IN ({})"
# The index of the status fits less well.
_COMPLETED = (
    "SELECT summary FROM runs WHERE core_id = ? AND {} = 'completed' AND place {} ? ORDER BY place DESC LIMIT 1"
)
_OPEN = """SELECT summary FROM runs WHERE status IN ('running', 'unknown') AND started_at <= ?
ORDER BY place DESC LIMIT ?"""
_BEGAN_WITHIN = "SELECT summary FROM runs WHERE started_at BETWEEN ? AND ? ORDER BY started_at LIMIT ?"
_POSITIONS_OF = "SELECT execution_id, place FROM runs WHERE execution_id IN ({})"
_COUNTED = "SELECT execution_id FROM runs WHERE is_counted = 1 AND execution_id IN ({})"
_WITH_EVENTS = "SELECT DISTINCT execution_id FROM events WHERE execution_id IN ({})"
_WITH_INPUT = "SELECT summary FROM runs WHERE input_digest = ?"
_POSITIONS = "SELECT {} FROM runs WHERE {}"
_ALL_IDS = "SELECT execution_id FROM events WHERE execution_id IS NOT NULL GROUP BY execution_id ORDER BY min(pos) DESC"
_CHANGES = """SELECT {}, {} FROM
(SELECT coalesce(changed_at, 0) AS at, place FROM runs ORDER BY {}) AS changes"""
_decode_positions = msgspec.json.Decoder(list[Position]).decode
# Summaries per query, so that few are in memory.
BATCH_SUMMARIES = 5_000
MAX_IDS_PER_QUERY = 500


class Summaries:
    """The summaries stored in `journal`."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def put(self, summaries: Iterable[Summary], *, is_in_memory: bool = False, is_live: bool = False) -> None:
        """Store summaries, replacing former ones. Call it in the transaction that stores their events.

        `is_in_memory`: store them in the table that shadows that of the file. `is_live`: their events are new, and not
        history.
        """
        rows = [run_row(summary) for summary in summaries]
        with self._journal.transaction() as database:
            put = PUT_IN_MEMORY if is_in_memory else put_statement(database.dialect.revision, is_live=is_live)
            database.executemany(put, rows)

    def newest(self, limit: int, before: Position = MAX_POSITION) -> list[Summary]:
        """Return the newest summaries with positions below `before`, newest first."""
        return self._decoded(self._journal.query(_NEWEST, before, limit))

    def all_newest_first(self, batch: int = BATCH_SUMMARIES) -> Iterator[Summary]:
        """Yield all summaries, newest first."""
        before = MAX_POSITION
        while found := self.newest(batch, before):
            before = found[-1].position
            yield from found

    def oldest(self, limit: int, above: Position) -> list[Summary]:
        """Return the oldest summaries with positions above `above`, oldest first."""
        return self._decoded(self._journal.query(_OLDEST, above, limit))

    def matching(self, prefix: str, limit: int) -> list[Summary]:
        """Return the newest summaries of runs whose ids begin with `prefix`, newest first.

        The run with exactly that id is the only match, if there is one.
        """
        key = encode_id(prefix) or ""
        length = self._journal.dialect.length_of(key)
        return self.by_ids([prefix]) or self._decoded(self._journal.query(_MATCHING, length, key, limit))

    def of_core(self, core_id: str, limit: int) -> list[Summary]:
        """Return the newest summaries of a Core, newest first."""
        return self._decoded(self._journal.query(_OF_CORE, encode_id(core_id), limit))

    def at(self, positions: Sequence[Position]) -> list[Summary]:
        """Return the summaries of the runs at `positions`, as far as there are any."""
        dialect = self._journal.dialect
        query = _AT.format(dialect.is_among.format("place"))
        return self._decoded(self._journal.query(query, dialect.pack_list(positions)))

    def by_ids(self, execution_ids: Sequence[str]) -> list[Summary]:
        """Return the summaries of these runs, as far as there are any."""
        return self._decoded(row for row in self._by_ids(_BY_IDS, execution_ids))

    def positions_of(self, execution_ids: Sequence[str]) -> dict[str, Position]:
        """Return the positions of these runs, as far as they are stored."""
        return {decode_id(key): position for key, position in self._by_ids(_POSITIONS_OF, execution_ids)}

    def counted(self, execution_ids: Sequence[str]) -> list[str]:
        """Return those of these ids whose runs are in the statistics of nodes."""
        return [decode_id(key) for (key,) in self._by_ids(_COUNTED, execution_ids)]

    def with_events(self, execution_ids: Sequence[str]) -> list[str]:
        """Return those of these ids that have stored events, also without a summary."""
        return [decode_id(key) for (key,) in self._by_ids(_WITH_EVENTS, execution_ids)]

    def with_input(self, digest: int) -> list[Summary]:
        """Return the summaries of runs whose input has this digest."""
        return self._decoded(self._journal.query(_WITH_INPUT, digest))

    def last_completed(self, core_id: object, position: Position) -> Summary | None:
        """Return the newest run of a Core, as stored, that completed before the run at `position`.

        Without one, return the newest that completed after it; None if there is none either.
        """
        status = self._journal.dialect.no_index.format("status")
        before = self._decoded(self._journal.query(_COMPLETED.format(status, "<"), core_id, position))
        found = before or self._decoded(self._journal.query(_COMPLETED.format(status, ">"), core_id, position))
        return found[0] if found else None

    def began_within(self, begin: Micros, end: Micros, limit: int) -> list[Summary]:
        """Return the first runs that began in a stretch of time, oldest first."""
        return self._decoded(self._journal.query(_BEGAN_WITHIN, begin, end, limit))

    def open_runs(self, started_until: Micros, limit: int | None = None) -> list[Summary]:
        """Return the newest runs that are not over, as stored, and began up to a time, newest first."""
        return self._decoded(self._journal.query(_OPEN, started_until, MAX_POSITION if limit is None else limit))

    def positions(self) -> dict[RunStatus, Positions]:
        """Return the positions of all runs by the status that their events tell: whether a run waits is not stored."""
        return {status: Positions(self._positions("status = ?", status.value)) for status in RunStatus}

    def changes(self) -> ChangeOrder:
        """Return all runs by their last change."""
        return ChangeOrder.of_sorted(self._changes("place"), self._changes("1, place"))

    def _changes(self, order: str) -> tuple[array[int], array[int]]:
        """Return positions and times of the last changes of all runs, in an order."""
        arrays = map(self._journal.dialect.json_array.format, ("place", "at"))
        ((positions, times),) = self._journal.query(_CHANGES.format(*arrays, order))
        return array("q", _decode_positions(positions)), array("q", _decode_positions(times))

    def positions_where(self, clause: Clause) -> list[Position]:
        """Return the positions of the runs for which a condition is true, lowest first."""
        return sorted(self._positions(clause.sql, *clause.values))

    def positions_between(self, clause: Clause, above: Position, before: Position) -> list[Position]:
        """Return the positions between two of the runs for which a condition is true, lowest first."""
        return sorted(self._positions(f"place > ? AND place < ? AND {clause.sql}", above, before, *clause.values))

    def newest_positions(self, clause: Clause, limit: int) -> list[Position]:
        """Return the positions of the newest runs for which a condition is true, newest first."""
        query = f"SELECT place FROM runs WHERE {clause.sql} ORDER BY place DESC LIMIT ?"  # noqa: S608  (compiled, with parameters)
        return [position for (position,) in self._journal.query(query, *clause.values, limit)]

    def where(self, clause: Clause, above: Position, before: Position) -> list[Summary]:
        """Return the summaries between two positions for which a condition is true, newest first."""
        query = f"SELECT summary FROM runs WHERE place > ? AND place < ? AND {clause.sql} ORDER BY place DESC"  # noqa: S608  (as above)
        return self._decoded(self._journal.query(query, above, before, *clause.values))

    def position_after(self, count: int, before: Position) -> Position | None:
        """Return a position with `count` runs between it and `before`, or with all that there are; None if none is."""
        query = "SELECT place FROM runs WHERE place < ? ORDER BY place DESC LIMIT 1 OFFSET ?"
        found = self._journal.query(query, before, count - 1) or self._journal.query(_LOWEST_BELOW, before)
        return found[0][0] - 1 if found else None

    def end_positions(self) -> tuple[Position, Position]:
        """Return the positions of the runs that began last and first; 0 for both if there is none."""
        newest, oldest = self.newest(1), self.oldest(1, -MAX_POSITION)
        return (newest[0].position, oldest[0].position) if newest and oldest else (0, 0)

    def count_values(self, column: str, limit: int) -> list[tuple[str, int]]:
        """Return the most frequent values of a column, each with the number of runs."""
        query = f"""SELECT {column}, count(*) AS number FROM runs WHERE {column} IS NOT NULL
            GROUP BY {column} ORDER BY number DESC LIMIT ?"""  # noqa: S608  (the name of a column)
        return [(decode_id(value), number) for value, number in self._journal.query(query, limit)]

    def _positions(self, condition: str, *values: object) -> list[Position]:
        array_text = self._journal.dialect.json_array.format("place")
        ((found,),) = self._journal.query(_POSITIONS.format(array_text, condition), *values)
        return _decode_positions(found)

    def event_count(self) -> int:
        """Return the number of events of all runs, without repeats."""
        return int(self._journal.query("SELECT coalesce(sum(event_count), 0) FROM runs")[0][0])

    def _by_ids(self, query: str, execution_ids: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        for begin in range(0, len(execution_ids), MAX_IDS_PER_QUERY):
            keys = [encode_id(key) for key in execution_ids[begin : begin + MAX_IDS_PER_QUERY]]
            yield from self._journal.query(query.format(", ".join("?" * len(keys))), *keys)

    def _decoded(self, rows: Iterable[tuple[bytes]]) -> list[Summary]:
        try:
            return [decode_summary(source) for (source,) in rows]
        except (ValueError, TypeError) as error:
            raise self._journal.damage_error() from error

    @property
    def is_counted(self) -> bool:
        """True if the visits of all runs are in the statistics of nodes."""
        return bool(self._journal.query("SELECT counted FROM folding") == [(SUMMARY_VERSION,)])

    def drop_outdated(self) -> bool:
        """Delete the summaries, and what was counted of their runs, if they have another version.

        Return whether any are missing, or not counted.
        """
        version, folded, counted = self._journal.query("SELECT version, folded, counted FROM folding")[0]
        if version != SUMMARY_VERSION:
            with self._journal.transaction() as database:
                database.execute("DELETE FROM runs")
                require_reload(database)
                for statement in FORGET_COUNTED:
                    database.execute(statement)
                database.execute("UPDATE folding SET version = ?, folded = 0, counted = 0", (SUMMARY_VERSION,))
        return not version == folded == counted == SUMMARY_VERSION

    def missing_ids(self) -> list[str]:
        """Return the ids of runs that have events and no summary, or are not counted, newest first."""
        stored = {key for (key,) in self._journal.query("SELECT execution_id FROM main.runs WHERE is_counted = 1")}
        return [decode_id(found) for (found,) in self._journal.query(_ALL_IDS) if found not in stored]

    def mark_complete(self) -> None:
        """Store that no summary is missing, and that all are counted."""
        with self._journal.transaction() as database:
            database.execute("UPDATE folding SET folded = version, counted = version")
