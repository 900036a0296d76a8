"""Long runs are folded beside the event loop, each in a thread of its own: a key need not wait for a million events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from itertools import takewhile

from scaicore_tui.journal.store import Journal
from scaicore_tui.runs import RunBook
from scaicore_tui.runs.folder import fold_all
from scaicore_tui.wire import Event


class Aside:
    """Of one journal and one book. `tell` is called with the id of each run that is folded."""

    def __init__(self, journal: Journal, book: RunBook, tell: Callable[[set[str]], None]) -> None:
        self._journal = journal
        self._book = book
        self._tell = tell
        self._is_open = True

    def close(self) -> None:
        """Whoever quits does not wait for what is being folded."""
        self._is_open = False

    def fold(self, group: asyncio.TaskGroup, execution_id: str) -> None:
        """Fold a run from what is known by now, in a task of `group`."""
        history = self._journal.readable(execution_id, self._book.last)
        group.create_task(self._fold(execution_id, takewhile(lambda _: self._is_open, history)))

    async def _fold(self, execution_id: str, wanted: Iterable[tuple[int, Event]]) -> None:
        run, _ = await asyncio.to_thread(fold_all, execution_id, wanted)
        if self._book.runs.put(execution_id, run):
            self._tell({execution_id})
