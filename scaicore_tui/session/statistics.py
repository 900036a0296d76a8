"""Read models of statistics for the app: read in threads, so that nothing waits for the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from scaicore_tui.analysis.run_groups import ErrorGroup
from scaicore_tui.analysis.statistics.figures import NodeFigures
from scaicore_tui.analysis.statistics.paths import Variant
from scaicore_tui.analysis.statistics.rates import Rate
from scaicore_tui.analysis.statistics.tally import DAY_MICROS
from scaicore_tui.errors import StorageError
from scaicore_tui.store import Journal
from scaicore_tui.store.slow_runs import USUAL_DAYS
from scaicore_tui.store.statistics import StoredStatistics
from scaicore_tui.units import Micros


class Statistics:
    """The statistics of one session. Each method raises StorageError if the journal can't be read.

    A period is from one time to another, in microseconds since 1970. Without a Core, all are counted.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        # For commands, which may block.
        self.stored = StoredStatistics(journal)

    async def usual(self, core_id: str, now: Micros) -> Mapping[str, NodeFigures]:
        """Return the figures of the nodes of a Core over the last USUAL_DAYS, by their names."""
        found = await asyncio.to_thread(self.stored.figures, now - USUAL_DAYS * DAY_MICROS, core_id)
        return {row.name: row for row in found}

    async def figures(self, since: Micros | None, core_id: str | None = None) -> Sequence[NodeFigures]:
        """Return the figures of nodes from the day (UTC) of `since` on, by Core, the most visited first."""
        return await asyncio.to_thread(self.stored.figures, since, core_id)

    async def rate(
        self, period: tuple[Micros, Micros], columns: int, core_id: str | None = None, *, with_durations: bool = False
    ) -> Rate:
        """Return the runs and failures of a period in equal columns; `with_durations` also their p95."""
        return await asyncio.to_thread(self.stored.rate, period, columns, core_id, with_durations=with_durations)

    async def failures_by_cause(
        self, period: tuple[Micros, Micros], core_id: str | None = None
    ) -> Sequence[ErrorGroup]:
        """Return the groups of the runs that failed in a period, the most frequent first."""
        return await asyncio.to_thread(self.stored.failures_by_cause, period, core_id)

    async def overview(
        self, period: tuple[Micros, Micros], columns: int, core_id: str | None = None
    ) -> tuple[Rate, Sequence[ErrorGroup]] | None:
        """Return the rate and the causes of failures of a period.

        Returns None, and reports the damage, if the journal can't be read.
        """
        try:
            return await self.rate(period, columns, core_id), await self.failures_by_cause(period, core_id)
        except StorageError as error:
            self._journal.report_damage(error)
            return None

    async def variants(self, period: tuple[Micros, Micros], core_id: str | None = None) -> Sequence[Variant]:
        """Return the paths of the runs that started in a period, by Core, the most frequent first."""
        return await asyncio.to_thread(self.stored.variants, period, core_id)
