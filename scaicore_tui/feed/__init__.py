"""From HTTP pages to events in order: transport, budget, client, sweep, descent, stitch, poller."""

from scaicore_tui.feed.budget import Budget, Rank
from scaicore_tui.feed.client import Client
from scaicore_tui.feed.descent import Descent
from scaicore_tui.feed.known import Known
from scaicore_tui.feed.link import Link, LinkState
from scaicore_tui.feed.poller import Answer, Poller
from scaicore_tui.feed.stitch import surplus
from scaicore_tui.feed.sweep import Sweep

__all__ = ["Answer", "Budget", "Client", "Descent", "Known", "Link", "LinkState", "Poller", "Rank", "Sweep", "surplus"]
