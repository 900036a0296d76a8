"""The index of all known runs: their positions, statuses and last changes, and the summaries that were used last.

Pure. A run costs 48 bytes here; its summary is in the journal, which loads it again when a list shows it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from scaicore_tui.protocol.checkpoints import Checkpoint
from scaicore_tui.runs.cache import ReadHistory, RunCache
from scaicore_tui.runs.change_order import ChangeOrder
from scaicore_tui.runs.delta import Delta
from scaicore_tui.runs.gaps import Gap
from scaicore_tui.runs.model import RunStatus
from scaicore_tui.runs.positions import Positions
from scaicore_tui.runs.recent import RecentSummaries
from scaicore_tui.runs.summary import Summary, with_status
from scaicore_tui.units import Position


class RunIndex:
    """The positions of all runs: in `order`, by last change, by status. Summaries and complete `runs` if in memory.

    `gaps` are those of the last delta that changed them, oldest first. `read_history` returns the stored events of a
    run up to `last_position`.
    """

    def __init__(self, read_history: ReadHistory) -> None:
        self.order = Positions()
        self.changes = ChangeOrder()
        self.by_status: Mapping[RunStatus, Positions] = {status: Positions() for status in RunStatus}
        self.runs = RunCache(self.get, read_history)
        self.gaps: Sequence[Gap] = []
        self.event_count = 0
        # Events applied since the start, without those that were stored before.
        self.ingested_count = 0
        # How many of them could not be read completely.
        self.unreadable_count = 0
        self.last_position: Position | None = None
        # How often runs were removed or moved: what was read before that is outdated.
        self.removals = 0
        self._recent = RecentSummaries()
        self._waiting: frozenset[str] = frozenset()
        # Summaries that stay in memory: of waiting and of followed runs.
        self._kept: dict[str, Summary] = {}
        self._arrivals: Counter[str] = Counter()
        self._followed_inputs: dict[int, dict[str, Summary]] = {}

    @property
    def counts(self) -> Counter[RunStatus]:
        """The number of runs of each status."""
        return Counter({status: len(positions) for status, positions in self.by_status.items() if len(positions)})

    @property
    def newest_position(self) -> Position | None:
        """The position of the run that began last; None if there is no run."""
        return self.order[-1] if len(self.order) else None

    @property
    def waiting(self) -> frozenset[str]:
        """The ids of the runs with a pending checkpoint."""
        return self._waiting

    def get(self, execution_id: str) -> Summary | None:
        """Return the summary of a run; None if it is not in memory, or there is no such run."""
        return self._kept.get(execution_id) or self._recent.get(execution_id)

    def at(self, position: Position) -> Summary | None:
        """Return the summary of the run at `position`; None if it is not in memory."""
        return self._recent.at(position)

    def touch(self, positions: Iterable[Position]) -> None:
        """Keep the summaries at `positions`, which are shown, longer in memory."""
        for position in positions:
            self._recent.touch(position)

    def apply(self, delta: Delta) -> Delta:
        """Apply `delta` and return it; sets the status of its summaries."""
        self.event_count += delta.event_count
        self.ingested_count += max(0, delta.event_count)
        self.unreadable_count += delta.unreadable_count
        if delta.gaps is not None:
            self.gaps = delta.gaps
        if delta.last_position is None:
            self.runs.forget(delta.upserted)
        else:
            self.last_position = delta.last_position
            self.runs.apply_events(delta.events)
        self._count_arrivals(delta)
        self._remove(delta.removed, delta.vacated)
        for summary in delta.upserted.values():
            self._put(summary)
        return delta

    def load(self, stored: Mapping[RunStatus, Positions], changes: ChangeOrder) -> Delta:
        """Add the positions of stored runs by status, and their last changes; return a delta with all positions.

        `stored` and `changes` are kept.

        Positions that are known already have a status that is at least as new. They are few: this is called once, soon
        after the start.
        """
        known = [(status, position) for status, positions in self.by_status.items() for position in positions]
        for status, position in known:
            for positions in stored.values():
                positions.discard(position)
            stored[status].add(position)
        self.by_status = stored
        self.order = Positions.merged(stored.values())
        changes.update(self.changes)
        self.changes = changes
        return Delta(loaded=stored, is_loaded=True)

    def replace_all(
        self, stored: Mapping[RunStatus, Positions], changes: ChangeOrder, summaries: Iterable[Summary]
    ) -> Delta:
        """Forget everything about runs but which are followed; know the stored ones instead. Return a delta with all.

        `stored` and `changes` are kept. `summaries` are of the same moment: of all waiting and followed runs, and of
        those that are likely to be shown.
        """
        former = self.order
        self.by_status, self.changes = stored, changes
        self.order = Positions.merged(stored.values())
        self.removals += 1
        self.runs.forget(self.runs.held_ids)
        self._recent.clear()
        self._kept.clear()
        for candidates in self._followed_inputs.values():
            candidates.clear()
        known = {summary.execution_id: summary for summary in summaries}
        for summary in known.values():
            self._put(summary)
        gone = [position for position in former if position not in self.order]
        return Delta(known, vacated=gone, loaded=stored, is_loaded=True)

    @property
    def followed_ids(self) -> frozenset[str]:
        """The ids of the runs whose arriving events are counted."""
        return frozenset(self._arrivals)

    @property
    def kept_ids(self) -> frozenset[str]:
        """The ids of the runs whose summaries stay in memory, also those that are not there yet."""
        candidates = (key for found in self._followed_inputs.values() for key in found)
        return frozenset((*self._kept, *self._arrivals, *candidates))

    def remember(self, summaries: Iterable[Summary]) -> Delta:
        """Keep summaries that were read from the journal; return a delta with them.

        A summary that is in memory already stays: it is at least as new.
        """
        kept = {row.execution_id: self.get(row.execution_id) or row for row in summaries}
        for summary in kept.values():
            self._put(summary)
        return Delta(kept, is_loaded=True)

    def set_pending(self, pending: Iterable[Checkpoint]) -> dict[str, Summary]:
        """Set the pending checkpoints; return the summaries of the runs whose status changed, by id."""
        waiting = frozenset(row.execution_id for row in pending if row.execution_id is not None)
        changed, self._waiting = waiting ^ self._waiting, waiting
        updated = {}
        for summary in filter(None, map(self.get, changed)):
            before = summary.status
            self._put(summary)
            if summary.status is not before:
                updated[summary.execution_id] = summary
        return updated

    def unknown(self, execution_ids: Iterable[str | None]) -> list[str]:
        """Return those ids whose summaries are not in memory: they may be in the journal."""
        return [key for key in dict.fromkeys(execution_ids) if key is not None and self.get(key) is None]

    def follow(self, execution_id: str) -> int:
        """Keep the summary of a run in memory and count its arriving events from now on; return the count so far."""
        if execution_id not in self._arrivals:
            self._arrivals[execution_id] = 0
            if (summary := self.get(execution_id)) is not None:
                self._kept[execution_id] = summary
        return self._arrivals[execution_id]

    def arrivals(self, execution_id: str) -> int:
        """Return the number of events that arrived for a followed run. History does not count."""
        return self._arrivals.get(execution_id, 0)

    def follow_input(self, digest: int) -> None:
        """Keep the summaries of runs whose input has this digest, from now on."""
        self._followed_inputs.setdefault(digest, {})

    def with_input(self, digest: int) -> list[Summary]:
        """Return the summaries kept by `follow_input`, oldest first."""
        return sorted(self._followed_inputs.get(digest, {}).values(), key=lambda summary: summary.position)

    def _count_arrivals(self, delta: Delta) -> None:
        """Count the events that followed runs gained. An event that fills a gap is new too, although it is late."""
        for execution_id in self._arrivals.keys() & delta.upserted.keys():
            if delta.last_position is not None:
                self._arrivals[execution_id] += delta.live_event_counts.get(execution_id, 0)
            elif not delta.is_history:
                old = self.get(execution_id)
                gained = delta.upserted[execution_id].event_count - (old.event_count if old is not None else 0)
                self._arrivals[execution_id] += gained

    def _remove(self, execution_ids: Collection[str], vacated: Iterable[Position]) -> None:
        """Remove runs that were deleted from the journal, and positions that belong to no run any more."""
        for position in vacated:
            self._vacate(position)
        for execution_id in execution_ids:
            self._recent.discard(execution_id)
            self._kept.pop(execution_id, None)
            for candidates in self._followed_inputs.values():
                candidates.pop(execution_id, None)
        if execution_ids:
            self.runs.forget(execution_ids)

    def _put(self, summary: Summary) -> None:
        """Add `summary` with its current status, or replace the former one of its run."""
        with_status(summary, self._waiting)
        key, position = summary.execution_id, summary.position
        old = self.get(key)
        if old is not None and old.position != position:
            self._vacate(old.position)
        if self.order.add(position) or position not in self.by_status[summary.status]:
            for status, positions in self.by_status.items():
                (positions.add if status is summary.status else positions.discard)(position)
        self.changes.put(position, summary.last_event_at)
        self._recent.put(summary)
        candidates = self._followed_inputs.get(summary.input_digest)
        if candidates is not None:
            candidates[key] = summary
        if candidates is not None or key in self._waiting or key in self._arrivals:
            self._kept[key] = summary
        else:
            self._kept.pop(key, None)
        self.runs.set_status(summary)

    def _vacate(self, position: Position) -> None:
        """Remove a position at which no run begins any more."""
        self.removals += 1
        self.order.discard(position)
        self.changes.discard(position)
        for positions in self.by_status.values():
            positions.discard(position)
