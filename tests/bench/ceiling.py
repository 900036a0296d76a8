"""The feed near the API's ceiling: 60 requests a minute of 500 events, of which all but a few percent are needed.

A server that counts and refuses as the API does, a session as the app has it, and a clock that jumps from one thing
that is due to the next. What costs the machine time is only the work itself.
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

LIMIT, PAGE, WINDOW = 60, 500, 60.0
SHARE = 0.95
RATE = SHARE * LIMIT * PAGE / WINDOW  # events a second
LATENCY = 0.05
AT_ONCE = 24  # runs under way at any time
# Turns of the event loop within which everything is done that doesn't wait for the clock.
TURNS = 40
# Once nothing more comes in, what is behind is read within so many seconds.
GRACE = 600.0


@dataclass(frozen=True)
class Ceiling:
    """What came of it. `oldest_head` is the age in seconds that what is shown had at most; `most_behind` in events."""

    lost: int
    doubled: int
    refused: int
    offered: int
    requests: int
    oldest_head: float
    most_behind: int
    behind_at_end: int

    @property
    def counts(self) -> tuple[int, int, int]:
        """Lost, doubled, own 429s."""
        return self.lost, self.doubled, self.refused


@dataclass
class Server:
    """Events come in evenly from the start of the clock until `seconds` later; some are there before."""

    clock: ManualClock
    seconds: float
    rate: float = RATE
    log: list[bytes] = field(default_factory=list)
    refused: int = 0
    _taken: deque[float] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.log += [event(number) for number in range(PAGE)]

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """One answer, after a while on the wire."""
        await self.clock.sleep(LATENCY / 2)
        response = self._answer(request)
        await self.clock.sleep(LATENCY / 2)
        return response

    def catch_up(self) -> None:
        """Let in what is due by now."""
        due = PAGE + int(min(self.clock.monotonic(), self.seconds) * self.rate)
        self.log += [event(number) for number in range(len(self.log), due)]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        now = self.clock.monotonic()
        while self._taken and self._taken[0] <= now - WINDOW:
            self._taken.popleft()
        if len(self._taken) >= LIMIT:
            self.refused += 1
            return httpx.Response(429, headers=self._headers(now) | {"Retry-After": "5"}, json={"detail": "too many"})
        self._taken.append(now)
        return httpx.Response(200, headers=self._headers(now), content=self._body(request))

    def _headers(self, now: float) -> dict[str, str]:
        told = {
            "Limit": LIMIT,
            "Remaining": LIMIT - len(self._taken),
            "Reset": int(self.clock.now() + self._taken[0] + WINDOW - now) + 1,
        }
        return {f"X-Scaigrid-Ratelimit-{name}": str(value) for name, value in told.items()}

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
    """The event of that number: runs of twelve events, some at once, and all the more alike for whole seconds."""
    block, lane = divmod(number, AT_ONCE)
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
    """Watch a feed of that `rate` for so many seconds of its clock, and until all of it is read."""
    clock = ManualClock(NOON / SECOND)
    server = Server(clock, seconds, rate)
    target = Target(url="http://127.0.0.1:1/api/v1", name="ceiling", interval=5.0)
    client = Client(target, httpx.MockTransport(server.answer), clock)
    oldest, most, at_end = 0.0, 0, 0
    async with Session(target, clock=clock, client=client, backfill=10**9) as session:
        running = asyncio.create_task(session.run())
        while not (clock.monotonic() > seconds and is_read(session, server)):
            await let_run(session, TURNS)
            clock.skip()
            assert clock.monotonic() < seconds + GRACE, (session.connection, len(session.journal), len(server.log))
            if clock.monotonic() <= seconds:
                at_end = session.connection.behind or 0
                oldest, most = max(oldest, session.connection.age(clock.monotonic()) or 0.0), max(most, at_end)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        found, offered = Counter(step.raw for step in session.journal.events()), Counter(server.log)
    return Ceiling(
        lost=(offered - found).total(),
        doubled=(found - offered).total(),
        refused=server.refused,
        offered=len(server.log),
        requests=client.requests,
        oldest_head=oldest,
        most_behind=most,
        behind_at_end=at_end,
    )


def is_read(session: Session, server: Server) -> bool:
    """Whether nothing is missing that anybody knows of."""
    server.catch_up()
    return session.connection.behind is None and len(session.journal) >= len(server.log)


def at_the_ceiling(seconds: float = 300.0) -> Ceiling:
    """The row: the feed at 95 % of the ceiling for five minutes; lost, doubled and own 429s must be 0."""
    return asyncio.run(watch(seconds))
