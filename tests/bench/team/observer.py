"""Watches the journal's tables, to measure when commits happen."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Sequence
from contextlib import suppress
from statistics import quantiles
from typing import TYPE_CHECKING, Any

import psycopg

from scaicore_tui.clock import SystemClock

if TYPE_CHECKING:
    from tests.bench.team.postgres import Postgres

PAUSE_S = 0.02
MAX_WAIT_S = 60.0
_COUNT = "SELECT sum(event_count) FROM runs"


class Observer:
    """Counts the stored events in a thread; keeps the time of each change."""

    def __init__(self, server: Postgres) -> None:
        self._server = server
        self._clock = SystemClock()
        self._times: list[float] = []
        self._counts: list[int] = []
        self._has_ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    @property
    def count(self) -> int:
        """The number of stored events."""
        return self._counts[-1] if self._counts else 0

    @property
    def now(self) -> float:
        """The time that viewers write too."""
        return self._clock.monotonic()

    def stop(self) -> None:
        """End the thread."""
        self._has_ended.set()
        self._thread.join()

    def wait(self, seconds: float) -> None:
        """Wait."""
        self._has_ended.wait(seconds)

    def next_commit(self, after: float) -> float:
        """Return the time of the first commit of events after a time; infinity if there is none in MAX_WAIT_S."""
        deadline = self.now + MAX_WAIT_S
        while self.now < deadline:
            position = bisect_left(self._times, after)
            if position < len(self._times):
                return self._times[position]
            self.wait(PAUSE_S)
        return float("inf")

    def lags(self, series: Sequence[Sequence[tuple[float, int]]]) -> dict[str, float]:
        """Return how long after a commit viewers showed its events, in seconds."""
        found = [lag for row in series for lag in self._lags(row)]
        if len(found) < 2:
            return {}
        cuts = quantiles(found, n=100)
        return {"p50": cuts[49], "p95": cuts[94], "p99": cuts[98], "max": max(found), "count": float(len(found))}

    def _lags(self, row: Sequence[tuple[float, int]]) -> list[float]:
        shown = [count for _, count in row]
        lags = []
        for at, count in zip(self._times, self._counts, strict=True):
            position = bisect_left(shown, count)
            if row and at >= row[0][0] and position < len(row):
                lags.append(row[position][0] - at)
        return lags

    def _watch(self) -> None:
        while not self._has_ended.is_set():
            with suppress(psycopg.Error), self._server.connect() as connection:
                self._count(connection)
            self.wait(PAUSE_S)

    def _count(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        while not self._has_ended.is_set():
            found = connection.execute(_COUNT).fetchone()
            count = int(found[0] or 0) if found else 0
            if count > self.count:
                self._times.append(self.now)
                self._counts.append(count)
            self.wait(PAUSE_S)
