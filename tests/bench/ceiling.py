"""A feed near the limit of the API: nearly all of its 60 requests of 500 events per minute are needed to read it.

The server enforces the rate limit of the API, the session is that of the app, and the clock jumps to the next due time.
The measurement therefore takes only the time of the work itself.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, deque
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import httpx

from scaicore_tui.api.client import Client
from scaicore_tui.config import Target
from scaicore_tui.session import Session
from scaicore_tui.timefmt import format_iso
from tests.support.builders import NOON, RUNTIME, SECOND
from tests.support.manual_clock import ManualClock
from tests.support.waiting import let_run

MAX_REQUESTS, PAGE_EVENTS, WINDOW_S = 60, 500, 60.0
SHARE = 0.95
RATE = SHARE * MAX_REQUESTS * PAGE_EVENTS / WINDOW_S  # events per second
LATENCY_S = 0.05
CONCURRENT_RUNS = 24  # runs in progress at any time
# Turns of the event loop after which all work is done that does not wait for the clock.
TURNS = 40
# Seconds within which the remaining events are read once no new ones arrive.
MAX_REMAINDER_S = 600.0


@dataclass(frozen=True)
class Ceiling:
    """The result. `oldest_head` is the maximum age of the shown data in seconds, `most_behind` a number of events."""

    lost: int
    duplicates: int
    rejected: int
    offered: int
    requests: int
    oldest_head: float
    most_behind: int
    behind_at_end: int

    @property
    def counts(self) -> tuple[int, int, int]:
        """Return the numbers of lost events, of duplicates, and of our requests rejected with 429."""
        return self.lost, self.duplicates, self.rejected


@dataclass
class Server:
    """A server with a page of events, to which events are added at a constant rate for the first `seconds`."""

    clock: ManualClock
    seconds: float
    rate: float = RATE
    log: list[bytes] = field(default_factory=list)
    rejected: int = 0
    _accepted: deque[float] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.log += [event(number) for number in range(PAGE_EVENTS)]

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Return a response after the network's latency."""
        await self.clock.sleep(LATENCY_S / 2)
        response = self.respond(request)
        await self.clock.sleep(LATENCY_S / 2)
        return response

    def catch_up(self) -> None:
        """Add the events that are due by now."""
        due = PAGE_EVENTS + int(min(self.clock.monotonic(), self.seconds) * self.rate)
        self.log += [event(number) for number in range(len(self.log), due)]

    def respond(self, request: httpx.Request) -> httpx.Response:
        """Return the response now, a rejection if the rate limit is used up."""
        now = self.clock.monotonic()
        while self._accepted and self._accepted[0] <= now - WINDOW_S:
            self._accepted.popleft()
        if len(self._accepted) >= MAX_REQUESTS:
            self.rejected += 1
            return httpx.Response(429, headers=self._headers(now) | {"Retry-After": "5"}, json={"detail": "too many"})
        self._accepted.append(now)
        return httpx.Response(200, headers=self._headers(now), content=self._body(request))

    def _headers(self, now: float) -> dict[str, str]:
        quota = {
            "Limit": MAX_REQUESTS,
            "Remaining": MAX_REQUESTS - len(self._accepted),
            "Reset": int(self.clock.now() + self._accepted[0] + WINDOW_S - now) + 1,
        }
        return {f"X-Scaigrid-Ratelimit-{name}": str(value) for name, value in quota.items()}

    def _body(self, request: httpx.Request) -> bytes:
        if not request.url.path.endswith("/events"):
            return b'{"data": {"checkpoints": [], "next_cursor": null}}'
        self.catch_up()
        query = parse_qs(request.url.query.decode())
        end = int(query.get("cursor", [len(self.log)])[0])
        begin = max(0, end - int(query["limit"][0]))
        cursor = json.dumps(str(begin) if begin else None).encode()
        page = b", ".join(reversed(self.log[begin:end]))
        return b'{"data": {"events": [%b], "next_cursor": %b}}' % (page, cursor)


def event(number: int) -> bytes:
    """Return the event with that number. Runs of twelve events overlap; times in whole seconds make events similar."""
    block, lane = divmod(number, CONCURRENT_RUNS)
    turn, step = divmod(block, 12)
    kind = _KINDS[step]
    stamp = format_iso(NOON + int(number / RATE) * SECOND)
    node = f'"node_id": "n{(step - 1) // 2}", "block_kind": "rigid"' if kind.startswith("block") else '"node_id": null'
    return (
        f'{{"type": "{RUNTIME}{kind}", "core_id": "core_{lane % 5}", "timestamp": "{stamp}", '
        f'"payload": {{"execution_id": "exec_{turn:05}_{lane:02}", {node}}}}}'
    ).encode()


_KINDS = ("invocation.started", *("block.entered", "block.exited") * 5, "invocation.completed")


async def watch(seconds: float, rate: float = RATE) -> Ceiling:
    """Follow a feed of `rate` events per second for `seconds` of its clock, and until all of its events are read."""
    clock = ManualClock(NOON / SECOND)
    server = Server(clock, seconds, rate)
    target = Target(url="http://127.0.0.1:1/api/v1", name="ceiling", interval=5.0)
    client = Client(target, httpx.MockTransport(server.answer), clock)
    oldest, max_behind, at_end = 0.0, 0, 0
    async with Session(target, clock=clock, client=client, backfill=10**9) as session:
        running = asyncio.create_task(session.run())
        while not (clock.monotonic() > seconds and is_read(session, server)):
            await let_run(session, TURNS)
            clock.skip()
            state = session.connection, len(session.journal), len(server.log)
            assert clock.monotonic() < seconds + MAX_REMAINDER_S, state
            if clock.monotonic() <= seconds:
                at_end = session.connection.behind or 0
                oldest = max(oldest, session.connection.age(clock.monotonic()) or 0.0)
                max_behind = max(max_behind, at_end)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        found, offered = Counter(step.raw for step in session.journal.events()), Counter(server.log)
    return Ceiling(
        lost=(offered - found).total(),
        duplicates=(found - offered).total(),
        rejected=server.rejected,
        offered=len(server.log),
        requests=client.requests,
        oldest_head=oldest,
        most_behind=max_behind,
        behind_at_end=at_end,
    )


def is_read(session: Session, server: Server) -> bool:
    """Return True if the session has all events of the server."""
    server.catch_up()
    return session.connection.behind is None and len(session.journal) >= len(server.log)
