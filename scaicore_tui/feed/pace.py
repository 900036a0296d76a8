"""How often the newest page and the checkpoints are read, when there is much to catch up with. Pure.

Each look at the head costs the budget two requests, and at the API's ceiling nearly all of them are needed for pages
that nobody has read. So the looks come further apart the more there is behind, but never so far that what is shown is
of no use. And they never take more than their share of what the rate limit allows: a person's writes, history, gaps and
look-ups have the rest.
"""

from __future__ import annotations

from math import ceil

from scaicore_tui.feed.page_size import MAX_LIMIT

SLOWEST = 30.0
# Requests of one poll: the newest page, and the checkpoints.
PER_POLL = 2
# The largest share of a minute's requests that polls take.
POLL_SHARE = 2 / 3
# An interval that is shorter than that by no more than this factor is kept: what others spend on the same key is an
# estimate, which moves with each answer.
TOLERANCE = 1.2
# Up to so many pages the usual interval is kept; from so many on, the slowest is used.
FEW, MANY = 4, 20


def pace(interval: float, behind: int) -> float:
    """Seconds between two looks at the head, with so many events behind."""
    share = min(1.0, max(0.0, (behind / MAX_LIMIT - FEW) / (MANY - FEW)))
    return interval + share * max(0.0, SLOWEST - interval)


def allowed(interval: float, available: float) -> float:
    """Seconds between two polls where so many requests a minute are available: the interval, or longer.

    A longer one is rounded up to whole seconds, or tenths below one: it is shown, and should rarely change.
    """
    shortest = PER_POLL * 60.0 / (POLL_SHARE * available)
    if shortest <= interval * TOLERANCE:
        return interval
    return float(ceil(shortest - 1e-9)) if shortest > 1 else ceil(shortest * 10 - 1e-9) / 10


def upkeep(pace: float) -> float:
    """Requests a minute for the regular looks at that pace."""
    return PER_POLL * 60.0 / pace
