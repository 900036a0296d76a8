"""Reads runs from the journal in threads, and puts them into the index: nothing here waits for the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile

from scaicore_tui.errors import StorageError
from scaicore_tui.protocol import Event
from scaicore_tui.runs import Delta, Run, RunIndex, Summary
from scaicore_tui.runs.cache import project
from scaicore_tui.store import Journal, StoredRuns
from scaicore_tui.store.summaries import Summaries
from scaicore_tui.units import Position


class RunReader:
    """Loads summaries and complete runs into `index`. `on_changed` gets a delta for what was loaded."""

    def __init__(self, journal: Journal, index: RunIndex, on_changed: Callable[[Delta], None]) -> None:
        self._journal = journal
        self._index = index
        self._on_changed = on_changed
        self.stored = StoredRuns(journal, lambda: index.last_position, lambda: index.waiting)
        self._is_open = True
        self._group: asyncio.TaskGroup | None = None
        # Runs that were asked for before `start`.
        self._requested: list[str] = []

    def start(self, group: asyncio.TaskGroup) -> None:
        """Load runs in tasks of `group` from now on, those requested before at once."""
        self._group = group
        requested, self._requested = self._requested, []
        for execution_id in requested:
            self.request_run(execution_id)

    def close(self) -> None:
        """Stop the runs that are being loaded, so that quitting does not wait for them."""
        self._is_open = False

    def request_run(self, execution_id: str) -> None:
        """Load a run from the events known now, in a task; a delta is published once it is loaded.

        Does nothing once the session ends: a screen that is still open may ask then.
        """
        if self._group is None:
            self._requested.append(execution_id)
            return
        history = self._journal.history_until_damaged(execution_id, self._index.last_position)
        loading = self._load_run(execution_id, takewhile(lambda _: self._is_open, history))
        try:
            self._group.create_task(loading)
        except RuntimeError:  # The group takes no tasks while it is cancelled; it has no public flag for that.
            loading.close()

    async def _load_run(self, execution_id: str, rows: Iterable[tuple[Position, Event]]) -> None:
        run, _ = await asyncio.to_thread(project, execution_id, rows)
        if self._index.runs.complete(execution_id, run) and (summary := self._index.get(execution_id)) is not None:
            self._on_changed(Delta({execution_id: summary}))

    async def load_rows(self, positions: Sequence[Position]) -> None:
        """Load the summaries of the runs at `positions`."""
        await self._remember(lambda stored: stored.at(positions))

    async def load_ids(self, execution_ids: Iterable[str | None]) -> None:
        """Load the summaries of these runs, unless they are in memory."""
        if unknown := self._index.unknown(execution_ids):
            await self._remember(lambda stored: stored.by_ids(unknown))

    async def load_with_input(self, digest: int) -> None:
        """Load the summaries of runs whose input has this digest."""
        await self._remember(lambda stored: stored.with_input(digest))

    async def find(self, prefix: str, hint: str = "") -> Run:
        """Return the only run whose id begins with `prefix`, or the one that `@latest` or `@failed` means.

        Raises NotFound, with `hint`, or UsageError if there are several.
        """
        summary = self._index.get(prefix)
        if summary is None:
            summary = await asyncio.to_thread(self.stored.find_one, prefix, hint)
            self._index.remember([summary])
        if self._index.runs.is_cached(summary.execution_id):
            return self._index.runs[summary.execution_id]
        return await asyncio.to_thread(self.stored.run, summary)

    async def _remember(self, read: Callable[[Summaries], Sequence[Summary]]) -> None:
        """Put what `read` returns into the index, unless runs were removed or moved meanwhile: then read again."""
        while True:
            removals = self._index.removals
            try:
                found = await asyncio.to_thread(lambda: read(Summaries(self._journal.reader)))
            except StorageError as error:
                self._journal.report_damage(error)
                return
            if removals == self._index.removals:
                break
        if found:
            self._on_changed(self._index.remember(found))
