"""The summaries in memory: those that changed or were shown last. All others are in the journal."""

from __future__ import annotations

from scaicore_tui.runs.summary import Summary
from scaicore_tui.units import Position

# About 700 bytes each; far more than a screen shows.
MAX_RECENT_SUMMARIES = 2_000


class RecentSummaries:
    """At most `max_count` summaries, by id and by position. Dropped first is the one put or touched longest ago.

    Not an LRU cache of a library: those look up each read in their order, while here a screen touches its rows once.
    """

    def __init__(self, max_count: int = MAX_RECENT_SUMMARIES) -> None:
        self._max_count = max_count
        self._by_id: dict[str, Summary] = {}
        self._by_position: dict[Position, Summary] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def put(self, summary: Summary) -> None:
        """Keep `summary` in place of the former one of its run."""
        self.discard(summary.execution_id)
        if len(self._by_id) >= self._max_count:
            self.discard(next(iter(self._by_id)))
        self._by_id[summary.execution_id] = summary
        self._by_position[summary.position] = summary

    def get(self, execution_id: str) -> Summary | None:
        """Return the summary of a run; None if it is not in memory."""
        return self._by_id.get(execution_id)

    def at(self, position: Position) -> Summary | None:
        """Return the summary of the run whose first event is at `position`; None if it is not in memory."""
        return self._by_position.get(position)

    def touch(self, position: Position) -> None:
        """Keep the summary at `position` as long as a new one."""
        if (summary := self._by_position.get(position)) is not None:
            self._by_id[summary.execution_id] = self._by_id.pop(summary.execution_id)

    def clear(self) -> None:
        """Drop all summaries."""
        self._by_id.clear()
        self._by_position.clear()

    def discard(self, execution_id: str) -> None:
        """Drop the summary of a run."""
        summary = self._by_id.pop(execution_id, None)
        if summary is not None and self._by_position.get(summary.position) is summary:
            del self._by_position[summary.position]
