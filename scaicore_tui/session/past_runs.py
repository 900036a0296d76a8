"""The newest runs of a Core, read completely: for the order of its nodes, the ways out of them, and what is usual."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

from msgspec import Struct

from scaicore_tui.clock import Clock
from scaicore_tui.runs import Run
from scaicore_tui.store.recordings import RunSource

# The newest runs of a Core that are read: so many, and no more once they have so many events, 20 microseconds each.
MAX_PAST_RUNS = 200
MAX_PAST_EVENTS = 10_000
# They are read again after this time.
REFRESH_S = 60.0


class _Past(Struct):
    """The newest runs of a Core, newest first, and when they were read, in monotonic seconds."""

    runs: Sequence[Run]
    read_at: float


class PastRuns:
    """Reads the newest runs of `runs`. Only those of one Core are kept: a run with its values may take much memory."""

    def __init__(self, runs: RunSource, clock: Clock) -> None:
        self._source = runs
        self._clock = clock
        self._core_id: str | None = None
        self._past = _Past([], 0.0)
        self._lock = asyncio.Lock()

    async def newest(self, core_id: str | None) -> Sequence[Run]:
        """Return the newest runs of a Core, newest first, which may have begun up to a minute ago. They do not change.

        Raises StorageError.
        """
        if core_id is None:
            return []
        async with self._lock:
            now = self._clock.monotonic()
            if core_id != self._core_id or now >= self._past.read_at + REFRESH_S:
                known = self._past.runs if core_id == self._core_id else []
                runs = await asyncio.to_thread(lambda: list(self._read(core_id, known)))
                self._core_id, self._past = core_id, _Past(runs, now)
            return self._past.runs

    def _read(self, core_id: str, known: Sequence[Run]) -> Iterator[Run]:
        """Yield the newest runs of a Core; those that are over and have no new event are not read again."""
        unchanged = {(run.execution_id, run.event_count): run for run in known if run.is_over}
        events_left = MAX_PAST_EVENTS
        for summary in self._source.newest_of_core(core_id, MAX_PAST_RUNS):
            yield unchanged.get((summary.execution_id, summary.event_count)) or self._source.run(summary)
            events_left -= summary.event_count
            if events_left <= 0:
                return
