"""What calls for a person: runs that fail, and checkpoints that come, counted as they do. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from scaicore_tui.runs.book import RunBook
from scaicore_tui.runs.model import RunStatus
from scaicore_tui.wire.checkpoints import Checkpoint


class Attention:
    """Counts each run and each checkpoint once. A run whose failure was read as history calls nobody."""

    def __init__(self) -> None:
        self._failed: set[str] = set()
        self._waiting: set[str] = set()

    def take(self, book: RunBook, changed: Iterable[str], pending: Iterable[Checkpoint]) -> tuple[int, int]:
        """How many of the `changed` runs failed, and how many of those `pending` came, since this was asked last."""
        summaries = (book.summaries[key] for key in changed if key in book.summaries)
        failed = {run.execution_id for run in summaries if run.status is RunStatus.FAILED} - self._failed
        waiting = {row.id for row in pending} - self._waiting
        self._failed |= failed
        self._waiting |= waiting
        return sum(book.arrivals[key] > 0 for key in failed), len(waiting)
