"""A simulated day of a ScaiGrid: runs start by day and none by night, some wait for an answer, some fail.

Sometimes many runs start at once. Some events arrive after newer ones, or twice. Everything follows from one seed. The
events are kept in a file, so that the memory measured in this process is that of the session.
"""

from __future__ import annotations

import heapq
import json
import random
import sqlite3
from collections import Counter, deque
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

from scaicore_tui.timefmt import format_iso
from tests.support.builders import RUNTIME, SECOND
from tests.support.manual_clock import ManualClock

# Seconds between two runs, and between two runs of a burst; seconds between bursts, and the length of a burst.
RUN_INTERVAL_S, BURST_RUN_INTERVAL_S = 20.0, 0.5
BURST_INTERVAL_S, BURST_LENGTH_S = 1_500.0, 30.0
# The last part of the day, in which no runs are started.
NIGHT_SHARE = 0.25
NODES = ("classify", "look_up", "draft", "review", "send")
STEP_S, LAST_STEP_S = 2.0, 1.0
RUN_S = STEP_S * len(NODES) + LAST_STEP_S
# Bounds of the seconds after which a colleague answers a checkpoint that is still pending.
COLLEAGUE_DELAY_S = (60.0, 600.0)
# Shares of the events that arrive late, and twice.
LATE_SHARE, DUPLICATE_SHARE = 0.01, 0.02
# Distance between two positions in the feed, so that late events fit in between.
POSITION_STEP = 1_000

# Adds the events of a run; yields the seconds until the next event, or the id of the checkpoint that the run waits for.
_Run = Iterator[float | str]


