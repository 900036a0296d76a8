"""Reads the statistics of a journal. Each method blocks: the app calls them in a thread."""

from __future__ import annotations

from scaicore_tui.analysis.statistics.tally import Counts
from scaicore_tui.store.journal import Journal
from scaicore_tui.store.node_days import READ, sum_counts


class StoredStatistics:
    """The statistics in `journal`."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def counts(self, since_day: int = -(2**62)) -> Counts:
        """Return what was counted of each node on each day from `since_day` (days since 1970) on."""
        rows = self._journal.reader.query(READ, since_day)
        try:
            counts = sum_counts(rows)
        except (ValueError, TypeError) as error:
            raise self._journal.damage_error() from error
        return {key: found for key, found in counts.items() if key.day >= since_day}
