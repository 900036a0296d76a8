"""A simulated feed that also accepts writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from scaicore_tui.actions import Ledger
from scaicore_tui.api.client import Client
from scaicore_tui.config import Target
from scaicore_tui.session import DEFAULT_BACKFILL, Session
from tests.support.builders import NOON, SECOND, checkpoint, started
from tests.support.feed_simulator import FeedSim
from tests.support.manual_clock import ManualClock


@dataclass
class WriteServer:
    """Serves `sim` and counts the POSTs; `write` answers them. `resolved` lists the resolved checkpoints."""

    sim: FeedSim
    write: Callable[[httpx.Request], httpx.Response]
    resolved: list[dict[str, Any]] = field(default_factory=list)
    posts: list[Any] = field(default_factory=list)

    def respond(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            self.posts.append(json.loads(request.content))
            return self.write(request)
        if b"status=resolved" in request.url.query:
            return httpx.Response(200, json={"data": {"checkpoints": self.resolved}})
        return self.sim.respond(request)

    def session(self, backfill: int = DEFAULT_BACKFILL, ledger: Ledger | None = None) -> Session:
        target = Target(url="http://127.0.0.1:1/api/v1")
        clock = ManualClock(NOON / SECOND)
        client = Client(target, httpx.MockTransport(self.respond), clock)
        return Session(target, clock=clock, client=client, backfill=backfill, ledger=ledger)


def one_checkpoint() -> FeedSim:
    """Return a feed with one run that waits at a checkpoint."""
    return FeedSim([started()], checkpoints=[checkpoint()])


def accept_write(_: httpx.Request) -> httpx.Response:
    """Accept the write."""
    return httpx.Response(200, json={"data": checkpoint(status="resolved", resolution="approve", resolved_by="me")})


def lose_response(request: httpx.Request) -> httpx.Response:
    """Break the connection instead of answering."""
    raise httpx.ReadError("connection reset", request=request)
