"""Estimate of the server's sliding rate limit window: our requests, and those of others by inference. Pure.

Times are monotonic seconds and passed in. The estimate is conservative: a request expires here later than on the
server. Requests of others are stored as counts, so that memory does not grow with the numbers that a header claims.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from scaicore_tui.protocol.headers import parse_single_number

_PREFIX = "X-Scaigrid-Ratelimit-"
# Cap for the numbers in headers: more requests per minute than one client can send.
MAX_REQUESTS_PER_MINUTE = 1_000_000


class Quota(Struct, frozen=True):
    """Rate limit of a response: requests per 60 seconds and the remaining ones.

    `reset` is when the oldest counted request expires, in Unix seconds, if the response says so.
    """

    limit: int
    remaining: int
    reset: float | None = None

    @property
    def used(self) -> int:
        """Requests that the server counted, from all clients."""
        return self.limit - self.remaining


def read_quota(headers: Mapping[str, str]) -> Quota | None:
    """Return the quota in `headers`, capped at MAX_REQUESTS_PER_MINUTE; None if absent or invalid."""
    limit, remaining, reset = (
        parse_single_number(headers.get(_PREFIX + name)) for name in ("Limit", "Remaining", "Reset")
    )
    if limit is None or remaining is None or not 0 <= remaining <= limit or limit < 1:
        return None
    return Quota(int(min(limit, MAX_REQUESTS_PER_MINUTE)), int(min(remaining, MAX_REQUESTS_PER_MINUTE)), reset)


WINDOW_S = 60.0
# The server may count a request when it is answered, but not later than this: an invocation takes minutes.
_MAX_UNANSWERED_S = 10.0
# Allowance for clock drift, and for servers that count the 60th second as inside the window.
_MARGIN_S = 0.05
# A request that expires here later than this is certainly still counted by the server.
_SURELY_COUNTED_S = 1.0


class CountedRequest(Struct, eq=False):
    """One request that counts until `expires_at`; others' requests that expire together are one entry with `count`."""

    sent_at: float
    expires_at: float
    answered_at: float | None = None
    is_by_others: bool = False
    is_background: bool = False
    count: int = 1


class Expiries:
    """Expiry times of some requests, earliest first."""

    def __init__(self, request: Iterable[CountedRequest]) -> None:
        self._entries = sorted((one.expires_at, one.count) for one in request)
        self.total = sum(number for _, number in self._entries)

    def nth(self, number: int, now: float) -> float:
        """Return when `number` requests (at most all) have expired; `now` if `number` is not positive."""
        passed, expiry = 0, now
        for end, count in self._entries:
            if passed >= number:
                break
            passed, expiry = passed + count, end
        return expiry


class Window:
    """All requests that the server counts at present."""

    def __init__(self) -> None:
        self._requests: list[CountedRequest] = []

    def add(self, now: float, *, is_background: bool) -> CountedRequest:
        """Record a request that is being sent."""
        request = CountedRequest(now, now + _MAX_UNANSWERED_S + WINDOW_S, is_background=is_background)
        self._requests.append(request)
        return request

    def mark_answered(self, request: CountedRequest, now: float) -> None:
        """Record that `request` was answered or abandoned: the server has counted it by now, if at all."""
        request.answered_at = now
        request.expires_at = min(request.expires_at, now + WINDOW_S + _MARGIN_S)

    def expiries(self, now: float) -> Expiries:
        """Drop expired requests; return the expiry times of the others."""
        self._requests = [request for request in self._requests if request.expires_at > now]
        return Expiries(self._requests)

    def background_expiries(self) -> Expiries:
        """Return the expiry times of the background requests."""
        return Expiries(request for request in self._requests if request.is_background)

    @property
    def count_by_others(self) -> int:
        """Estimated number of requests by others in the window."""
        return sum(request.count for request in self._requests if request.is_by_others)

    def reconcile(self, last: CountedRequest, quota: Quota, now: float, reset_in: float | None) -> None:
        """Attribute requests that the server counted and this process did not send to others.

        `quota` came with the response to `last`; `reset_in` is the seconds until the server's oldest request expires.
        """
        own = [request for request in self._requests if not request.is_by_others]
        minimum = quota.used - len(own)
        # Our requests in flight may or may not be included in the server's count.
        maximum = max(0, minimum, quota.used - sum(_is_surely_counted(request, last, now) for request in own))
        self._remove_others(self.count_by_others - maximum)
        self._add_others(minimum - self.count_by_others, now, reset_in)

    def _remove_others(self, number: int) -> None:
        """Remove `number` requests of others, those that expire first."""
        for request in sorted(
            (request for request in self._requests if request.is_by_others), key=lambda request: request.expires_at
        ):
            taken = max(0, min(number, request.count))
            request.count, number = request.count - taken, number - taken
        self._requests = [request for request in self._requests if request.count]

    def _add_others(self, number: int, now: float, reset_in: float | None) -> None:
        """Add `number` requests of others; their times are unknown, except the expiry of the oldest (`reset_in`)."""
        soonest = (
            min((request.expires_at for request in self._requests if not request.is_by_others), default=now + WINDOW_S)
            - now
        )
        if number > 0 and reset_in is not None and 0 < reset_in < soonest - _SURELY_COUNTED_S:
            self._requests.append(CountedRequest(now, now + reset_in, now, is_by_others=True))
            number -= 1
        if number > 0:
            self._requests.append(CountedRequest(now, now + WINDOW_S, now, is_by_others=True, count=number))


def _is_surely_counted(request: CountedRequest, last: CountedRequest, now: float) -> bool:
    """Return True if the quota in the response to `last` certainly includes `request`."""
    if request is last:
        return True
    return (
        request.answered_at is not None
        and request.answered_at <= last.sent_at
        and request.expires_at > now + _SURELY_COUNTED_S
    )
