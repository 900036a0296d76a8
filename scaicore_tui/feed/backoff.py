"""How long to wait after failures. Full jitter: many who lost the same server do not come back all at once."""

from __future__ import annotations

from collections.abc import Callable

from scaicore_tui.errors import ScaicoreError

# Seconds: between two tries there is never more, and never less.
MOST, LEAST = 60.0, 1.0

# Yields numbers from 0 up to 1, each as likely as any other.
Chance = Callable[[], float]

# While somebody is there, who pressed a key in the last minute, failures put nothing off by more seconds.
LONGEST_ATTENDED = 15.0


def delay(seconds: float, *, attended: bool) -> float:
    """How long to wait after a failure that asks for so many seconds, where somebody may be there to see it."""
    return min(seconds, LONGEST_ATTENDED) if attended else seconds


class Backoff:
    """Of one thing that is asked for again and again, every `interval` seconds while all is well."""

    def __init__(self, interval: float, chance: Chance) -> None:
        self._interval = interval
        self._chance = chance
        self.failures = 0

    def failed(self, error: ScaicoreError) -> float:
        """It failed once more: the seconds to wait, by chance up to a bound that doubles; no fewer than were asked."""
        bound = min(MOST, self._interval * 2.0 ** min(self.failures, 30))
        self.failures += 1
        return max(min(LEAST, self._interval), bound * self._chance(), error.retry_after or 0.0)

    def answered(self) -> None:
        """All is well."""
        self.failures = 0
