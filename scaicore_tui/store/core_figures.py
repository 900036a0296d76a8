"""Figures of the stored runs of one Core, for one of them: each is one query on the table of runs."""

from __future__ import annotations

from scaicore_tui.analysis.usual import ErrorShare, Usual
from scaicore_tui.runs import Summary
from scaicore_tui.store.journal import Journal
from scaicore_tui.store.stored_ids import encode_id
from scaicore_tui.store.summaries import Summaries
from scaicore_tui.units import Position

# Of a Core with more runs, the newest are counted: 20,000 take about 0.1 s.
MAX_COUNTED_RUNS = 20_000
# An error is counted among the newest runs of the Core.
MAX_RECENT_RUNS = 40
_POSITION = "SELECT place, core_id, error_group FROM runs WHERE execution_id = ? AND core_id IS NOT NULL"
_SHARE = """SELECT count(*) FILTER (WHERE error_group = ?), count(*) FROM
(SELECT error_group FROM runs WHERE core_id = ? ORDER BY place DESC LIMIT ?) AS newest"""
_NUMBER = "SELECT count(*) FILTER (WHERE place >= ?), count(*) FROM runs WHERE core_id = ?"
# The whole work is in one query: SQLite does it without the interpreter's lock.
_USUAL = """
WITH newest AS (
    SELECT place, duration_ms, status FROM runs WHERE core_id = ? ORDER BY place DESC LIMIT ?
), ranked AS (
    SELECT duration_ms AS ms, row_number() OVER (ORDER BY duration_ms) AS nth, count(*) OVER () AS total
    FROM newest WHERE status = 'completed' AND duration_ms IS NOT NULL AND place <> ?
)
SELECT max(total), max(ms) FILTER (WHERE nth = (total + 1) / 2), max(ms) FILTER (WHERE nth = (total * 95 + 99) / 100),
    max(ms) FROM ranked
"""


class CoreFigures:
    """The figures of a run's Core. Each method reads the journal; raises StorageError."""

    def __init__(self, journal: Journal, execution_id: str) -> None:
        self._journal = journal
        found = journal.query(_POSITION, encode_id(execution_id))
        self._position: Position
        self._core: object
        self._error: object
        self._position, self._core, self._error = found[0] if found else (0, None, None)

    @property
    def is_known(self) -> bool:
        """True if the run is stored, and its Core is known."""
        return self._core is not None

    def number(self) -> tuple[int, int]:
        """Return which run of its Core it is, the newest being 1, and how many there are."""
        ((number, total),) = self._journal.query(_NUMBER, self._position, self._core)
        return int(number), int(total)

    def error_share(self) -> ErrorShare | None:
        """Return how many of the newest runs failed with the same error; None if it did not fail with one.

        Of a Core with a single run there is nothing to be compared with.
        """
        if self._error is None:
            return None
        ((count, total),) = self._journal.query(_SHARE, self._error, self._core, MAX_RECENT_RUNS)
        return ErrorShare(count, total) if total > 1 else None

    def usual(self) -> Usual | None:
        """Return how long the other runs that completed took, with any waits for people; None if there is none."""
        ((count, median_ms, p95_ms, longest_ms),) = self._journal.query(
            _USUAL, self._core, MAX_COUNTED_RUNS, self._position
        )
        return Usual(count, median_ms, p95_ms, longest_ms) if count else None

    def last_good(self) -> Summary | None:
        """Return the newest run that completed among those before it; without one, among all others."""
        return Summaries(self._journal).last_completed(self._core, self._position)
