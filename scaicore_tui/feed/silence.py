"""The transport of a client that is offline: no request leaves it."""

from __future__ import annotations

from scaicore_tui.errors import CannotReach
from scaicore_tui.feed.lean_httpx import httpx


class Silence(httpx.AsyncBaseTransport):
    """Refuses everything."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises CannotReach: nothing was sent."""
        raise CannotReach("offline: a journal is shown, nothing is asked of a server", kept="nothing was sent")
