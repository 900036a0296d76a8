"""A server that enforces the documented rate limit."""

from __future__ import annotations

from collections import deque

from tests.support.manual_clock import ManualClock

REQUESTS_PER_MINUTE = 60


class RateLimitedServer:
    """Accepts `limit` requests in any 60 seconds, and refuses the others."""

    def __init__(self, clock: ManualClock, limit: int = REQUESTS_PER_MINUTE, *, sends_headers: bool = True) -> None:
        self.refused = 0
        self._clock = clock
        self._limit = limit
        self._sends_headers = sends_headers
        self._accepted: deque[float] = deque()

    def count_request(self) -> tuple[int, dict[str, str]]:
        """Count one request; return the status and the headers of the response."""
        now = self._clock.monotonic()
        while self._accepted and self._accepted[0] <= now - 60:
            self._accepted.popleft()
        accepted = len(self._accepted) < self._limit
        if accepted:
            self._accepted.append(now)
        headers = self._headers(now) if self._sends_headers else {}
        return (200, headers) if accepted else (429, headers | {"Retry-After": "7"})

    def _headers(self, now: float) -> dict[str, str]:
        left = self._limit - len(self._accepted)
        reset = self._clock.now() + self._accepted[0] + 60 - now
        values = {"Limit": self._limit, "Remaining": left, "Reset": int(reset) + 1}
        return {f"X-Scaigrid-Ratelimit-{name}": str(value) for name, value in values.items()}
