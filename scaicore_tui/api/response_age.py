"""When the answers of one fetch were true: when each was asked for, less the time that a cache on the way kept it.

Fetches overlap, and each may take several requests. What is recorded belongs to the task that fetches, so that no fetch
sees the times of another.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

from scaicore_tui.clock import Clock


class ResponseTimes:
    """The times of all answers of one fetch, in their order: monotonic seconds of its `clock`."""

    def __init__(self, clock: Clock) -> None:
        self.times: list[float] = []
        self._clock = clock

    def now(self) -> float:
        """Return the time by that clock, for a request that is sent now."""
        return self._clock.monotonic()

    def record(self, true_at: float) -> None:
        """A request was answered, by what was true at that time."""
        self.times.append(true_at)


_current: ContextVar[ResponseTimes | None] = ContextVar("_current", default=None)


@contextmanager
def record_response_times(clock: Clock) -> Iterator[list[float]]:
    """Yield the times of the answers to all requests inside."""
    record = ResponseTimes(clock)
    token = _current.set(record)
    try:
        yield record.times
    finally:
        # A fetch that nobody waits for any more is closed in another context.
        with suppress(ValueError):
            _current.reset(token)


def current_recorder() -> ResponseTimes | None:
    """Return the record of the fetch that this task is in."""
    return _current.get()
