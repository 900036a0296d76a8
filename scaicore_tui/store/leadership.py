"""Which recorder of a journal on a server leads: only the leader polls the API and writes.

Each recorder reports to the journal that it is alive, several times per interval, with the server's clock. Others wait
and take over when the leader reports nothing. Correct content does not depend on this: a journal refuses what a former
leader writes (see `postgres.writer`). It only decides who tries.
"""

from __future__ import annotations

from msgspec import Struct

from scaicore_tui.errors import StorageError
from scaicore_tui.units import Micros

# In intervals of the leader. Its lock is free: it ended. Its lock is held: it is stuck, or the server has not noticed
# that its connection is lost. With the pause between two reports, a stand-by leads within two intervals.
ENDED_AFTER_INTERVALS = 0.5
STUCK_AFTER_INTERVALS = 1.5
# In the row of a recorder that ended: it will not poll again.
ENDED_INTERVAL_S = 0.0
# Shorter intervals count as this one: a busy machine may not report more often.
MIN_INTERVAL_S = 1.0
REPORTS_PER_INTERVAL = 4
MAX_REPORT_PAUSE_S = 3.0


class WriterReplaced(StorageError):
    """Another process has become the writer: this one must not write any more."""


class Leader(Struct, frozen=True):
    """Another recorder that leads. `since` is when it began, in microseconds since 1970; ages are in seconds.

    `polled_age_s` is how long ago the API last answered it; None if that never happened.
    """

    host: str
    since: Micros
    age_s: float
    interval_s: float
    polled_age_s: float | None = None


class Roster(Struct, frozen=True):
    """The answer to a report: who leads. `epoch` is the number of the newest leader, 0 before the first.

    `is_leader` is true if the recorder that reports is that leader; `leader` is another one that leads or has led last.
    """

    epoch: int = 0
    is_leader: bool = False
    leader: Leader | None = None


# No leader has this number.
NO_EPOCH = -1


class Report(Struct, frozen=True):
    """The state of one recorder, as it reports it. `epoch` is its number when it last led, or NO_EPOCH.

    `polled_age_us` is how long ago the API last answered it, in microseconds; None if it did not. `problem` is one line
    for people, empty if there is none.
    """

    name: str
    host: str
    epoch: int
    polled_age_us: int | None
    interval_s: float
    problem: str


class Claim(Struct, frozen=True):
    """How to become the leader: without `replaces`, only if the lock is free.

    `replaces` is the epoch that must still be the newest. `ends_holder`: the connection that holds the lock belongs to
    a stuck or lost leader, and the server ends it.
    """

    replaces: int | None = None
    ends_holder: bool = False


IF_FREE = Claim()


def report_pause_s(interval_s: float) -> float:
    """Return the seconds between two reports of a recorder that polls every `interval_s`."""
    return min(MAX_REPORT_PAUSE_S, max(interval_s, MIN_INTERVAL_S) / REPORTS_PER_INTERVAL)


def stuck_after_s(interval_s: float) -> float:
    """Return the seconds without a report after which a leader with this interval is replaced."""
    return STUCK_AFTER_INTERVALS * max(interval_s, MIN_INTERVAL_S)


def find_claim(roster: Roster, own_epoch: int | None, leaderless_s: float, interval_s: float) -> Claim | None:
    """Return how to become the leader now; None while another recorder leads.

    `own_epoch` is the number of this recorder when it last led. `leaderless_s` is for how long no recorder was seen
    that leads.
    """
    if own_epoch is not None and roster.epoch == own_epoch:
        # Nobody has led since. If the lock is held, then by a lost connection of this recorder.
        return Claim(own_epoch, ends_holder=True)
    leader = roster.leader
    age_s = leaderless_s if leader is None else leader.age_s
    stuck_s = stuck_after_s(interval_s if leader is None else leader.interval_s)
    if age_s >= stuck_s:
        return Claim(roster.epoch, ends_holder=True)
    ended_s = stuck_s * ENDED_AFTER_INTERVALS / STUCK_AFTER_INTERVALS
    return IF_FREE if leader is None or age_s >= ended_s else None
