"""The journal's tables of node statistics: counts by Core, node and day, written with the events that they count.

Each stored run is counted exactly once (`runs.is_counted`): its visits are added in the transaction that stores its
summary or its next events, and taken out again before its history is counted anew. Counts of runs that retention
deleted are kept, in rows of their own, for MAX_DAYS.

A commit adds one row to `node_parts`, and reads none: that is far cheaper than to change a row for each node. Once
there are MAX_PARTS of them, they are added to `node_days`. What was counted is the sum of both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from scaicore_tui.analysis.statistics.histogram import Histogram
from scaicore_tui.analysis.statistics.tally import (
    Counts,
    NodeCounts,
    NodeDay,
    Tally,
    add_counts,
    subtract_counts,
    write_tallies,
)
from scaicore_tui.store.engine import Database
from scaicore_tui.store.stored_ids import decode_id, encode_id

# Days for which counts of deleted runs are kept.
MAX_DAYS = 400
# To read so many parts, with 200 visits each, takes some 20 milliseconds.
MAX_PARTS = 200
_KEY = "core_id, node_id, block_kind, day, is_kept"
_SUMS = "visits, failed, with_usage, input_tokens, output_tokens, with_cost, cost_nanos"
_COLUMNS = f"{_KEY}, durations, waits, {_SUMS}"
_MARKS = ", ".join("?" * len(_COLUMNS.split(", ")))
MIGRATION = f"""
CREATE TABLE node_days ({_COLUMNS}, UNIQUE ({_KEY}));
CREATE TABLE node_parts (is_kept, is_removed, source);
"""
_VALUES = [column for column in _COLUMNS.split(", ") if column not in _KEY.split(", ")]
_UPDATES = ", ".join(f"{column} = excluded.{column}" for column in _VALUES)
_PUT = f"""INSERT INTO main.node_days ({_COLUMNS}) VALUES ({_MARKS})
ON CONFLICT ({_KEY}) DO UPDATE SET {_UPDATES}"""  # noqa: S608  (constants)
_PUT_PART = "INSERT INTO {} VALUES (?, ?, ?)"
_PUT_PART_IN_FILE, _PUT_PART_IN_MEMORY = _PUT_PART.format("main.node_parts"), _PUT_PART.format("temp.unsaved_parts")
FORGET_COUNTED = ("DELETE FROM node_days WHERE is_kept = 0", "DELETE FROM node_parts WHERE is_kept = 0")
_FORGET_OLD = "DELETE FROM main.node_days WHERE is_kept = 1 AND day < (SELECT max(day) FROM main.node_days) - ?"
_READ_DAYS = f"SELECT {_COLUMNS} FROM node_days WHERE day >= ?"  # noqa: S608  (constants)
_READ_PARTS = "SELECT is_kept, is_removed, source FROM node_parts"
# One statement, as parts may be merged by another connection between two.
_NULLS = ", NULL" * (_COLUMNS.count(",") - 5)
_PARTS = f"SELECT NULL, NULL, NULL, is_removed, is_kept, source{_NULLS} FROM node_parts"  # noqa: S608  (constants)
READ = f"{_READ_DAYS} UNION ALL {_PARTS}"
_COUNT_PARTS = "SELECT count(*) FROM main.node_parts"


def add_part(
    database: Database,
    tallies: Iterable[Tally],
    *,
    is_removed: bool = False,
    is_kept: bool = False,
    is_in_memory: bool = False,
) -> bool:
    """Add to the statistics of nodes; return whether there was something to add. Call it in a transaction.

    `is_removed`: the visits were counted before, and are not to be counted any more. `is_kept`: they are of deleted
    runs. `is_in_memory`: store them in the table that adds to that of the file.
    """
    source = write_tallies(tallies)
    if source:
        database.execute(_PUT_PART_IN_MEMORY if is_in_memory else _PUT_PART_IN_FILE, (is_kept, is_removed, source))
    return bool(source)


def count_parts(database: Database) -> int:
    """Return the number of parts that are not merged."""
    return int(database.execute(_COUNT_PARTS).fetchone()[0])


def merge_parts(database: Database) -> None:
    """Add the parts to the days. Call it in a transaction. Raises ValueError or TypeError if something is damaged."""
    parts = database.execute(_READ_PARTS).fetchall()
    for is_kept in (False, True):
        added, removed = _sum_parts(part for part in parts if part[0] == is_kept)
        first = min((key.day for key in {**added, **removed}), default=None)
        if first is None:
            continue
        known = dict(_read_days(database.execute(f"{_READ_DAYS} AND is_kept = ?", (first, is_kept))))
        merged = subtract_counts(add_counts([known, added]), removed)
        changed = {key: merged.get(key, NodeCounts()) for key in {**added, **removed}}
        database.executemany(_PUT, [_row(key, counts, is_kept) for key, counts in changed.items()])
    database.execute("DELETE FROM main.node_parts")
    database.execute("DELETE FROM main.node_days WHERE visits = 0")
    database.execute(_FORGET_OLD, (MAX_DAYS,))


def sum_counts(rows: Iterable[tuple[Any, ...]]) -> Counts:
    """Return what was counted, from the rows of READ. Raises ValueError or TypeError if something is damaged."""
    days, parts = list[tuple[Any, ...]](), list[tuple[Any, ...]]()
    for row in rows:
        (parts if row[-1] is None else days).append(row)
    added, removed = _sum_parts((row[4], row[3], row[5]) for row in parts)
    return subtract_counts(add_counts([*({key: found} for key, found in _read_days(days)), added]), removed)


def _sum_parts(parts: Iterable[tuple[Any, ...]]) -> tuple[Counts, Counts]:
    added, removed = Tally(), Tally()
    for _, is_removed, source in parts:
        (removed if is_removed else added).extend(source)
    return added.counts(), removed.counts()


def _row(key: NodeDay, counts: NodeCounts, is_kept: bool) -> tuple[Any, ...]:
    return (
        encode_id(key.core_id),
        encode_id(key.node_id),
        encode_id(key.block_kind),
        key.day,
        is_kept,
        counts.durations.to_bytes(),
        counts.waits.to_bytes(),
        counts.visits,
        counts.failed,
        counts.with_usage,
        counts.input_tokens,
        counts.output_tokens,
        counts.with_cost,
        counts.cost_nanos,
    )


def _read_days(rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[NodeDay, NodeCounts]]:
    for core_id, node_id, kind, day, _, durations, waits, *sums in rows:
        key = NodeDay(decode_id(core_id), decode_id(node_id), decode_id(kind), day)
        yield key, NodeCounts(Histogram.from_bytes(durations), Histogram.from_bytes(waits), *sums)
