"""Reads what other runs say about one run: how long they usually take, the last good one, likely sub-runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from cachetools import LRUCache
from msgspec import Struct
from msgspec.structs import replace

from scaicore_tui.analysis.statistics.figures import NodeFigures
from scaicore_tui.analysis.statistics.paths import Path, usual_path
from scaicore_tui.analysis.statistics.tally import DAY_MICROS
from scaicore_tui.analysis.sub_runs import CLOCK_SLACK_US, MAX_CANDIDATES, call_visits
from scaicore_tui.analysis.usual import NO_CONTEXT, PastContext, usual_of_nodes, usual_without_waits, worked_times
from scaicore_tui.errors import StorageError
from scaicore_tui.log import Log, error_fields
from scaicore_tui.runs import Run, Summary
from scaicore_tui.session.past_runs import REFRESH_S, PastRuns
from scaicore_tui.session.statistics import Statistics
from scaicore_tui.store import Journal
from scaicore_tui.store.core_figures import CoreFigures
from scaicore_tui.store.slow_runs import USUAL_DAYS
from scaicore_tui.store.summaries import Summaries
from scaicore_tui.units import Micros

_log = Log(__name__)


# The figures of so many Cores are kept.
MAX_CORES = 20


class _Core(Struct):
    """The usual in a Core: figures of its nodes, and if it waits for people, how long its runs work otherwise."""

    figures: Mapping[str, NodeFigures]
    worked: Mapping[str, float] | None
    read_at: float


class _UsualPath(Struct):
    """The usual path of a Core, and when it was read."""

    path: Path | None
    read_at: float


class RunContexts:
    """Reads the contexts of runs in threads. `monotonic` returns the time in seconds."""

    def __init__(self, journal: Journal, past: PastRuns, monotonic: Callable[[], float]) -> None:
        self._journal = journal
        self._past = past
        self._monotonic = monotonic
        self._statistics = Statistics(journal)
        self._cores: LRUCache[str, _Core] = LRUCache(MAX_CORES)
        self._paths: LRUCache[str, _UsualPath] = LRUCache(MAX_CORES)
        # The figures of the run that was asked for last, and when they were read.
        self._execution_id = ""
        self._figures, self._read_at = NO_CONTEXT, 0.0

    async def read(self, run: Run, now: Micros) -> PastContext:
        """Return the context of `run`, which must not change meanwhile; open visits of it last until `now`.

        What cannot be read is left out, and logged.
        """
        try:
            past = await self._past.newest(run.core_id)
            figures = await self._read_figures(run.execution_id, run.core_id, now)
            figures = replace(figures, usual_path=await self._usual_path(run.core_id, now))
            return await asyncio.to_thread(self._read, run, past, figures, now)
        except StorageError as error:
            return _unread(error)

    async def read_figures(self, execution_id: str, core_id: str | None, now: Micros) -> PastContext:
        """Return the same without nodes and paths of other runs and without likely sub-runs, which takes less."""
        try:
            return await self._read_figures(execution_id, core_id, now)
        except StorageError as error:
            return _unread(error)

    def _read(self, run: Run, past: Sequence[Run], figures: PastContext, now: Micros) -> PastContext:
        others = (other for other in past if other.execution_id != run.execution_id)
        nodes = usual_of_nodes(others, run.nodes.keys())
        return replace(figures, nodes=nodes, calls=dict(self._find_calls(run, now)))

    async def _read_figures(self, execution_id: str, core_id: str | None, now: Micros) -> PastContext:
        """Return the figures of a run; those of the run that was asked for last are read once a minute."""
        read_at = self._monotonic()
        if execution_id != self._execution_id or read_at >= self._read_at + REFRESH_S:
            core = await self._core_of(core_id, now)
            figures = await asyncio.to_thread(lambda: _figures(self._journal.reader, execution_id, core))
            self._figures, self._execution_id, self._read_at = figures, execution_id, read_at
            return figures
        return self._figures

    async def _core_of(self, core_id: str | None, now: Micros) -> _Core:
        """Return what is usual in a Core; it is read once a minute."""
        key, read_at = core_id or "", self._monotonic()
        core = self._cores.get(key)
        if core is None or read_at >= core.read_at + REFRESH_S:
            figures = await self._statistics.usual(core_id, now) if core_id is not None else {}
            waits = any(row.waits for row in figures.values())
            past = await self._past.newest(core_id) if waits else ()
            worked = await asyncio.to_thread(worked_times, past) if waits else None
            core = self._cores[key] = _Core(figures, worked, read_at)
        return core

    async def _usual_path(self, core_id: str | None, now: Micros) -> Path | None:
        """Return the usual path of a Core over the last days; it is read once a minute."""
        key, read_at = core_id or "", self._monotonic()
        known = self._paths.get(key)
        if known is None or read_at >= known.read_at + REFRESH_S:
            found = await self._statistics.variants((now - USUAL_DAYS * DAY_MICROS, now), core_id) if core_id else ()
            known = self._paths[key] = _UsualPath(usual_path(found, core_id), read_at)
        return known.path

    def _find_calls(self, run: Run, now: Micros) -> Iterator[tuple[int, Sequence[Summary]]]:
        """Yield the visits of `run` that may have started a run, with the runs that began while they were open."""
        stored = Summaries(self._journal.reader)
        for visit in call_visits(run):
            begin, end = visit.entered_at, visit.ended_at or now
            if begin is not None and visit.entered_event:
                found = stored.began_within(begin - CLOCK_SLACK_US, end + CLOCK_SLACK_US, MAX_CANDIDATES)
                if others := _others(found, run.execution_id):
                    yield visit.entered_event, others


def _figures(journal: Journal, execution_id: str, core: _Core) -> PastContext:
    stored = CoreFigures(journal, execution_id)
    if not stored.is_known:
        return NO_CONTEXT
    number, total = stored.number()
    if core.worked is None:
        usual = stored.usual()
    else:
        usual = usual_without_waits(worked for key, worked in core.worked.items() if key != execution_id)
    return PastContext(number, total, usual, stored.last_good(), stored.error_share(), core.figures)


def _unread(error: StorageError) -> PastContext:
    _log.warning("context of a run cannot be read", **error_fields(error))
    return NO_CONTEXT


def _others(found: Iterable[Summary], execution_id: str) -> Sequence[Summary]:
    return [summary for summary in found if summary.execution_id != execution_id]
