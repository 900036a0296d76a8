"""What is known of the connection: for the status bar, which must never lie about age."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from scaicore_tui.errors import CannotReach, ScaicoreError

STALE_INTERVALS = 3
# Backoff after failures: the interval doubles up to this many seconds.
MAX_DELAY = 60.0


class LinkState(StrEnum):
    """What the data on the screen is worth."""

    CONNECTING = "connecting"
    LIVE = "live"
    PAUSED = "paused"
    STALE = "stale"
    OFFLINE = "offline"


class Link(Struct, frozen=True):
    """The connection after its latest fetch. Moments are monotonic seconds.

    Heads are asked for once a `pace`, which is the interval, or more where so many events are `behind` (0: an unknown
    number; None: nothing is). Until `held_until` the budget lets nothing go, not even a write: the minute is spent, or
    the server said 429.
    """

    interval: float
    answered_at: float | None = None
    next_at: float | None = None
    error: ScaicoreError | None = None
    failures: int = 0
    paused: bool = False
    latency_ms: float | None = None
    new_events: int = 0
    polls: int = 0
    stale_dropped: int = 0
    held_until: float | None = None
    pace: float = 0.0
    behind: int | None = None

    def state(self, now: float) -> LinkState:
        """Live only while answers come; silence for three intervals is stale, whatever the reason."""
        if self.paused:
            return LinkState.PAUSED
        if self.error is not None:
            return LinkState.OFFLINE if isinstance(self.error, CannotReach) else LinkState.STALE
        if self.answered_at is None:
            return LinkState.CONNECTING
        return LinkState.STALE if now - self.answered_at > self.patience else LinkState.LIVE

    @property
    def patience(self) -> float:
        """After so many seconds of silence something is wrong."""
        return max(STALE_INTERVALS * self.interval, 1.5 * self.pace)

    def age(self, now: float) -> float | None:
        """Seconds since the data shown was true; None where there is none yet."""
        return None if self.answered_at is None else now - self.answered_at

    def delay(self) -> float:
        """Seconds to the next fetch: doubling after failures, and no less than the server asked for."""
        wait = min(MAX_DELAY, self.interval * 2.0 ** max(0, self.failures - 1))
        asked = self.error.retry_after if self.error is not None else None
        return max(self.interval, self.pace, wait, asked or 0.0)
