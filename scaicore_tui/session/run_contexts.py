"""Reads what other runs say about one run: how long they usually take, the last good one, likely sub-runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec.structs import replace

from scaicore_tui.analysis.sub_runs import CLOCK_SLACK_US, MAX_CANDIDATES, call_visits
from scaicore_tui.analysis.usual import NO_CONTEXT, PastContext, usual_of_nodes
from scaicore_tui.errors import StorageError
from scaicore_tui.log import Log, error_fields
from scaicore_tui.runs import Run, Summary
from scaicore_tui.session.past_runs import REFRESH_S, PastRuns
from scaicore_tui.store import Journal
from scaicore_tui.store.core_figures import CoreFigures
from scaicore_tui.store.summaries import Summaries
from scaicore_tui.units import Micros

_log = Log(__name__)


class RunContexts:
    """Reads the contexts of runs in threads. `monotonic` returns the time in seconds."""

    def __init__(self, journal: Journal, past: PastRuns, monotonic: Callable[[], float]) -> None:
        self._journal = journal
        self._past = past
        self._monotonic = monotonic
        # The figures of the run that was asked for last, and when they were read.
        self._execution_id = ""
        self._figures, self._read_at = NO_CONTEXT, 0.0

    async def read(self, run: Run, now: Micros) -> PastContext:
        """Return the context of `run`, which must not change meanwhile; open visits of it last until `now`.

        What cannot be read is left out, and logged.
        """
        try:
            past = await self._past.newest(run.core_id)
            return await asyncio.to_thread(self._read, run, past, now)
        except StorageError as error:
            _log.warning("context of a run cannot be read", **error_fields(error))
            return NO_CONTEXT

    def _read(self, run: Run, past: Sequence[Run], now: Micros) -> PastContext:
        others = (other for other in past if other.execution_id != run.execution_id)
        nodes = usual_of_nodes(others, run.nodes.keys())
        return replace(self._read_figures(run.execution_id), nodes=nodes, calls=dict(self._find_calls(run, now)))

    def _read_figures(self, execution_id: str) -> PastContext:
        """Return the figures of a run; those of the run that was asked for last are read once a minute."""
        now = self._monotonic()
        if execution_id != self._execution_id or now >= self._read_at + REFRESH_S:
            self._figures = _figures(CoreFigures(self._journal.reader, execution_id))
            self._execution_id, self._read_at = execution_id, now
        return self._figures

    def _find_calls(self, run: Run, now: Micros) -> Iterator[tuple[int, Sequence[Summary]]]:
        """Yield the visits of `run` that may have started a run, with the runs that began while they were open."""
        stored = Summaries(self._journal.reader)
        for visit in call_visits(run):
            begin, end = visit.entered_at, visit.ended_at or now
            if begin is not None and visit.entered_event:
                found = stored.began_within(begin - CLOCK_SLACK_US, end + CLOCK_SLACK_US, MAX_CANDIDATES)
                if others := _others(found, run.execution_id):
                    yield visit.entered_event, others


def _figures(stored: CoreFigures) -> PastContext:
    if not stored.is_known:
        return NO_CONTEXT
    number, total = stored.number()
    return PastContext(number, total, stored.usual(), stored.last_good())


def _others(found: Iterable[Summary], execution_id: str) -> Sequence[Summary]:
    return [summary for summary in found if summary.execution_id != execution_id]
