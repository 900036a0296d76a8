"""Reads what the screens show of one run. Awaits the session for the bridge; each answer is a message."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.message import Message

from scaicore_tui.errors import ScaicoreError
from scaicore_tui.session import Session
from scaicore_tui.timefmt import MICROS_PER_SECOND
from scaicore_tui.tui.run_messages import (
    ComparisonNeeded,
    ComparisonRead,
    ContextRead,
    EventsNeeded,
    EventsRead,
    FactsNeeded,
    FactsRead,
    FlowNeeded,
    FlowRead,
    RunHistoryRead,
)

if TYPE_CHECKING:
    from scaicore_tui.session.comparisons import FirstDifference

# Of a longer run the newest events are kept in memory, to show it as of any of them.
MAX_HISTORY_EVENTS = 50_000


class RunReads:
    """Reads from a session, and gives what was read to `post`."""

    def __init__(self, session: Session, post: Callable[[Message], object]) -> None:
        self._session = session
        self._post = post

    async def compare(self, request: ComparisonNeeded) -> None:
        """Post the comparison of a run with another one."""
        comparison = await self._session.comparisons.read(
            request.summary, request.run, request.graph, request.partner, lists_others=request.lists_others
        )
        self._post(ComparisonRead(request, comparison))

    async def read_facts(self, request: FactsNeeded) -> None:
        """Post what other runs say about a run, without its nodes."""
        session = self._session
        context = await session.contexts.read_figures(request.execution_id, request.core_id, session.known_until)
        first = await self._first_difference(request.execution_id) if request.compares else None
        self._post(FactsRead(request.execution_id, context, first))

    async def _first_difference(self, execution_id: str) -> FirstDifference | None:
        """Return the first difference of a run from the one that is chosen for it; None while the run is loaded."""
        index = self._session.index
        summary, run = index.get(execution_id), index.runs.get(execution_id)
        if summary is None or run is None or run.is_loading:
            return None
        # Loaded with the run screen: the first screen appears sooner.
        from scaicore_tui.analysis.run_history import copy_run

        return await self._session.comparisons.first_difference(summary, copy_run(run))

    async def read_events(self, request: EventsNeeded) -> None:
        """Post a page of the events of a run."""
        page = await self._session.event_pages.read(request.execution_id, request.near, request.needle, request.through)
        self._post(EventsRead(request, page))

    async def find_flow(self, request: FlowNeeded) -> None:
        """Post what other runs say about a run, and the graph of its Core: neither waits for the other."""
        await asyncio.gather(self._read_context(request), self._read_flow(request))

    async def _read_context(self, request: FlowNeeded) -> None:
        through = self._session.recorded_through
        now = int(self._session.now * MICROS_PER_SECOND) if through is None else through
        context = await self._session.contexts.read(request.run, now)
        linked = [other.execution_id for others in context.calls.values() for other in others]
        good = context.last_good
        await self._session.reader.load_ids([*linked, *([] if good is None else [good.execution_id])])
        self._post(ContextRead(request.run.execution_id, context))

    async def _read_flow(self, request: FlowNeeded) -> None:
        try:
            view = await self._session.flows.view(request.run, self._session.checkpoints)
        except ScaicoreError:
            view = None
        self._post(FlowRead(request.run.execution_id, view))

    async def read_history(self, execution_id: str) -> None:
        """Post all events of a run."""
        events = self._session.events(execution_id)
        # Loaded with the run screen: the first screen appears sooner.
        from scaicore_tui.analysis.run_history import RunHistory

        summary = self._session.index.get(execution_id)
        skip = 0 if summary is None else max(0, summary.event_count - MAX_HISTORY_EVENTS)
        history = await asyncio.to_thread(RunHistory, execution_id, events, skip)
        self._post(RunHistoryRead(execution_id, history))
