"""The server's sliding window, as far as it can be known here: what we sent, and what others must have sent. Pure.

Every moment is monotonic seconds and given. It errs towards less room: a request is forgotten here later than there.
Requests of others are kept as counts, so that memory grows with what we send and never with what a header claims.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from scaicore_tui.protocol.headers import single_number

_PREFIX = "X-Scaigrid-Ratelimit-"
# More requests a minute than any one client can send: a higher limit is as good as this one.
MAX_REQUESTS_PER_MINUTE = 1_000_000


class Quota(Struct, frozen=True):
    """So many requests in any sixty seconds, so many left; `reset` is when the oldest counted one is forgotten, in
    Unix seconds, where the answer says so."""

    limit: int
    remaining: int
    reset: float | None = None

    @property
    def used(self) -> int:
        """How many the server counted, whoever sent them."""
        return self.limit - self.remaining


def read_quota(headers: Mapping[str, str]) -> Quota | None:
    """The quota of an answer; None where it says nothing that makes sense. Both numbers are bounded."""
    limit, remaining, reset = (single_number(headers.get(_PREFIX + name)) for name in ("Limit", "Remaining", "Reset"))
    if limit is None or remaining is None or not 0 <= remaining <= limit or limit < 1:
        return None
    return Quota(int(min(limit, MAX_REQUESTS_PER_MINUTE)), int(min(remaining, MAX_REQUESTS_PER_MINUTE)), reset)


WINDOW_S = 60.0
# A server may count a request until it is answered, but surely not later than this: an invocation takes minutes.
_MAX_UNANSWERED_S = 10.0
# Clocks differ a little in how fast they go, and servers in whether sixty seconds are over at the sixtieth.
_MARGIN_S = 0.05
# So much later at least, a request that was answered here is counted there still.
_SURELY_COUNTED_S = 1.0


class CountedRequest(Struct, eq=False):
    """One request that counts until it `ends`; `answered` is when its answer came. One that is `patient` only catches
    up, or reads history. Those of others are one entry with their `number`, where they end together."""

    sent_at: float
    expires_at: float
    answered_at: float | None = None
    is_by_others: bool = False
    is_background: bool = False
    count: int = 1


class Expiries:
    """When each of some requests is forgotten, the soonest first."""

    def __init__(self, spent: Iterable[CountedRequest]) -> None:
        self._entries = sorted((one.expires_at, one.count) for one in spent)
        self.total = sum(number for _, number in self._entries)

    def nth(self, number: int, now: float) -> float:
        """Return when so many of them have ended, at the latest all of them; `now` where that needs none."""
        passed, moment = 0, now
        for end, count in self._entries:
            if passed >= number:
                break
            passed, moment = passed + count, end
        return moment


class Window:
    """All requests that the server counts now."""

    def __init__(self) -> None:
        self._requests: list[CountedRequest] = []

    def add(self, now: float, *, is_background: bool) -> CountedRequest:
        """One more of ours is sent."""
        spent = CountedRequest(now, now + _MAX_UNANSWERED_S + WINDOW_S, is_background=is_background)
        self._requests.append(spent)
        return spent

    def mark_answered(self, request: CountedRequest, now: float) -> None:
        """It was answered, or given up: by now the server has counted it if it ever does."""
        request.answered_at = now
        request.expires_at = min(request.expires_at, now + WINDOW_S + _MARGIN_S)

    def expiries(self, now: float) -> Expiries:
        """When each of those that count is forgotten."""
        self._requests = [spent for spent in self._requests if spent.expires_at > now]
        return Expiries(self._requests)

    def background_expiries(self) -> Expiries:
        """The same of the patient ones."""
        return Expiries(spent for spent in self._requests if spent.is_background)

    @property
    def count_by_others(self) -> int:
        """How many others have sent, as far as it shows."""
        return sum(spent.count for spent in self._requests if spent.is_by_others)

    def reconcile(self, last: CountedRequest, quota: Quota, now: float, reset_in: float | None) -> None:
        """The answer to `last` told how many the server counted: what ours don't explain, others have sent.

        `reset_in` are the seconds until it forgets its oldest.
        """
        own = [spent for spent in self._requests if not spent.is_by_others]
        least = quota.used - len(own)
        # Those under way at the same time may be counted in it or not.
        most = max(0, least, quota.used - sum(_is_surely_counted(spent, last, now) for spent in own))
        self._remove_others(self.count_by_others - most)
        self._add_others(least - self.count_by_others, now, reset_in)

    def _remove_others(self, number: int) -> None:
        """Forget so many requests of others, those first that would be forgotten soonest."""
        for spent in sorted(
            (spent for spent in self._requests if spent.is_by_others), key=lambda spent: spent.expires_at
        ):
            taken = max(0, min(number, spent.count))
            spent.count, number = spent.count - taken, number - taken
        self._requests = [spent for spent in self._requests if spent.count]

    def _add_others(self, number: int, now: float, reset_in: float | None) -> None:
        """Others sent so many at some time in the last minute: when is not told, but for the oldest."""
        soonest = (
            min((spent.expires_at for spent in self._requests if not spent.is_by_others), default=now + WINDOW_S) - now
        )
        if number > 0 and reset_in is not None and 0 < reset_in < soonest - _SURELY_COUNTED_S:
            self._requests.append(CountedRequest(now, now + reset_in, now, is_by_others=True))
            number -= 1
        if number > 0:
            self._requests.append(CountedRequest(now, now + WINDOW_S, now, is_by_others=True, count=number))


def _is_surely_counted(request: CountedRequest, last: CountedRequest, now: float) -> bool:
    """Whether it is in the number that the answer to `last` told."""
    if request is last:
        return True
    return (
        request.answered_at is not None
        and request.answered_at <= last.sent_at
        and request.expires_at > now + _SURELY_COUNTED_S
    )
