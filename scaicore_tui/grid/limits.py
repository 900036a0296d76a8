"""How often a caller may ask: so many requests in any sixty seconds."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Final

from scaicore_tui.clock import Clock
from scaicore_tui.grid.auth import Caller
from scaicore_tui.grid.problems import Problem

WINDOW: Final = 60.0
PER_API_KEY: Final = 60
PER_USER: Final = 120


@dataclass(frozen=True)
class Quota:
    """What is left after a request; `reset` is when the oldest counted one no longer counts, in Unix seconds."""

    limit: int
    remaining: int
    reset: int

    def as_headers(self) -> dict[str, str]:
        return {
            "X-Scaigrid-Ratelimit-Limit": str(self.limit),
            "X-Scaigrid-Ratelimit-Remaining": str(self.remaining),
            "X-Scaigrid-Ratelimit-Reset": str(self.reset),
        }


class RateLimits:
    """A sliding window for each token. Refused requests do not count."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._taken: dict[str, deque[float]] = {}

    def take(self, caller: Caller) -> Quota:
        """Count one request. Raises a 429 Problem when the window is full."""
        now = self._clock.monotonic()
        taken = self._taken.setdefault(caller.token, deque())
        while taken and taken[0] <= now - WINDOW:
            taken.popleft()
        limit = PER_API_KEY if caller.is_api_key else PER_USER
        if len(taken) >= limit:
            raise self._refusal(taken[0] + WINDOW - now, limit)
        taken.append(now)
        return Quota(limit, limit - len(taken), self._unix(taken[0] + WINDOW - now))

    def _refusal(self, wait: float, limit: int) -> Problem:
        seconds = max(1, math.ceil(wait))
        headers = {"Retry-After": str(seconds), **Quota(limit, 0, self._unix(wait)).as_headers()}
        message = f"{limit} requests a minute are allowed; try again in {seconds} s"
        return Problem(429, "RATE_LIMITED", message, retry_after=seconds, headers=headers)

    def _unix(self, ahead: float) -> int:
        return math.ceil(self._clock.now() + ahead)
