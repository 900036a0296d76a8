"""A scripted API: it accepts writes, loses, delays or forges responses, and records the true outcomes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import parse_qs

import httpx

from scaicore_tui.protocol import Event
from scaicore_tui.timefmt import format_iso
from tests.support.builders import checkpoint, completed, entered, started
from tests.support.feed_simulator import UNLIMITED
from tests.support.manual_clock import ManualClock
from tests.support.waiting import yield_once

MICRO = 1_000_000
# A delayed write arrives within this time or never.
LATEST_ARRIVAL_S = 300.0
# The client's timeout of a read that hangs.
READ_TIMEOUT_S = 10.0
# Faults of a write. The suffix says whether it is carried out. "kill" kills the client before the response.
WRITE_FAULTS = (
    "ok",
    "ok_without_details",
    "answer_lost",
    "dropped",
    "not_connected",
    "late",
    "somebody_else",
    "conflict",
    "error_envelope",
    "another_id",
    "unprocessable",
    "too_many",
    "server_error_done",
    "server_error_not_done",
    "web_page_done",
    "kill_done",
    "kill_not_done",
    "ledger_breaks_done",
)
READ_FAULTS = ("ok", "not_connected", "hangs", "server_error", "error_envelope", "web_page", "too_many")
# Outcomes from which a client knows that nothing was done: it may send the write again.
REFUSALS = ("not_connected", "error_envelope", "unprocessable", "too_many", "forbidden", "unauthorized")


class Killed(BaseException):
    """Raised in the client's process to kill it."""


@dataclass
class Post:
    """One received write. `outcome` is the scripted fault; `is_done` is True if the server carried out the write.

    `target` is the id in the URL; `subject` is what the person acted on: the checkpoint, or the run to replay.
    """

    api: str
    kind: str
    target: str
    body: dict[str, Any]
    received_at: float
    subject: str = ""
    pressed_at: float = 0.0
    submission_id: str | None = None
    outcome: str = "ok"
    is_done: bool = False
    arrives_at: float | None = None
    run_id: str | None = None

    @property
    def is_refused(self) -> bool:
        """Return True if the client knows that this write was not carried out."""
        was_answered_by_other = self.kind == "resolve" and self.outcome in ("somebody_else", "conflict")
        return was_answered_by_other or self.outcome in REFUSALS


