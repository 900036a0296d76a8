"""Forgetting: the oldest runs that ended, whole, with their events, and old events outside all runs. By slices."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from scaicore_tui.runs import RunProjector, Summary
from scaicore_tui.store.database import encode_id
from scaicore_tui.store.gaps import BELOW_ALL
from scaicore_tui.store.journal import MAX_POSITION, Journal
from scaicore_tui.store.summaries import Summaries

# Of these nothing goes, however old: by them a sweep knows that it has met what is known.
MIN_KEPT_EVENTS = 1_000
BATCH_RUNS = 50
BATCH_STRAY_EVENTS = 2_000
_KEEP_FROM = "SELECT pos FROM main.events WHERE pos <= ? ORDER BY pos DESC LIMIT 1 OFFSET ?"
_DELETE_STRAYS = """
DELETE FROM main.events WHERE pos IN
(SELECT pos FROM main.events WHERE at > 0 AND at < ? AND pos < ? AND execution_id IS NULL ORDER BY at LIMIT ?)
"""
_LAST_POSITION = "SELECT max(pos) FROM main.events WHERE execution_id = ?"
_USED_BYTES = """
SELECT (page_count - freelist_count) * page_size
FROM pragma_page_count, pragma_freelist_count, pragma_page_size
"""


class PruneResult(Struct, frozen=True):
    """What is no longer in the journal: runs, and so many events in all."""

    execution_ids: Sequence[str]
    event_count: int


class Retention:
    """Goes through one journal once, oldest first. A run that may still go on is kept, and so are the newest events,
    and those below a hole."""

    def __init__(
        self, journal: Journal, summaries: Summaries, projector: RunProjector, before: int | None, max_bytes: int | None
    ) -> None:
        """Forget what ended `before` that moment, in microseconds since 1970, and the oldest as long as more than
        `size` bytes of the file are in use."""
        self._journal = journal
        self._summaries = summaries
        self._projector = projector
        self._before = before or 0
        self._max_bytes = max_bytes
        self._position = -MAX_POSITION
        self._is_done = False

    def prune_batch(self) -> PruneResult | None:
        """Forget one slice; None when there are no more. Raises StorageError where the disk takes nothing:
        then nothing was forgotten."""
        guard = self._keep_from()
        if guard is None or self._is_done or self._journal.is_buffering:
            return None
        found = [summary for summary in self._summaries.oldest(BATCH_RUNS, self._position) if summary.position < guard]
        with self._journal.transaction() as database:
            strays = database.execute(_DELETE_STRAYS, (self._strays_before(found), guard, BATCH_STRAY_EVENTS)).rowcount
            gone = dict[str, int]()
            for summary in found:
                if self._can_be_pruned(summary, guard):
                    gone[summary.execution_id] = self._delete(summary)
            if strays or gone:
                # What is older than that would be forgotten as well: it is not read any more.
                database.execute("DELETE FROM main.holes WHERE after_pos = ?", (BELOW_ALL,))
            database.execute("DELETE FROM main.gaps WHERE after_pos < (SELECT min(pos) FROM main.events)")
        self._projector.forget(gone)
        self._position = found[-1].position if found else self._position
        is_older = any(self._is_too_old(summary.first_event_at) for summary in found)
        self._is_done = not is_older and strays < BATCH_STRAY_EVENTS
        return PruneResult(list(gone), strays + sum(gone.values()))

    def _keep_from(self) -> int | None:
        """The place from which on all is kept; None where that is everything."""
        below = min((hole.after for hole in self._journal.open_gaps()), default=MAX_POSITION)
        found = self._journal.query(_KEEP_FROM, below, MIN_KEPT_EVENTS)
        return int(found[0][0]) if found else None

    def _strays_before(self, found: Sequence[Summary]) -> int:
        """The moment before which events outside all runs go: with the runs of their time, where there is too much."""
        if not self._is_too_large():
            return self._before
        return max(self._before, found[-1].first_event_at or 0) if found else MAX_POSITION

    def _can_be_pruned(self, summary: Summary, guard: int) -> bool:
        if summary.outcome is None or not self._is_too_old(summary.last_event_at):
            return False
        (last,) = self._journal.query(_LAST_POSITION, encode_id(summary.execution_id))[0]
        return last is None or last < guard

    def _is_too_old(self, at: int | None) -> bool:
        """Whether what was at that moment is not kept."""
        return (at or 0) < self._before or self._is_too_large()

    def _is_too_large(self) -> bool:
        return self._max_bytes is not None and bool(self._journal.query(_USED_BYTES)[0][0] > self._max_bytes)

    def _delete(self, summary: Summary) -> int:
        """Forget a run; how many events it had."""
        key = encode_id(summary.execution_id)
        with self._journal.transaction() as database:
            database.execute("DELETE FROM main.runs WHERE execution_id = ?", (key,))
            return database.execute("DELETE FROM main.events WHERE execution_id = ?", (key,)).rowcount
