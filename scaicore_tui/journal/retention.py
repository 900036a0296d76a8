"""Forgetting: runs that ended long ago, whole, with their events, and old events outside all runs. By slices."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from scaicore_tui.journal.store import Journal, stored_id
from scaicore_tui.journal.summaries import Summaries
from scaicore_tui.runs import Summary

# Of these nothing goes, however old: by them a sweep knows that it has met what is known.
KEPT_AT_LEAST = 1_000
RUNS_AT_ONCE = 50
STRAYS_AT_ONCE = 2_000
_GUARD = "SELECT pos FROM events ORDER BY pos DESC LIMIT 1 OFFSET ?"
_STRAYS = """
DELETE FROM main.events WHERE pos IN
(SELECT pos FROM main.events WHERE at > 0 AND at < ? AND pos < ? AND execution_id IS NULL ORDER BY at LIMIT ?)
"""
_RUN = "DELETE FROM main.events WHERE execution_id = ?"


class Forgotten(Struct, frozen=True):
    """What is no longer in the journal: runs, and so many events in all."""

    execution_ids: Sequence[str]
    event_count: int


class Retention:
    """Goes through one journal once, oldest first. A run that may still go on is kept, and so are the newest events."""

    def __init__(self, journal: Journal, summaries: Summaries, before: int) -> None:
        """Forget what ended `before` that moment, in microseconds since 1970."""
        self._journal = journal
        self._summaries = summaries
        self._before = before
        self._place: int | None = -(2**62)

    def step(self) -> Forgotten | None:
        """Forget one slice; None when there are no more."""
        guard = self._journal.rows(_GUARD, KEPT_AT_LEAST)
        if not guard or self._journal.is_spilling or self._place is None:
            return None
        gone = self._due(int(guard[0][0]))
        with self._journal.writing() as database:
            keys = [(stored_id(summary.execution_id),) for summary in gone]
            count = database.executemany(_RUN, keys).rowcount if keys else 0
            database.executemany("DELETE FROM main.runs WHERE execution_id = ?", keys)
            count += database.execute(_STRAYS, (self._before, guard[0][0], STRAYS_AT_ONCE)).rowcount
            database.execute("DELETE FROM main.gaps WHERE after_pos < (SELECT min(pos) FROM main.events)")
        return Forgotten([summary.execution_id for summary in gone], count)

    def _due(self, guard: int) -> list[Summary]:
        """Those of the next runs that are to go."""
        found = self._summaries.oldest(RUNS_AT_ONCE, self._place or 0)
        old = [summary for summary in found if (summary.first_event_at or 0) < self._before and summary.place < guard]
        self._place = found[-1].place if old else None
        return [summary for summary in old if self._is_over(summary, guard)]

    def _is_over(self, summary: Summary, guard: int) -> bool:
        ended = summary.outcome is not None and (summary.last_event_at or 0) < self._before
        return ended and all(place < guard for place, _ in self._journal.history(summary.execution_id))
