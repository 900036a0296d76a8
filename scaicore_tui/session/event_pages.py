"""Reads pages of the events of a run from the journal, in threads; with a filter, all of its events are searched."""

from __future__ import annotations

import asyncio

from scaicore_tui.analysis.event_pages import EventPage, compile_event_filter
from scaicore_tui.errors import StorageError
from scaicore_tui.store import Journal
from scaicore_tui.store.run_events import MatchingEvents, RunEvents


class EventPages:
    """Reads pages of events of `journal`. What a filter found is kept for the next page."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._matching: MatchingEvents | None = None
        self._lock = asyncio.Lock()

    async def read(self, execution_id: str, near: int, needle: str = "", through: int | None = None) -> EventPage:
        """Return the events of a run around number `near` that match `needle`, up to number `through`.

        A damaged journal is reported, and returns no events.
        """
        async with self._lock:
            try:
                return await asyncio.to_thread(self._read, execution_id, near, needle, through)
            except StorageError as error:
                self._journal.report_damage(error)
                return EventPage(needle=needle)

    def _read(self, execution_id: str, near: int, needle: str, through: int | None) -> EventPage:
        events = RunEvents(self._journal.reader, execution_id)
        total = events.count()
        total = total if through is None else min(total, through)
        if not total:
            return EventPage(needle=needle)
        if not needle.strip():
            rows = events.around(near, total)
            return EventPage(rows, needle, total, total, rows[0].number - 1 if rows else 0)
        matching = self._matching
        if matching is None or (matching.execution_id, matching.needle) != (execution_id, needle):
            matching = MatchingEvents(execution_id, needle, compile_event_filter(needle))
        # Kept only once the search has come to its end: another one may fail.
        self._matching = None
        matching.search(events)
        self._matching = matching
        first, rows = matching.around(events, near, total)
        return EventPage(rows, needle, total, matching.count(total), first)
