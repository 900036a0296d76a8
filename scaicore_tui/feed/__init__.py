"""From HTTP pages to events in order: transport, client, sweep, stitch, poller."""

from scaicore_tui.feed.client import Client
from scaicore_tui.feed.link import Link, LinkState
from scaicore_tui.feed.poller import Answer, Poller
from scaicore_tui.feed.stitch import join, surplus

__all__ = ["Answer", "Client", "Link", "LinkState", "Poller", "join", "surplus"]
