"""The values of the fields of runs that exist in a journal, with how many runs have each: for completion."""

from __future__ import annotations

from collections import Counter

from scaicore_tui.analysis.query.rows import CORE_PREFIX
from scaicore_tui.store.journal import Journal
from scaicore_tui.store.summaries import Summaries

MAX_VALUES = 200
# The newest runs whose nodes are counted.
MAX_COUNTED_RUNS = 2_000
_COLUMNS = {"core": "core_id", "flow": "core_id", "failed": "failed_node", "status": "status", "is": "status"}


def count_values(journal: Journal, field: str) -> list[tuple[str, int]]:
    """Return the most frequent values of a field, each with its number of runs; none if the field has no such.

    Blocks for some milliseconds; raises StorageError. Nodes are counted in the newest runs only. Whether a run waits is
    not stored.
    """
    stored = Summaries(journal)
    if field == "node":
        visited = Counter(node for run in stored.newest(MAX_COUNTED_RUNS) for node in set(run.node_ids) if node)
        return visited.most_common(MAX_VALUES)
    if field not in _COLUMNS:
        return []
    found = stored.count_values(_COLUMNS[field], MAX_VALUES)
    return [(value.removeprefix(CORE_PREFIX), number) for value, number in found] if field == "flow" else found
