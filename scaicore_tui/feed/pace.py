"""How often the newest page and the checkpoints are read, when there is much to catch up with. Pure.

Each look at the head costs the budget two requests, and at the API's ceiling nearly all of them are needed for pages
that nobody has read. So the looks come further apart the more there is behind, but never so far that what is shown is
of no use.
"""

from __future__ import annotations

from scaicore_tui.feed.page_size import MAX_LIMIT

SLOWEST = 30.0
# Up to so many pages the usual interval is kept; from so many on, the slowest is used.
FEW, MANY = 4, 20


def pace(interval: float, behind: int) -> float:
    """Seconds between two looks at the head, with so many events behind."""
    share = min(1.0, max(0.0, (behind / MAX_LIMIT - FEW) / (MANY - FEW)))
    return interval + share * max(0.0, SLOWEST - interval)


def upkeep(pace: float) -> float:
    """Requests a minute for the regular looks at that pace."""
    return 2 * 60.0 / pace
