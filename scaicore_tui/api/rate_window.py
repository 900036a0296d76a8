"""The server's sliding window, as far as it can be known here: what we sent, and what others must have sent. Pure.

Every moment is monotonic seconds and given. It errs towards less room: a request is forgotten here later than there.
Requests of others are kept as counts, so that memory grows with what we send and never with what a header claims.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from scaicore_tui.protocol.headers import parse_single_number

_PREFIX = "X-Scaigrid-Ratelimit-"
# More requests a minute than any one client can send: a higher limit is as good as this one.
MAX_QUOTA = 1_000_000


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
    limit, remaining, reset = (
        parse_single_number(headers.get(_PREFIX + name)) for name in ("Limit", "Remaining", "Reset")
    )
    if limit is None or remaining is None or not 0 <= remaining <= limit or limit < 1:
        return None
    return Quota(int(min(limit, MAX_QUOTA)), int(min(remaining, MAX_QUOTA)), reset)


WINDOW = 60.0
# A server may count a request until it is answered, but surely not later than this: an invocation takes minutes.
_ON_ITS_WAY = 10.0
# Clocks differ a little in how fast they go, and servers in whether sixty seconds are over at the sixtieth.
_MARGIN = 0.05
# So much later at least, a request that was answered here is counted there still.
_SURELY = 1.0


class CountedRequest(Struct, eq=False):
    """One request that counts until it `ends`; `answered` is when its answer came. One that is `patient` only catches
    up, or reads history. Those of others are one entry with their `number`, where they end together."""

    begun: float
    expires: float
    answered: float | None = None
    by_others: bool = False
    background: bool = False
    number: int = 1


class Ends:
    """When each of some requests is forgotten, the soonest first."""

    def __init__(self, spent: Iterable[CountedRequest]) -> None:
        self._entries = sorted((one.expires, one.number) for one in spent)
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
        self._spent: list[CountedRequest] = []

    def add(self, now: float, *, patient: bool) -> CountedRequest:
        """One more of ours is sent."""
        spent = CountedRequest(now, now + _ON_ITS_WAY + WINDOW, background=patient)
        self._spent.append(spent)
        return spent

    def ended(self, spent: CountedRequest, now: float) -> None:
        """It was answered, or given up: by now the server has counted it if it ever does."""
        spent.answered = now
        spent.expires = min(spent.expires, now + WINDOW + _MARGIN)

    def ends(self, now: float) -> Ends:
        """When each of those that count is forgotten."""
        self._spent = [spent for spent in self._spent if spent.expires > now]
        return Ends(self._spent)

    def patient_ends(self) -> Ends:
        """The same of the patient ones."""
        return Ends(spent for spent in self._spent if spent.background)

    @property
    def foreign(self) -> int:
        """How many others have sent, as far as it shows."""
        return sum(spent.number for spent in self._spent if spent.by_others)

    def reconcile(self, last: CountedRequest, quota: Quota, now: float, reset_in: float | None) -> None:
        """The answer to `last` told how many the server counted: what ours don't explain, others have sent.

        `reset_in` are the seconds until it forgets its oldest.
        """
        own = [spent for spent in self._spent if not spent.by_others]
        least = quota.used - len(own)
        # Those under way at the same time may be counted in it or not.
        most = max(0, least, quota.used - sum(_is_surely_counted(spent, last, now) for spent in own))
        self._remove_foreign(self.foreign - most)
        self._add_foreign(least - self.foreign, now, reset_in)

    def _remove_foreign(self, number: int) -> None:
        """Forget so many requests of others, those first that would be forgotten soonest."""
        for spent in sorted((spent for spent in self._spent if spent.by_others), key=lambda spent: spent.expires):
            taken = max(0, min(number, spent.number))
            spent.number, number = spent.number - taken, number - taken
        self._spent = [spent for spent in self._spent if spent.number]

    def _add_foreign(self, number: int, now: float, reset_in: float | None) -> None:
        """Others sent so many at some time in the last minute: when is not told, but for the oldest."""
        soonest = min((spent.expires for spent in self._spent if not spent.by_others), default=now + WINDOW) - now
        if number > 0 and reset_in is not None and 0 < reset_in < soonest - _SURELY:
            self._spent.append(CountedRequest(now, now + reset_in, now, by_others=True))
            number -= 1
        if number > 0:
            self._spent.append(CountedRequest(now, now + WINDOW, now, by_others=True, number=number))


def _is_surely_counted(spent: CountedRequest, last: CountedRequest, now: float) -> bool:
    """Whether it is in the number that the answer to `last` told."""
    if spent is last:
        return True
    return spent.answered is not None and spent.answered <= last.begun and spent.expires > now + _SURELY
