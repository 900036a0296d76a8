"""What calls for a person: runs that fail, and checkpoints that come, counted as they do. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from scaicore_tui.notify import TerminalNotifier
from scaicore_tui.protocol.checkpoints import Checkpoint
from scaicore_tui.runs.index import RunIndex
from scaicore_tui.runs.model import RunStatus
from scaicore_tui.session import Session, Update


class AlertTracker:
    """Counts each run and each checkpoint once. A run whose failure was read as history calls nobody."""

    def __init__(self) -> None:
        self._failed: set[str] = set()
        self._waiting: set[str] = set()

    def update(self, book: RunIndex, changed: Iterable[str], pending: Iterable[Checkpoint]) -> tuple[int, int]:
        """How many of the `changed` runs failed, and how many of those `pending` came, since this was asked last."""
        summaries = (book.summaries[key] for key in changed if key in book.summaries)
        failed = {run.execution_id for run in summaries if run.status is RunStatus.FAILED} - self._failed
        waiting = {row.id for row in pending} - self._waiting
        self._failed |= failed
        self._waiting |= waiting
        return sum(book.live_event_counts[key] > 0 for key in failed), len(waiting)


class AlertNotifier:
    """Of one session. What it knew when both the feed and the checkpoints were first read calls nobody."""

    def __init__(self, session: Session, bell: TerminalNotifier) -> None:
        self._session = session
        self._bell = bell
        self._attention = AlertTracker()
        session.subscribe(self._heard)

    def flush(self) -> str:
        """What to write to the terminal now; empty where nobody is called."""
        return self._bell.flush(self._session.clock.monotonic())

    def _heard(self, update: Update) -> None:
        """Counted when it happens, as it then is known whether it was the first look."""
        failed, waiting = self._attention.update(self._session.index, update.runs, self._session.checkpoints)
        if self._session.connection.polls:
            self._bell.add(failed, waiting)
