"""Asks for what the main screen tells of other runs: what is usual for the selected one, and which runs are slow."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.message import Message

from scaicore_tui.runs import Run
from scaicore_tui.tui.render.runs import has_ended_badly
from scaicore_tui.tui.run_messages import FactsNeeded, FactsRead, SlowRunsNeeded

if TYPE_CHECKING:
    # Loaded when the first facts were read: the first screen appears sooner.
    from scaicore_tui.analysis.usual import PastContext
    from scaicore_tui.session.comparisons import FirstDifference

# Facts of a run that stays selected are read again after this time, and slow runs are looked for again.
FACTS_MAX_AGE_S = 60
SLOW_MAX_AGE_S = 30


class RunFactsReader:
    """Asks for the facts about the selected run, at a tick: not while the cursor moves. `post` posts a message.

    The facts of a run are those of its state: they are asked for again once it is over.
    """

    def __init__(self, post: Callable[[Message], object]) -> None:
        self._post = post
        self._asked = ("", False)
        self._asked_at = self._slow_asked_at = float("-inf")
        self._read: FactsRead | None = None

    def context_of(self, run: Run) -> PastContext | None:
        """Return what other runs say about a run; None if that was not read yet."""
        read = self._read
        return read.context if read is not None and read.execution_id == run.execution_id else None

    def first_difference_of(self, run: Run) -> FirstDifference | None:
        """Return the first difference of a run from another one; None if that was not read."""
        read = self._read
        return read.first_difference if read is not None and read.execution_id == run.execution_id else None

    def request(self, run: Run, now: float, *, compares: bool) -> None:
        """Ask for the facts about a run at `now` (seconds since 1970), unless they are known.

        With `compares` ask for its first difference from another run too, if it is over and did not complete.
        """
        key = run.execution_id, run.is_over
        if key != self._asked or now - self._asked_at >= FACTS_MAX_AGE_S:
            self._asked, self._asked_at = key, now
            compares = compares and has_ended_badly(run)
            self._post(FactsNeeded(run.execution_id, run.core_id, compares))

    def request_slow(self, now: float) -> None:
        """Ask which runs are slow, unless that was asked lately."""
        if now - self._slow_asked_at >= SLOW_MAX_AGE_S:
            self._slow_asked_at = now
            self._post(SlowRunsNeeded())

    def forget(self) -> None:
        """Ask again at the next tick, also which runs are slow: events are missing now, or are not missing any more."""
        self._asked_at = self._slow_asked_at = float("-inf")

    def take(self, read: FactsRead) -> None:
        """Keep the facts that were read."""
        self._read = read
