"""A faulty server with the API's rate limit. It restarts and forgets its cursors; some responses are wrong, late,
truncated or lost.
"""

from __future__ import annotations

import json
import random
from collections import Counter, deque
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote

import httpx

from tests.bench.day import RUN_S, Day

MAX_REQUESTS, WINDOW_S = 60, 60.0
LATENCY_S = 0.2
# Seconds between restarts, and seconds during which the server is down then.
RESTART_INTERVAL_S, DOWN_S = 3_000.0, 45.0
# Percentage of requests for each kind of fault.
FAULT_PERCENTAGES = {"error": 2, "gateway": 1, "busy": 1, "too many": 1, "lost": 2, "cut": 1, "slow": 1, "login": 1}
NONE = "none"
CALLER = "usr_we"


class FaultyServer:
    """Answers requests about a `day`, without faults once `is_faultless` is set.

    `rejected` counts requests beyond the limit, `faults` the faults by kind, `posts` the answers by checkpoint.
    """

    def __init__(self, day: Day, seed: int = 7) -> None:
        self.is_faultless = False
        self.rejected = 0
        self.faults: Counter[str] = Counter()
        self.posts: Counter[str] = Counter()
        self._day = day
        self._clock = day.clock
        self._random = random.Random(seed)  # noqa: S311  (repeatable, not a secret)
        self._accepted: deque[float] = deque()
        self._restarts = 0
        self._answers = 0

    async def respond(self, request: httpx.Request) -> httpx.Response:
        """Return a response after the network's latency, or raise the fault that was drawn."""
        await self._clock.sleep(LATENCY_S)
        self._day.run_due()
        if self._is_down():
            self.faults["down"] += 1
            raise httpx.ConnectError("connection refused")
        if not self._is_allowed():
            self.rejected += 1
            return self._error_response(429, "too many", **{"Retry-After": "5"})
        kind = self._draw_fault()
        self.faults[kind] += 1
        return await self._apply_fault(
            kind, lambda: self._read(request) if request.method == "GET" else self._write(request)
        )

    def _draw_fault(self) -> str:
        kinds = {} if self.is_faultless else FAULT_PERCENTAGES
        return self._random.choices([*kinds, NONE], [*kinds.values(), 100 - sum(kinds.values())])[0]

    async def _apply_fault(self, kind: str, act: Callable[[], httpx.Response]) -> httpx.Response:
        """Apply a fault to a request. For most faults, chance decides if the request is executed before the fault."""
        if kind == "too many":
            return self._error_response(429, "too many", **{"Retry-After": "4"})
        done = act() if kind in (NONE, "cut") or self._random.random() < 0.5 else self._error_response(200, "nothing")
        match kind:
            case "error":
                return self._error_response(500, "it broke")
            case "gateway":
                return httpx.Response(502, text="<html>bad gateway</html>")
            case "busy":
                return self._error_response(503, "busy", **{"Retry-After": "3"})
            case "lost":
                raise httpx.ReadError("connection reset")
            case "slow":
                await self._clock.sleep(10.0)
                raise httpx.ReadTimeout("no answer")
            case "cut":
                return self._response(200, done.content[: len(done.content) // 2])
            case "login":
                return self._response(200, b"<html>please log in</html>")
        return done

    def _is_down(self) -> bool:
        restarts, since = divmod(self._clock.monotonic(), RESTART_INTERVAL_S)
        if self.is_faultless or not restarts or since >= DOWN_S:
            return False
        self._restarts = int(restarts)
        return True

    def _is_allowed(self) -> bool:
        now = self._clock.monotonic()
        while self._accepted and self._accepted[0] <= now - WINDOW_S:
            self._accepted.popleft()
        if len(self._accepted) >= MAX_REQUESTS:
            return False
        self._accepted.append(now)
        return True

    def _read(self, request: httpx.Request) -> httpx.Response:
        query = {name: values[0] for name, values in parse_qs(request.url.query.decode()).items()}
        if request.url.path.endswith("/events"):
            return self._events(query)
        found = self._day.pending.values() if query["status"] == "pending" else self._day.resolved
        rows = [row for row in found if row["status"] == query["status"]]
        return self._response(200, json.dumps({"data": {"checkpoints": rows, "next_cursor": None}}).encode())

    def _events(self, query: dict[str, str]) -> httpx.Response:
        before, _, restarts = query.get("cursor", f"{2**62}.{self._restarts}").partition(".")
        if restarts != str(self._restarts):
            return self._error_response(422, "the cursor has expired")
        limit = int(query["limit"])
        rows = self._day.page(int(before), limit)
        next_cursor = f"{rows[-1][0]}.{self._restarts}" if len(rows) == limit else None
        parts = (b", ".join(raw for _, raw in rows), json.dumps(next_cursor).encode())
        return self._response(200, b'{"data": {"events": [%b], "next_cursor": %b}}' % parts)

    def _write(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        *_, target, verb = request.url.path.split("/")
        if verb == "invoke":
            self._day.start_run(unquote(target), body["input"], is_plain=True)
            done = {"output": {"of": body["input"]}, "request_id": "req_1", "duration_ms": 1000 * RUN_S}
            return self._response(200, json.dumps(done).encode())
        self.posts[target] += 1
        if target not in self._day.pending:
            return self._error_response(409, "answered already")
        return self._response(200, json.dumps({"data": self._day.resolve(target, body["resolution"], CALLER)}).encode())

    def _error_response(self, status: int, message: str, **headers: str) -> httpx.Response:
        body: dict[str, Any] = {"detail": {"error": "fault", "message": message}}
        return self._response(status, json.dumps(body).encode(), headers)

    def _response(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
        self._answers += 1
        reset = (self._accepted[0] if self._accepted else 0.0) + WINDOW_S - self._clock.monotonic()
        values = {
            "Limit": MAX_REQUESTS,
            "Remaining": MAX_REQUESTS - len(self._accepted),
            "Reset": int(self._clock.now() + reset) + 1,
        }
        quota = {f"X-Scaigrid-Ratelimit-{name}": str(value) for name, value in values.items()}
        # Load balancers set another cookie each time.
        quota["Set-Cookie"] = f"route{self._answers}=a; Path=/"
        return httpx.Response(status, headers=quota | (headers or {}), content=body)
