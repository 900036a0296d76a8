"""Reads the runs of a journal in an order, each with the number by which it is ordered (see `runs.sorted_order`)."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence

import msgspec

from scaicore_tui.config.views import Sort
from scaicore_tui.runs import ChangeOrder
from scaicore_tui.runs.sorted_order import MAX_KEY, MICROS_PER_MS, MISSING_KEY, SortedOrder
from scaicore_tui.store.dialects import Dialect
from scaicore_tui.store.journal import Journal
from scaicore_tui.store.stored_ids import decode_id

# The number of a run by the columns of the table. Cores have every second number, as `core_key` tells.
_KEYS: Mapping[Sort, str] = {
    Sort.CHANGED: "changed_at",
    Sort.STARTED: "started_at",
    Sort.EVENTS: "event_count",
    Sort.CORE: """CASE WHEN core_id IS NOT NULL
        THEN 2 - 2 * dense_rank() OVER (PARTITION BY core_id IS NULL ORDER BY core_id) END""",
}
# All in one statement, which sees one state of the journal; as JSON arrays, as a row for each run would take longer.
_ORDER = """
WITH keyed AS MATERIALIZED (SELECT place, coalesce({key}, {missing}) AS key FROM runs),
    by_place AS (SELECT place, key FROM keyed ORDER BY place),
    by_key AS (SELECT place, key FROM keyed ORDER BY key, place)
SELECT (SELECT {places} FROM by_place), (SELECT {keys} FROM by_place),
    (SELECT {places} FROM by_key), (SELECT {keys} FROM by_key),
    (SELECT {cores} FROM
        (SELECT DISTINCT core_id FROM runs WHERE ? = 1 AND core_id IS NOT NULL ORDER BY core_id) AS used)
"""
_decode = msgspec.json.Decoder(list[int]).decode
_decode_cores = msgspec.json.Decoder(list[str]).decode


def read_order(journal: Journal, sort: Sort) -> SortedOrder:
    """Return all stored runs in the order `sort`, which the columns tell. Blocks; raises StorageError."""
    dialect = journal.dialect
    query = _ORDER.format(
        key=_KEYS.get(sort) or _duration(dialect),
        missing=MISSING_KEY,
        places=dialect.json_array.format("place"),
        keys=dialect.json_array.format("key"),
        cores=dialect.json_array.format(dialect.as_hex.format("core_id")),
    )
    ((*found, cores),) = journal.query(query, sort is Sort.CORE)
    by_position, by_key = _arrays(found[:2]), _arrays(found[2:])
    names = [decode_id(bytes.fromhex(core)) for core in _decode_cores(cores)]
    return SortedOrder(sort, ChangeOrder.of_sorted(by_position, by_key), names)


def _duration(dialect: Dialect) -> str:
    return dialect.as_integer.format(low=-MAX_KEY + 1, high=MAX_KEY, value=f"duration_ms * {MICROS_PER_MS}")


def _arrays(found: Sequence[bytes]) -> tuple[array[int], array[int]]:
    """Return positions and numbers of runs."""
    positions, keys = found
    return array("q", _decode(positions)), array("q", _decode(keys))
