"""Terminal notifications about failed runs and new checkpoints."""

from __future__ import annotations

from collections.abc import Iterable

from cachetools import LRUCache

from scaicore_tui.notify import TerminalNotifier
from scaicore_tui.protocol.checkpoints import Checkpoint
from scaicore_tui.runs import Delta
from scaicore_tui.runs.model import RunStatus
from scaicore_tui.session import Session

# Failed runs that are remembered, so that later events of the same run are no second failure.
MAX_FAILED_RUNS = 10_000


class AlertTracker:
    """Counts each failed run and each checkpoint once. Failures that were read as history do not count."""

    def __init__(self) -> None:
        self._failed: LRUCache[str, None] = LRUCache(MAX_FAILED_RUNS)
        self._waiting: set[str] = set()

    def update(self, delta: Delta, pending: Iterable[Checkpoint]) -> tuple[int, int]:
        """Return how many runs failed by `delta`, and how many `pending` checkpoints are new, since the last call."""
        failed = [key for key, run in delta.upserted.items() if run.status is RunStatus.FAILED]
        new = [] if delta.is_history else [key for key in failed if key not in self._failed]
        self._failed.update(dict.fromkeys(failed))
        ids = {row.id for row in pending}
        waiting = ids - self._waiting
        self._waiting |= ids
        return len(new), len(waiting)


class AlertNotifier:
    """Notifies about one session. What the first poll of events and checkpoints brings is not notified."""

    def __init__(self, session: Session, notifier: TerminalNotifier) -> None:
        self._session = session
        self._notifier = notifier
        self._tracker = AlertTracker()
        session.subscribe(self._on_delta)

    def flush(self) -> str:
        """Return the sequence to write to the terminal now; empty if there is nothing to notify."""
        return self._notifier.flush(self._session.clock.monotonic())

    def _on_delta(self, delta: Delta) -> None:
        # Counted with each delta, also with the first poll: only now is known which poll it belongs to.
        failed, waiting = self._tracker.update(delta, self._session.checkpoints)
        if self._session.connection.polls:
            self._notifier.add(failed, waiting)
