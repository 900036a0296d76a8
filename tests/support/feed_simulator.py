"""A simulated feed with a reference log: any page size, offset or key cursors, any order, new events between pages."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qs

import httpx

from scaicore_tui.api.client import Client
from scaicore_tui.api.response_body import BodyLimits
from scaicore_tui.config import Target
from scaicore_tui.protocol import Event
from scaicore_tui.session import Session
from tests.support.manual_clock import ManualClock

# The headers of a server without an effective rate limit.
UNLIMITED = {"X-Scaigrid-Ratelimit-Limit": "1000000", "X-Scaigrid-Ratelimit-Remaining": "999999"}


def longest_wait() -> float:
    """A random function for tests: after a failure always the longest wait."""
    return 1.0


class Responder(Protocol):
    """Responds to requests as a server does."""

    def respond(self, request: httpx.Request) -> httpx.Response: ...


@dataclass
class FeedSim:
    """Serves `log` (oldest first). Before each answer `arrive` may append to it."""

    log: list[Event] = field(default_factory=list)
    page_size: int = 500
    cursor_kind: str = "key"
    oldest_first: bool = False
    arrive: Callable[[], None] = lambda: None
    checkpoints: list[dict[str, Any]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    limits: BodyLimits = field(default_factory=BodyLimits)

    def respond(self, request: httpx.Request) -> httpx.Response:
        """Respond to one request."""
        self.requests.append(request.url.path)
        if not request.url.path.endswith("/events"):
            return httpx.Response(
                200, headers=UNLIMITED, json={"data": {"checkpoints": self.checkpoints, "next_cursor": None}}
            )
        self.arrive()
        query = parse_qs(request.url.query.decode())
        size = min(self.page_size, int(query["limit"][0]))
        events, next_cursor = self._page(size, query.get("cursor", [None])[0])
        body = b'{"data": {"events": [%b], "next_cursor": %b}}'
        parts = (b", ".join(event.raw for event in events), json.dumps(next_cursor).encode())
        return httpx.Response(200, headers=UNLIMITED, content=body % parts)

    def _page(self, size: int, cursor: str | None) -> tuple[list[Event], str | None]:
        """Return a page and its next cursor: an offset from the newest event, or a key, an index in the log."""
        ordered = self.log if self.oldest_first else self.log[::-1]
        begin = int(cursor or 0)
        if self.cursor_kind == "key" and not self.oldest_first and cursor is not None:
            begin = len(self.log) - begin
        end = begin + size
        if end >= len(ordered):
            return ordered[begin:], None
        keyed = self.cursor_kind == "key" and not self.oldest_first
        return ordered[begin:end], str(len(self.log) - end if keyed else end)

    def client(self) -> Client:
        """Return a client of this feed."""
        target = Target(url="http://127.0.0.1:1/api/v1", name="sim")
        return Client(target, httpx.MockTransport(self.respond), limits=self.limits)

    def session(self, backfill: int = 5_000) -> Session:
        """Return a session on this feed with a manual clock."""
        client = self.client()
        return Session(client.target, clock=ManualClock(), client=client, backfill=backfill, random_fn=longest_wait)
