"""Terminal notifications about failed runs and new checkpoints."""

from __future__ import annotations

from collections.abc import Iterable

from scaicore_tui.notify import TerminalNotifier
from scaicore_tui.protocol.checkpoints import Checkpoint
from scaicore_tui.runs import Delta
from scaicore_tui.runs.index import RunIndex
from scaicore_tui.runs.model import RunStatus
from scaicore_tui.session import Session


class AlertTracker:
    """Counts each failed run and each checkpoint once. Failures that were read as history do not count."""

    def __init__(self) -> None:
        self._failed: set[str] = set()
        self._waiting: set[str] = set()

    def update(self, index: RunIndex, delta: Delta, pending: Iterable[Checkpoint]) -> tuple[int, int]:
        """Return how many runs failed by `delta`, and how many `pending` checkpoints are new, since the last call."""
        failed = {key for key, run in delta.upserted.items() if run.status is RunStatus.FAILED} - self._failed
        waiting = {row.id for row in pending} - self._waiting
        self._failed |= failed
        self._waiting |= waiting
        return sum(index.live_event_counts[key] > 0 for key in failed), len(waiting)


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
        failed, waiting = self._tracker.update(self._session.index, delta, self._session.checkpoints)
        if self._session.connection.polls:
            self._notifier.add(failed, waiting)