@dataclass
class Api:
    """One API: a feed, checkpoints, Cores and tokens, all readable by the test."""

    name: str
    clock: ManualClock
    page_size: int = 50
    log: list[Event] = field(default_factory=list)
    checkpoints: dict[str, dict[str, Any]] = field(default_factory=dict)
    posts: list[Post] = field(default_factory=list)
    started_at: dict[str, float] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)
    write_fault: str = "ok"
    read_fault: str = "ok"
    token: str = "eyJ-token-0"
    forbidden: set[str] = field(default_factory=set)
    on_post: Callable[[Post], None] = lambda _: None
    on_break: Callable[[], None] = lambda: None
    _runs: count[int] = field(default_factory=lambda: count(1))
    _micros: count[int] = field(default_factory=lambda: count(1))

    @property
    def now(self) -> int:
        """Return the server's time in microseconds; each call returns another value."""
        return int(self.clock.now() * MICRO) + next(self._micros)

    # Events on the server.

    def start_run(self, value: Any, core: str = "core_a") -> str:
        """Start a run of a Core."""
        run_id = f"exec_{self.name}{next(self._runs)}"
        self.log.append(started(self.now, run_id, input=value, core=core))
        self.started_at[run_id] = self.clock.now()
        self.inputs[run_id] = value
        return run_id

    def create_checkpoint(self, run_id: str, *, names_run: bool, is_breakpoint: bool = False) -> str:
        """Let the run wait at a new checkpoint; the checkpoint's row names the run only if `names_run`."""
        identity = f"ckpt_{len(self.checkpoints) + 1}"
        row = checkpoint(identity, execution_id=run_id, created_at="2027-01-15T08:00:00Z")
        if is_breakpoint:
            row |= {"checkpoint_type": "debug_breakpoint", "options": ["continue"]}
        if not names_run:
            del row["execution_id"]
        self.checkpoints[identity] = row
        return identity

    def resolve(self, identity: str, resolution: str, by: str) -> bool:
        """Resolve a checkpoint; return False if it was already resolved."""
        row = self.checkpoints[identity]
        if row["status"] != "pending":
            return False
        row |= {"status": "resolved", "resolution": resolution, "resolved_by": by, "resolved_at": _iso(self.now)}
        return True

    def add_event(self, run_id: str) -> None:
        """Add one event to the run."""
        self.log.append(entered(f"n{next(self._runs)}", self.now, run_id))

    def finish(self, run_id: str) -> None:
        """End the run."""
        self.log.append(completed(self.now, run_id))

    def drop_oldest_events(self, number: int) -> None:
        """Drop the oldest events, as retention does."""
        del self.log[:number]

    def deliver_late_posts(self) -> None:
        """Carry out the delayed writes whose time has come."""
        for post in self.posts:
            if post.arrives_at is not None and post.arrives_at <= self.clock.now():
                post.arrives_at = None
                self._carry_out(post)

    # Responses to the client.

    async def respond(self, request: httpx.Request) -> httpx.Response:
        """Respond to one request; other requests may be served meanwhile."""
        await yield_once()
        if request.method == "GET" and self.read_fault == "hangs":
            await self.clock.sleep(READ_TIMEOUT_S)
            raise httpx.ReadTimeout("no answer", request=request)
        return self._respond(request)

    def _respond(self, request: httpx.Request) -> httpx.Response:
        self.deliver_late_posts()
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return _problem(401, "AUTH_TOKEN_INVALID", "token expired")
        if request.method == "POST":
            return self._receive_write(request)
        return self._fail_read(request) or self._read(request)

    def _fail_read(self, request: httpx.Request) -> httpx.Response | None:
        match self.read_fault:
            case "not_connected":
                raise httpx.ConnectError("refused", request=request)
            case "server_error":
                return _problem(502, "BACKEND_ERROR", "bad gateway")
            case "error_envelope":
                return _problem(200, "MODEL_UNAVAILABLE", "no model")
            case "web_page":
                return httpx.Response(200, text="<html>sign in</html>")
            case "too_many":
                return httpx.Response(429, headers={"Retry-After": "2"}, json={"detail": "slow down"})
        return None

    def _read(self, request: httpx.Request) -> httpx.Response:
        query = {name: values[0] for name, values in parse_qs(request.url.query.decode()).items()}
        size = min(self.page_size, int(query.get("limit", "50")))
        begin = int(query.get("cursor", "0"))
        if request.url.path.endswith("/events"):
            rows: list[Any] = [json.loads(event.raw) for event in self.log[::-1]]
            # A cursor counts from the oldest event, so new events do not move it.
            begin = len(rows) - int(query["cursor"]) if "cursor" in query else 0
            remaining = len(rows) - begin - size
            cursor = str(remaining) if remaining > 0 else None
            return _page("events", rows[begin : begin + size], cursor)
        status = query.get("status", "pending")
        rows = [row for row in self.checkpoints.values() if row["status"] == status]
        cursor = str(begin + size) if begin + size < len(rows) else None
        return _page("checkpoints", rows[begin : begin + size], cursor)

    def _receive_write(self, request: httpx.Request) -> httpx.Response:
        *_, target, verb = request.url.path.split("/")
        post = Post(self.name, verb, target, json.loads(request.content), self.clock.now())
        self.on_post(post)
        if verb in self.forbidden:
            post.outcome = "forbidden"
            self.posts.append(post)
            return _problem(403, "AUTHZ_PERMISSION_DENIED", "scaicore:manage required")
        post.outcome, self.write_fault = self.write_fault, "ok"
        self.posts.append(post)
        return self._respond_to_write(post, request)

    def _respond_to_write(self, post: Post, request: httpx.Request) -> httpx.Response:
        if post.outcome in ("conflict", "somebody_else", "another_id") and post.kind == "resolve":
            return self._respond_differently(post)
        if (answer := self._respond_undone(post, request)) is not None:
            return answer
        self._carry_out(post)
        return self._respond_done(post, request)

    def _respond_undone(self, post: Post, request: httpx.Request) -> httpx.Response | None:
        """Respond or raise without carrying out the write; return None if it is to be carried out."""
        match post.outcome:
            case "not_connected":
                raise httpx.ConnectError("refused", request=request)
            case "dropped":
                raise httpx.ReadError("connection reset", request=request)
            case "late":
                post.arrives_at = post.received_at + LATEST_ARRIVAL_S
                raise httpx.ReadTimeout("no answer", request=request)
            case "kill_not_done":
                raise Killed
            case "error_envelope":
                return _problem(200, "MODEL_UNAVAILABLE", "no model")
            case "unprocessable":
                return _problem(422, "VALIDATION_ERROR", "no such option")
            case "too_many":
                return httpx.Response(429, headers={"Retry-After": "2"}, json={"detail": "slow down"})
            case "server_error_not_done":
                return _problem(503, "MODEL_UNAVAILABLE", "try later")
        return None

    def _respond_differently(self, post: Post) -> httpx.Response:
        """Respond about another checkpoint or another person's answer."""
        if post.outcome == "another_id":
            return _ok(dict(self.checkpoints[post.target], id="ckpt_other", status="resolved", resolution="approve"))
        options = self.checkpoints[post.target]["options"]
        self.resolve(post.target, next((o for o in options if o != post.body["resolution"]), "reject"), "usr_grace")
        row = self.checkpoints[post.target]
        return _ok(row) if post.outcome == "somebody_else" else _problem(409, "CONFLICT", "answered already")

    def _carry_out(self, post: Post) -> None:
        if post.kind == "invoke":
            post.run_id = self.start_run(post.body["input"], post.target)
            post.is_done = True
        else:
            post.is_done = self.resolve(post.target, post.body["resolution"], "usr_me")

    def _respond_done(self, post: Post, request: httpx.Request) -> httpx.Response:
        match post.outcome:
            case "answer_lost":
                raise httpx.ReadError("connection reset", request=request)
            case "kill_done":
                raise Killed
            case "server_error_done":
                return _problem(504, "BACKEND_TIMEOUT", "too slow")
            case "web_page_done":
                return httpx.Response(200, text="<html>bad gateway</html>")
            case "ledger_breaks_done":
                self.on_break()
        if post.kind == "invoke":
            details = {} if post.outcome == "ok_without_details" else {"execution_id": post.run_id}
            return _ok({"output": {"ok": True}, "request_id": "req_1", "duration_ms": 3} | details)
        if not post.is_done:
            return _problem(409, "CONFLICT", "answered already")
        return _ok(self.checkpoints[post.target])


def _ok(data: dict[str, Any]) -> httpx.Response:
    return httpx.Response(200, headers=UNLIMITED, json={"data": data})


def _page(name: str, rows: list[Any], cursor: str | None) -> httpx.Response:
    return _ok({name: rows, "next_cursor": cursor})


def _problem(status: int, code: str, message: str) -> httpx.Response:
    error = {"code": code, "message": message}
    return httpx.Response(
        status, headers=UNLIMITED, json={"status": "error", "error": error, "meta": {"request_id": "req_77"}}
    )


def _iso(micros: int) -> str:
    return str(format_iso(micros))
