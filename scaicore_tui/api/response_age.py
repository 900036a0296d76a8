"""Times at which the responses of one fetch were true: the request time minus the age in a cache.

A fetch may need several requests, and fetches overlap. Times are recorded per task, so that fetches stay separate.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

from scaicore_tui.clock import Clock


class ResponseTimes:
    """Times of all responses of one fetch, in order, in monotonic seconds of `clock`."""

    def __init__(self, clock: Clock) -> None:
        self.times: list[float] = []
        self._clock = clock

    def now(self) -> float:
        """Return the current time in monotonic seconds."""
        return self._clock.monotonic()

    def record(self, true_at: float) -> None:
        """Add a response that was true at `true_at`."""
        self.times.append(true_at)


_current: ContextVar[ResponseTimes | None] = ContextVar("_current", default=None)


@contextmanager
def record_response_times(clock: Clock) -> Iterator[list[float]]:
    """Yield a list that collects the times of all responses inside the block."""
    record = ResponseTimes(clock)
    token = _current.set(record)
    try:
        yield record.times
    finally:
        # An abandoned fetch is closed in another context.
        with suppress(ValueError):
            _current.reset(token)


def current_recorder() -> ResponseTimes | None:
    """Return the recorder of the current task's fetch, or None."""
    return _current.get()
