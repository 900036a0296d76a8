"""Limits the requests of each token in any sixty seconds."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Final

from scaicore_tui.clock import Clock
from scaicore_tui.servers.grid.http.auth import Principal
from scaicore_tui.servers.grid.http.problems import GridProblem

WINDOW_S: Final = 60.0
REQUESTS_PER_API_KEY: Final = 60
REQUESTS_PER_USER: Final = 120


@dataclass(frozen=True)
class RateLimitStatus:
    """The state after a request; `reset` is when the oldest counted request expires, in Unix seconds."""

    limit: int
    remaining: int
    reset: int

    def as_headers(self) -> dict[str, str]:
        """Return the response headers that report the status."""
        return {
            "X-Scaigrid-Ratelimit-Limit": str(self.limit),
            "X-Scaigrid-Ratelimit-Remaining": str(self.remaining),
            "X-Scaigrid-Ratelimit-Reset": str(self.reset),
        }


class RateLimiter:
    """A sliding window per token. Refused requests do not count."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counted: dict[str, deque[float]] = {}

    def count(self, principal: Principal) -> RateLimitStatus:
        """Count one request. Raises GridProblem 429 if the window is full."""
        now = self._clock.monotonic()
        counted = self._counted.setdefault(principal.token, deque())
        while counted and counted[0] <= now - WINDOW_S:
            counted.popleft()
        limit = REQUESTS_PER_API_KEY if principal.is_api_key else REQUESTS_PER_USER
        if len(counted) >= limit:
            raise self._too_many(counted[0] + WINDOW_S - now, limit)
        counted.append(now)
        return RateLimitStatus(limit, limit - len(counted), self._reset_at(counted[0] + WINDOW_S - now))

    def _too_many(self, wait_s: float, limit: int) -> GridProblem:
        seconds = max(1, math.ceil(wait_s))
        headers = {"Retry-After": str(seconds), **RateLimitStatus(limit, 0, self._reset_at(wait_s)).as_headers()}
        message = f"{limit} requests a minute are allowed; try again in {seconds} s"
        return GridProblem(429, "RATE_LIMITED", message, retry_after=seconds, headers=headers)

    def _reset_at(self, delay_s: float) -> int:
        return math.ceil(self._clock.now() + delay_s)
