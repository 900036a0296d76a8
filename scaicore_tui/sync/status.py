"""What is known of the connection: for the status bar, which must never lie about age.

Two things are read, the feed's events and the pending checkpoints. Each may fail without the other, and is judged by
itself; the whole is worth what its worse part is.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from scaicore_tui.errors import ScaicoreError, Unreachable

STALE_INTERVALS = 3
# Seconds: clocks that differ by less tell the same ages, about.
MAX_SKEW_S = 60.0


class ConnectionState(StrEnum):
    """What the data on the screen is worth."""

    CONNECTING = "connecting"
    LIVE = "live"
    PAUSED = "paused"
    STALE = "stale"
    OFFLINE = "offline"


class SourceStatus(Struct, frozen=True):
    """One of the two after its latest fetch. Moments are monotonic seconds."""

    answered_at: float | None = None
    next_at: float | None = None
    error: ScaicoreError | None = None
    failures: int = 0
    latency_ms: float | None = None
    polls: int = 0
    stale_dropped: int = 0

    def age(self, now: float) -> float | None:
        """Seconds since what is shown was true, of checkpoints on many pages the first of these (the others:
        `PendingStatus.oldest_at`); None where nothing was read yet."""
        return None if self.answered_at is None else now - self.answered_at


class ConnectionStatus(Struct, frozen=True):
    """The connection. Moments are monotonic seconds.

    Each part is asked for once a `pace`, which is the interval, or more where so many events are `behind` (0: an
    unknown number; None: nothing is). Where the interval is faster than a `limit` of requests a minute allows,
    `shortest` is used in its place. Until `held_until` the budget lets nothing go, not even a write: the minute is
    spent, or the server said 429. By so many seconds the server's clock is ahead of ours: `skew`.
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

    @property
    def is_skewed(self) -> bool:
        """Whether the two clocks tell ages that differ."""
        return abs(self.clock_skew) > MAX_SKEW_S

    @property
    def sources(self) -> tuple[SourceStatus, SourceStatus]:
        return self.events, self.checkpoints

    def state(self, now: float) -> ConnectionState:
        """Live only while answers come; silence for three intervals is stale, whatever the reason."""
        if self.paused:
            return ConnectionState.PAUSED
        errors = [part.error for part in self.sources if part.error is not None]
        if errors:
            return (
                ConnectionState.OFFLINE
                if any(isinstance(error, Unreachable) for error in errors)
                else ConnectionState.STALE
            )
        if any(part.answered_at is None for part in self.sources):
            return ConnectionState.CONNECTING
        return ConnectionState.STALE if any(self.is_stale(part, now) for part in self.sources) else ConnectionState.LIVE

    def is_stale(self, source: SourceStatus, now: float) -> bool:
        """Whether a part was true too long ago, or never was."""
        age = source.age(now)
        return age is None or age > self.stale_after

    def is_dimmed(self, source: SourceStatus, now: float) -> bool:
        """Whether what is shown of a part was true long ago, and nobody wanted that."""
        is_old = source.error is not None if source.answered_at is None else self.is_stale(source, now)
        return is_old and not self.paused

    @property
    def effective_interval(self) -> float:
        """Seconds between two polls while nothing is behind: the interval, or what the rate limit allows."""
        return max(self.interval, self.allowed_interval)

    @property
    def interval_note(self) -> str:
        """Say how often is polled, where the rate limit makes that less often than was asked for; else empty."""
        if self.limit is None:
            return ""
        return f"every {self.effective_interval:g} s: limited to {self.limit:,} a minute"

    @property
    def stale_after(self) -> float:
        """After so many seconds of silence something is wrong."""
        return max(STALE_INTERVALS * self.effective_interval, 1.5 * self.poll_interval)

    def age(self, now: float) -> float | None:
        """Seconds since both parts were true; None where nothing was read yet."""
        return max((age for part in self.sources if (age := part.age(now)) is not None), default=None)

    @property
    def next_at(self) -> float | None:
        """When something is asked for next."""
        return min((part.next_at for part in self.sources if part.next_at is not None), default=None)

    @property
    def polls(self) -> int:
        """How often both were read."""
        return min(part.polls for part in self.sources)

    @property
    def failures(self) -> int:
        """How often in a row the worse one failed."""
        return max(part.failures for part in self.sources)

    @property
    def stale_dropped(self) -> int:
        """How many answers came too late."""
        return sum(part.stale_dropped for part in self.sources)
