"""Connection status for the status bar, including the age of the shown data.

There are two sources, events and pending checkpoints, which may fail independently. The status as a whole is that of
the worse source.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from scaicore_tui.errors import ScaicoreError, Unreachable

STALE_INTERVALS = 3
# A smaller clock difference does not matter for the ages shown, in seconds.
MAX_SKEW_S = 60.0


class ConnectionState(StrEnum):
    """State of the connection, which tells how current the shown data is."""

    CONNECTING = "connecting"
    LIVE = "live"
    PAUSED = "paused"
    STALE = "stale"
    OFFLINE = "offline"


class SourceStatus(Struct, frozen=True):
    """Status of one source after its latest fetch. Times are monotonic seconds."""

    answered_at: float | None = None
    next_at: float | None = None
    error: ScaicoreError | None = None
    failures: int = 0
    latency_ms: float | None = None
    polls: int = 0
    stale_dropped: int = 0

    def age(self, now: float) -> float | None:
        """Return the age of the shown data in seconds; None before the first response.

        For a checkpoint listing of several pages this is the first page; see `PendingStatus.oldest_at` for the others.
        """
        return None if self.answered_at is None else now - self.answered_at


class ConnectionStatus(Struct, frozen=True):
    """Status of the connection. Times are monotonic seconds.

    Each source is fetched every `poll_interval` seconds: the configured `interval`, or `allowed_interval` if the rate
    limit of `limit` requests per minute is too low for it, or longer while events are `behind` (0: unknown number;
    None: none). Until `held_until` the budget sends nothing, not even a write: the requests of this minute are used
    up, or the server answered 429. `clock_skew` is how far the server's clock is ahead of ours, in seconds.
    `recorded_by` names what polls in place of this program; empty if this program does.
    """

    interval: float
    events: SourceStatus = SourceStatus()
    checkpoints: SourceStatus = SourceStatus()
    paused: bool = False
    new_events: int = 0
    held_until: float | None = None
    poll_interval: float = 0.0
    allowed_interval: float = 0.0
    limit: int | None = None
    behind: int | None = None
    clock_skew: float = 0.0
    recorded_by: str = ""

    @property
    def is_skewed(self) -> bool:
        """True if the clocks differ enough to affect ages."""
        return abs(self.clock_skew) > MAX_SKEW_S

    @property
    def sources(self) -> tuple[SourceStatus, SourceStatus]:
        return self.events, self.checkpoints

    def state(self, now: float) -> ConnectionState:
        """Return the state: live only while responses arrive; stale after STALE_INTERVALS without any."""
        if self.paused:
            return ConnectionState.PAUSED
        errors = [source.error for source in self.sources if source.error is not None]
        if errors:
            return (
                ConnectionState.OFFLINE
                if any(isinstance(error, Unreachable) for error in errors)
                else ConnectionState.STALE
            )
        if any(source.answered_at is None for source in self.sources):
            return ConnectionState.CONNECTING
        return (
            ConnectionState.STALE
            if any(self.is_stale(source, now) for source in self.sources)
            else ConnectionState.LIVE
        )

    def is_stale(self, source: SourceStatus, now: float) -> bool:
        """Return True if the data of `source` is older than `stale_after`, or there is none."""
        age = source.age(now)
        return age is None or age > self.stale_after

    def is_dimmed(self, source: SourceStatus, now: float) -> bool:
        """Return True if the data of `source` is stale and polling is not paused."""
        is_old = source.error is not None if source.answered_at is None else self.is_stale(source, now)
        return is_old and not self.paused

    @property
    def effective_interval(self) -> float:
        """Seconds between two polls while no events are behind: the interval, or what the rate limit allows."""
        return max(self.interval, self.allowed_interval)

    @property
    def interval_note(self) -> str:
        """Note for people if the rate limit makes polls less frequent than configured; else empty."""
        if self.limit is None:
            return ""
        return f"every {self.effective_interval:g} s: limited to {self.limit:,} a minute"

    @property
    def stale_after(self) -> float:
        """Age in seconds from which data is stale."""
        return max(STALE_INTERVALS * self.effective_interval, 1.5 * self.poll_interval)

    def age(self, now: float) -> float | None:
        """Return the age of the older source in seconds; None before the first response."""
        return max((age for source in self.sources if (age := source.age(now)) is not None), default=None)

    @property
    def next_at(self) -> float | None:
        """Time of the next fetch."""
        return min((source.next_at for source in self.sources if source.next_at is not None), default=None)

    @property
    def polls(self) -> int:
        """Number of completed polls of both sources."""
        return min(source.polls for source in self.sources)

    @property
    def failures(self) -> int:
        """Consecutive failures of the worse source."""
        return max(source.failures for source in self.sources)

    @property
    def stale_dropped(self) -> int:
        """Number of responses that were dropped because a newer one had been applied."""
        return sum(source.stale_dropped for source in self.sources)
