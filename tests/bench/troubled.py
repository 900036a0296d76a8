"""A server on a bad day: it has the API's limits, restarts and forgets its cursors, and of its answers some are wrong,
late, cut or lost.
"""

from __future__ import annotations

import json
import random
from collections import Counter, deque
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote

import httpx

from tests.bench.day import RUN_SECONDS, Day

LIMIT, WINDOW = 60, 60.0
LATENCY = 0.2
# So long nothing answers that was asked for, once in so many seconds.
RESTART_EVERY, DOWN_SECONDS = 3_000.0, 45.0
# Of a hundred requests, so many meet each kind of trouble.
TROUBLE = {"error": 2, "gateway": 1, "busy": 1, "too many": 1, "lost": 2, "cut": 1, "slow": 1, "login": 1}
NONE = "none"
WE = "usr_we"


class Troubled:
    """Answers requests about a `day`, until it is told to be `calm`.

    `refused` counts requests beyond the limit, `met` the trouble, `posts` the answers to each checkpoint that arrived.
    """

    def __init__(self, day: Day, seed: int = 7) -> None:
        self.calm = False
        self.refused = 0
        self.met: Counter[str] = Counter()
        self.posts: Counter[str] = Counter()
        self._day = day
        self._clock = day.clock
        self._chance = random.Random(seed)  # noqa: S311  (a day that can be had again is wanted, not a secret)
        self._taken: deque[float] = deque()
        self._restarts = 0
        self._answers = 0

    async def respond(self, request: httpx.Request) -> httpx.Response:
        """One answer, after a while on the wire; or what went wrong with it."""
        await self._clock.sleep(LATENCY)
        self._day.go_on()
        if self._is_down():
            self.met["down"] += 1
            raise httpx.ConnectError("connection refused")
        if not self._is_allowed():
            self.refused += 1
            return self._said(429, "too many", **{"Retry-After": "5"})
        kind = self._trouble()
        self.met[kind] += 1
        return await self._with(kind, lambda: self._read(request) if request.method == "GET" else self._write(request))

    def _trouble(self) -> str:
        kinds = {} if self.calm else TROUBLE
        return self._chance.choices([*kinds, NONE], [*kinds.values(), 100 - sum(kinds.values())])[0]

    async def _with(self, kind: str, act: Callable[[], httpx.Response]) -> httpx.Response:
        """What comes of it. Whether it was done before things went wrong is mostly a matter of chance."""
        if kind == "too many":
            return self._said(429, "too many", **{"Retry-After": "4"})
        done = act() if kind in (NONE, "cut") or self._chance.random() < 0.5 else self._said(200, "nothing")
        match kind:
            case "error":
                return self._said(500, "it broke")
            case "gateway":
                return httpx.Response(502, text="<html>bad gateway</html>")
            case "busy":
                return self._said(503, "busy", **{"Retry-After": "3"})
            case "lost":
                raise httpx.ReadError("connection reset")
            case "slow":
                await self._clock.sleep(10.0)
                raise httpx.ReadTimeout("no answer")
            case "cut":
                return self._sent(200, done.content[: len(done.content) // 2])
            case "login":
                return self._sent(200, b"<html>please log in</html>")
        return done

    def _is_down(self) -> bool:
        restarts, since = divmod(self._clock.monotonic(), RESTART_EVERY)
        if self.calm or not restarts or since >= DOWN_SECONDS:
            return False
        self._restarts = int(restarts)
        return True

    def _is_allowed(self) -> bool:
        now = self._clock.monotonic()
        while self._taken and self._taken[0] <= now - WINDOW:
            self._taken.popleft()
        if len(self._taken) >= LIMIT:
            return False
        self._taken.append(now)
        return True

    def _read(self, request: httpx.Request) -> httpx.Response:
        query = {name: values[0] for name, values in parse_qs(request.url.query.decode()).items()}
        if request.url.path.endswith("/events"):
            return self._events(query)
        found = self._day.pending.values() if query["status"] == "pending" else self._day.settled
        rows = [row for row in found if row["status"] == query["status"]]
        return self._sent(200, json.dumps({"data": {"checkpoints": rows, "next_cursor": None}}).encode())

    def _events(self, query: dict[str, str]) -> httpx.Response:
        before, _, restarts = query.get("cursor", f"{2**62}.{self._restarts}").partition(".")
        if restarts != str(self._restarts):
            return self._said(422, "the cursor has expired")
        limit = int(query["limit"])
        rows = self._day.page(int(before), limit)
        following = f"{rows[-1][0]}.{self._restarts}" if len(rows) == limit else None
        parts = (b", ".join(raw for _, raw in rows), json.dumps(following).encode())
        return self._sent(200, b'{"data": {"events": [%b], "next_cursor": %b}}' % parts)

    def _write(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        *_, target, verb = request.url.path.split("/")
        if verb == "invoke":
            self._day.start_run(unquote(target), body["input"], is_plain=True)
            done = {"output": {"of": body["input"]}, "request_id": "req_1", "duration_ms": 1000 * RUN_SECONDS}
            return self._sent(200, json.dumps(done).encode())
        self.posts[target] += 1
        if target not in self._day.pending:
            return self._said(409, "answered already")
        return self._sent(200, json.dumps({"data": self._day.settle(target, body["resolution"], WE)}).encode())

    def _said(self, status: int, message: str, **headers: str) -> httpx.Response:
        body: dict[str, Any] = {"detail": {"error": "trouble", "message": message}}
        return self._sent(status, json.dumps(body).encode(), headers)

    def _sent(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
        self._answers += 1
        reset = (self._taken[0] if self._taken else 0.0) + WINDOW - self._clock.monotonic()
        told = {"Limit": LIMIT, "Remaining": LIMIT - len(self._taken), "Reset": int(self._clock.now() + reset) + 1}
        quota = {f"X-Scaigrid-Ratelimit-{name}": str(value) for name, value in told.items()}
        # As balancers do, with another cookie each time.
        quota["Set-Cookie"] = f"route{self._answers}=a; Path=/"
        return httpx.Response(status, headers=quota | (headers or {}), content=body)
