"""The index of all known runs, ordered by the positions of their first events, with up-to-date statuses.

Pure. Lists, filters and counts are served from summaries.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from scaicore_tui.protocol.checkpoints import Checkpoint
from scaicore_tui.runs.cache import ReadHistory, RunCache, SortedSummaries
from scaicore_tui.runs.delta import Delta
from scaicore_tui.runs.gaps import Gap
from scaicore_tui.runs.model import RunStatus
from scaicore_tui.runs.summary import Summary
from scaicore_tui.units import Position


class RunIndex:
    """Summaries by `execution_id` and in order, complete `runs` on demand, and the number of runs of each status.

    `gaps` are those of the last delta that changed them, oldest first. `read_history` returns the stored events of a
    run up to `last_position`.
    """

    def __init__(self, read_history: ReadHistory) -> None:
        self.summaries: dict[str, Summary] = {}
        self.order = SortedSummaries()
        self.runs = RunCache(self.summaries, self.order, read_history)
        self.counts: Counter[RunStatus] = Counter()
        self.gaps: Sequence[Gap] = []
        self.event_count = 0
        # Events applied since the start, without those that were stored before.
        self.ingested_count = 0
        # How many of them could not be read completely.
        self.unreadable_count = 0
        self.last_position: Position | None = None
        # New events per run; history does not count.
        self.live_event_counts: Counter[str] = Counter()
        self._waiting: frozenset[str] = frozenset()

    def apply(self, delta: Delta) -> Delta:
        """Apply `delta` and return it; sets the status of its summaries."""
        self.event_count += delta.event_count
        self.ingested_count += max(0, delta.event_count)
        self.unreadable_count += delta.unreadable_count
        self.live_event_counts.update(delta.live_event_counts)
        if delta.gaps is not None:
            self.gaps = delta.gaps
        if delta.last_position is None:
            self.runs.forget(delta.upserted)
        else:
            self.last_position = delta.last_position
            self.runs.apply_events(delta.events)
        for summary in delta.upserted.values():
            if delta.last_position is None and not delta.is_history:
                self._count_live_events(summary)
            self._replace(summary)
        self._remove(delta.removed)
        return delta

    def load(self, summaries: Iterable[Summary]) -> Delta:
        """Add stored summaries of runs that are not known yet; return a delta with these."""
        new = {row.execution_id: row for row in summaries if row.execution_id not in self.summaries}
        for summary in new.values():
            summary.status = self._status(summary)
            self.counts[summary.status] += 1
        self.summaries.update(new)
        self.order.extend(new.values())
        return Delta(new, is_loaded=True)

    def _remove(self, execution_ids: Collection[str]) -> None:
        """Remove runs that were deleted from the journal."""
        for summary in [self.summaries.pop(key) for key in execution_ids if key in self.summaries]:
            self.counts[summary.status] -= 1
            self.order.remove(summary.position)
            self.live_event_counts.pop(summary.execution_id, None)
        self.runs.forget(execution_ids)

    def set_pending(self, pending: Iterable[Checkpoint]) -> dict[str, Summary]:
        """Set the pending checkpoints; return the summaries of the runs whose status changed, by id."""
        waiting = frozenset(checkpoint.execution_id for checkpoint in pending if checkpoint.execution_id)
        changed = {key for key in waiting ^ self._waiting if key in self.summaries}
        self._waiting = waiting
        return {key: self.summaries[key] for key in changed if self._update_status(self.summaries[key])}

    def find(self, prefix: str) -> list[Summary]:
        """Return the run with the id `prefix`, or else those whose ids begin with it; for `@latest` the newest run."""
        if prefix == "@latest":
            return [self.order[len(self.order) - 1]] if len(self.order) else []
        if prefix in self.summaries:
            return [self.summaries[prefix]]
        return [summary for summary in self.order if summary.execution_id.startswith(prefix)]

    def _count_live_events(self, summary: Summary) -> None:
        """Count the events that a run gained by new events in a gap."""
        old = self.summaries.get(summary.execution_id)
        self.live_event_counts[summary.execution_id] += summary.event_count - (old.event_count if old else 0)

    def _replace(self, summary: Summary) -> None:
        """Add `summary`, or replace the former one of its run."""
        old = self.summaries.get(summary.execution_id)
        if old is not None:
            self.counts[old.status] -= 1
            if old.position != summary.position:
                self.order.remove(old.position)
        summary.status = self._status(summary)
        self.counts[summary.status] += 1
        self.summaries[summary.execution_id] = summary
        self.order.put(summary)
        self.runs.set_status(summary)

    def _update_status(self, summary: Summary) -> bool:
        """Update the status of a run; return whether it changed."""
        status = self._status(summary)
        if status is summary.status:
            return False
        self.counts[summary.status] -= 1
        self.counts[status] += 1
        summary.status = status
        self.runs.set_status(summary)
        return True

    def _status(self, summary: Summary) -> RunStatus:
        if summary.outcome is not None:
            return summary.outcome
        if summary.execution_id in self._waiting:
            return RunStatus.WAITING
        return RunStatus.RUNNING if summary.is_runtime else RunStatus.UNKNOWN
