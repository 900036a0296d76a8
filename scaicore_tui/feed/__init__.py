"""From HTTP pages to events in order: transport, budget, client, sweep, descent, stitch, pollers."""

from scaicore_tui.feed.backoff import Backoff, Chance
from scaicore_tui.feed.budget import Budget, Rank
from scaicore_tui.feed.client import Client
from scaicore_tui.feed.descent import Descent
from scaicore_tui.feed.known import Known
from scaicore_tui.feed.link import Link, LinkState, Part
from scaicore_tui.feed.pollers import Pollers
from scaicore_tui.feed.stitch import surplus
from scaicore_tui.feed.sweep import Sweep

__all__ = [
    "Backoff",
    "Budget",
    "Chance",
    "Client",
    "Descent",
    "Known",
    "Link",
    "LinkState",
    "Part",
    "Pollers",
    "Rank",
    "Sweep",
    "surplus",
]
