"""The server's sliding window, as far as it can be known here: what we sent, and what others must have sent. Pure.

Every moment is monotonic seconds and given. It errs towards less room: a request is forgotten here later than there.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from scaicore_tui.feed.quota import Quota

WINDOW = 60.0
# A server may count a request until it is answered, but surely not later than this: an invocation takes minutes.
_ON_ITS_WAY = 10.0
# Clocks differ a little in how fast they go, and servers in whether sixty seconds are over at the sixtieth.
_MARGIN = 0.05
# So much later at least, a request that was answered here is counted there still.
_SURELY = 1.0


class Spent(Struct, eq=False):
    """One request that counts until it `ends`; `answered` is when its answer came. One that is `patient` only catches
    up, or reads history."""

    begun: float
    ends: float
    answered: float | None = None
    foreign: bool = False
    patient: bool = False


class Window:
    """All requests that the server counts now."""

    def __init__(self) -> None:
        self._spent: list[Spent] = []

    def add(self, now: float, *, patient: bool) -> Spent:
        """One more of ours is sent."""
        spent = Spent(now, now + _ON_ITS_WAY + WINDOW, patient=patient)
        self._spent.append(spent)
        return spent

    def ended(self, spent: Spent, now: float) -> None:
        """It was answered, or given up: by now the server has counted it if it ever does."""
        spent.answered = now
        spent.ends = min(spent.ends, now + WINDOW + _MARGIN)

    def ends(self, now: float) -> Sequence[float]:
        """When each of those that count is forgotten, the soonest first."""
        self._spent = [spent for spent in self._spent if spent.ends > now]
        return sorted(spent.ends for spent in self._spent)

    def patient_ends(self) -> Sequence[float]:
        """The same of the patient ones."""
        return sorted(spent.ends for spent in self._spent if spent.patient)

    @property
    def foreign(self) -> int:
        """How many others have sent, as far as it shows."""
        return sum(spent.foreign for spent in self._spent)

    def reconcile(self, last: Spent, quota: Quota, now: float, reset_in: float | None) -> None:
        """The answer to `last` told how many the server counted: what ours don't explain, others have sent.

        `reset_in` are the seconds until it forgets its oldest.
        """
        own = [spent for spent in self._spent if not spent.foreign]
        foreign = sorted((spent for spent in self._spent if spent.foreign), key=lambda spent: spent.ends)
        least = quota.used - len(own)
        # Those under way at the same time may be counted in it or not.
        most = max(0, least, quota.used - sum(_is_surely_counted(spent, last, now) for spent in own))
        for spent in foreign[: max(0, len(foreign) - most)]:
            self._spent.remove(spent)
        self._add_foreign(max(0, least - len(foreign)), now, reset_in)

    def _add_foreign(self, count: int, now: float, reset_in: float | None) -> None:
        """Others sent so many at some time in the last minute: when is not told, but for the oldest."""
        ends = [now + WINDOW] * count
        soonest = min((spent.ends for spent in self._spent if not spent.foreign), default=now + WINDOW) - now
        if ends and reset_in is not None and 0 < reset_in < soonest - _SURELY:
            ends[0] = now + reset_in
        self._spent += [Spent(now, end, now, foreign=True) for end in ends]


def _is_surely_counted(spent: Spent, last: Spent, now: float) -> bool:
    """Whether it is in the number that the answer to `last` told."""
    if spent is last:
        return True
    return spent.answered is not None and spent.answered <= last.begun and spent.ends > now + _SURELY