class Day:
    """A day of `seconds` on a clock.

    `pending` has the pending checkpoints, `resolved` the last resolved ones, newest first.
    `ended` counts the ended runs by status.
    """

    def __init__(self, clock: ManualClock, folder: Path, seconds: float, seed: int = 7) -> None:
        self.clock = clock
        self.seconds = seconds
        self.pending: dict[str, dict[str, Any]] = {}
        self.resolved: deque[dict[str, Any]] = deque(maxlen=100)
        self.ended: Counter[str] = Counter()
        self._waiting: dict[str, _Run] = {}
        self._random = random.Random(seed)  # noqa: S311  (repeatable, not a secret)
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order, self._numbers = count(), count()
        self._position = 0
        self._log = sqlite3.connect(folder / "offered", isolation_level=None)
        self._log.execute("PRAGMA synchronous = OFF")
        self._log.execute("CREATE TABLE log (position INTEGER PRIMARY KEY, raw BLOB NOT NULL)")
        self._schedule(0.0, self._start_runs)

    def close(self) -> None:
        self._log.close()

    @property
    def offered(self) -> Iterator[bytes]:
        """Yield every event that was added, oldest first; duplicates are repeated."""
        return (raw for (raw,) in self._log.execute("SELECT raw FROM log ORDER BY position"))

    @property
    def is_night(self) -> bool:
        return self.clock.monotonic() >= self.seconds * (1 - NIGHT_SHARE)

    def run_due(self) -> None:
        """Run everything that is due by now."""
        while self._due and self._due[0][0] <= self.clock.monotonic():
            heapq.heappop(self._due)[2]()

    def page(self, before: int, limit: int) -> list[tuple[int, bytes]]:
        """Return the newest events before a position, newest first, each with its position."""
        query = "SELECT position, raw FROM log WHERE position < ? ORDER BY position DESC LIMIT ?"
        return self._log.execute(query, (before, limit)).fetchall()

    def resolve(self, checkpoint_id: str, resolution: str, by: str) -> dict[str, Any]:
        """Resolve a pending checkpoint and return its new row."""
        resolution_fields = {
            "status": "resolved",
            "resolution": resolution,
            "resolved_by": by,
            "resolved_at": self._stamp(),
        }
        self.resolved.appendleft(self.pending.pop(checkpoint_id) | resolution_fields)
        self._advance(self._waiting.pop(checkpoint_id))
        return self.resolved[0]

    def start_run(self, core: str, value: Any, *, is_plain: bool) -> None:
        """Start a run. If `is_plain`, the run neither waits nor fails, and takes `RUN_S` seconds."""
        number = next(self._numbers)
        waits, fails = not is_plain and number % 7 == 0, not is_plain and number % 10 == 3
        self._advance(self._run(f"exec_{number:06}", core, value, waits=waits, fails=fails))

    def _start_runs(self) -> None:
        """Start a run, and schedule the next one."""
        if self.is_night:
            return
        core, ticket = f"core_{self._random.randrange(5)}", self._random.randrange(1_000)
        self.start_run(core, {"ticket": ticket}, is_plain=False)
        since = self.clock.monotonic() % BURST_INTERVAL_S - BURST_INTERVAL_S / 2
        interval = BURST_RUN_INTERVAL_S if 0 <= since < BURST_LENGTH_S else RUN_INTERVAL_S
        self._schedule(interval * self._random.uniform(0.5, 1.5), self._start_runs)

    def _run(self, execution: str, core: str, value: Any, *, waits: bool, fails: bool) -> _Run:
        def publish(kind: str, **payload: Any) -> None:
            self._publish(kind, core, {"execution_id": execution} | payload)

        publish("invocation.started", input=value, node_id=None)
        for step, node in enumerate(NODES):
            block: dict[str, Any] = {"node_id": node, "block_kind": "rigid"}
            publish("block.entered", **block)
            if waits and node == "review":
                yield self._create_checkpoint(execution, core)
            yield STEP_S
            if fails and node == "send":
                error = {"code": "TIMEOUT", "message": "no answer for 30 s"}
                publish("block.failed", **block, error=error)
                publish("invocation.failed", error=error)
                self.ended["failed"] += 1
                return
            publish("block.exited", **block, result_binding=node, result_binding_value={"step": step})
        yield LAST_STEP_S
        publish("invocation.completed", output={"of": value}, duration_ms=1000 * RUN_S)
        self.ended["completed"] += 1

    def _advance(self, run: _Run) -> None:
        """Continue a run until it has to wait."""
        pause = next(run, None)
        if isinstance(pause, str):
            self._waiting[pause] = run
        elif pause is not None:
            self._schedule(pause, lambda: self._advance(run))

    def _create_checkpoint(self, execution: str, core: str) -> str:
        """Create the checkpoint of a run and return its id. A colleague answers the checkpoint if nobody else does."""
        checkpoint_id = f"ckpt_{execution}"
        self.pending[checkpoint_id] = {
            "id": checkpoint_id,
            "core_id": core,
            "execution_id": execution,
            "checkpoint_type": "hitl_review",
            "status": "pending",
            "presentation": {"title": "Review needed", "message": f"Approve the refund of {execution}?"},
            "options": ["approve", "reject"],
            "created_at": self._stamp(),
        }
        self._schedule(self._random.uniform(*COLLEAGUE_DELAY_S), lambda: self._answer_elsewhere(checkpoint_id))
        return checkpoint_id

    def _answer_elsewhere(self, checkpoint_id: str) -> None:
        if checkpoint_id in self.pending:
            self.resolve(checkpoint_id, "reject", "usr_ada")

    def _publish(self, kind: str, core: str, payload: dict[str, Any]) -> None:
        """Add an event, mostly at the end of the feed."""
        body = {"type": RUNTIME + kind, "core_id": core, "timestamp": self._stamp(), "payload": payload}
        raw, draw = json.dumps(body).encode(), self._random.random()
        if draw < LATE_SHARE and self._insert_late(raw):
            return
        self._append(raw)
        if draw > 1 - DUPLICATE_SHARE:
            self._schedule(self._random.uniform(1, 60), lambda: self._append(raw))

    def _append(self, raw: bytes) -> None:
        self._position += POSITION_STEP
        self._log.execute("INSERT INTO log VALUES (?, ?)", (self._position, raw))

    def _insert_late(self, raw: bytes) -> bool:
        """Insert an event before up to five newer ones; return False if the position is taken."""
        newest = self._position - POSITION_STEP * self._random.randint(0, 4)
        position = newest - self._random.randint(1, POSITION_STEP - 1)
        return self._log.execute("INSERT OR IGNORE INTO log VALUES (?, ?)", (position, raw)).rowcount == 1

    def _stamp(self) -> str:
        return str(format_iso(int(self.clock.now() * 1000) * (SECOND // 1000)))

    def _schedule(self, seconds: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._due, (self.clock.monotonic() + seconds, next(self._order), act))
