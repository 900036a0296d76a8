"""A day as a ScaiGrid sees it: people start runs by day and none by night, some wait for an answer, some fail.

Now and then many start at once; an event comes behind some that are newer, or again. All of it follows from one seed.
What is offered is kept in a file, so that the memory of whoever watches it can be measured beside it.
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

# Seconds between two runs, and between two of a burst; how often a burst comes, and how long it is.
GAP, BURST_GAP = 20.0, 0.5
BURST_EVERY, BURST_SECONDS = 1_500.0, 30.0
# The last part of the day, in which nobody starts anything.
NIGHT = 0.25
NODES = ("classify", "look_up", "draft", "review", "send")
STEP_SECONDS, LAST_SECONDS = 2.0, 1.0
RUN_SECONDS = STEP_SECONDS * len(NODES) + LAST_SECONDS
# A colleague answers after so many seconds what is still waiting then.
COLLEAGUE = (60.0, 600.0)
# Of all events, so many come late or again.
LATE, AGAIN = 0.01, 0.02
# Room between two places in the feed, for what comes late.
ROOM = 1_000

# Tells event after event, and yields the seconds until the next, or the checkpoint that it waits for.
_Run = Iterator[float | str]


class Day:
    """So many seconds of a clock. `pending` are the checkpoints that wait, `settled` the latest others, newest first;
    `ended` counts the runs by how they ended."""

    def __init__(self, clock: ManualClock, folder: Path, seconds: float, seed: int = 7) -> None:
        self.clock = clock
        self.seconds = seconds
        self.pending: dict[str, dict[str, Any]] = {}
        self.settled: deque[dict[str, Any]] = deque(maxlen=100)
        self.ended: Counter[str] = Counter()
        self._waiting: dict[str, _Run] = {}
        self._chance = random.Random(seed)  # noqa: S311  (a day that can be had again is wanted, not a secret)
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._tickets, self._numbers = count(), count()
        self._place = 0
        self._log = sqlite3.connect(folder / "offered", isolation_level=None)
        self._log.execute("PRAGMA synchronous = OFF")
        self._log.execute("CREATE TABLE log (place INTEGER PRIMARY KEY, raw BLOB NOT NULL)")
        self._at(0.0, self._start_runs)

    def close(self) -> None:
        self._log.close()

    @property
    def offered(self) -> Iterator[bytes]:
        """Every event that came in, oldest first, as often as it came."""
        return (raw for (raw,) in self._log.execute("SELECT raw FROM log ORDER BY place"))

    @property
    def is_night(self) -> bool:
        return self.clock.monotonic() >= self.seconds * (1 - NIGHT)

    def go_on(self) -> None:
        """Let happen what is due by now."""
        while self._due and self._due[0][0] <= self.clock.monotonic():
            heapq.heappop(self._due)[2]()

    def page(self, before: int, limit: int) -> list[tuple[int, bytes]]:
        """The newest events `before` a place, newest first, each with its place."""
        query = "SELECT place, raw FROM log WHERE place < ? ORDER BY place DESC LIMIT ?"
        return self._log.execute(query, (before, limit)).fetchall()

    def settle(self, checkpoint_id: str, resolution: str, by: str) -> dict[str, Any]:
        """Answer a pending checkpoint; its row after that."""
        told = {"status": "resolved", "resolution": resolution, "resolved_by": by, "resolved_at": self._stamp()}
        self.settled.appendleft(self.pending.pop(checkpoint_id) | told)
        self._walk(self._waiting.pop(checkpoint_id))
        return self.settled[0]

    def start_run(self, core: str, value: Any, *, is_plain: bool) -> None:
        """Begin a run; one that `is_plain` neither waits nor fails, and takes `RUN_SECONDS`."""
        number = next(self._numbers)
        waits, fails = not is_plain and number % 7 == 0, not is_plain and number % 10 == 3
        self._walk(self._run(f"exec_{number:06}", core, value, waits=waits, fails=fails))

    def _start_runs(self) -> None:
        """Begin a run of somebody, and the next one after a while."""
        if self.is_night:
            return
        core, ticket = f"core_{self._chance.randrange(5)}", self._chance.randrange(1_000)
        self.start_run(core, {"ticket": ticket}, is_plain=False)
        since = self.clock.monotonic() % BURST_EVERY - BURST_EVERY / 2
        gap = BURST_GAP if 0 <= since < BURST_SECONDS else GAP
        self._at(gap * self._chance.uniform(0.5, 1.5), self._start_runs)

    def _run(self, execution: str, core: str, value: Any, *, waits: bool, fails: bool) -> _Run:
        def tell(kind: str, **payload: Any) -> None:
            self._tell(kind, core, {"execution_id": execution} | payload)

        tell("invocation.started", input=value, node_id=None)
        for step, node in enumerate(NODES):
            place: dict[str, Any] = {"node_id": node, "block_kind": "rigid"}
            tell("block.entered", **place)
            if waits and node == "review":
                yield self._ask(execution, core)
            yield STEP_SECONDS
            if fails and node == "send":
                error = {"code": "TIMEOUT", "message": "no answer for 30 s"}
                tell("block.failed", **place, error=error)
                tell("invocation.failed", error=error)
                self.ended["failed"] += 1
                return
            tell("block.exited", **place, result_binding=node, result_binding_value={"step": step})
        yield LAST_SECONDS
        tell("invocation.completed", output={"of": value}, duration_ms=1000 * RUN_SECONDS)
        self.ended["completed"] += 1

    def _walk(self, run: _Run) -> None:
        """Let a run go on to where it has to wait."""
        pause = next(run, None)
        if isinstance(pause, str):
            self._waiting[pause] = run
        elif pause is not None:
            self._at(pause, lambda: self._walk(run))

    def _ask(self, execution: str, core: str) -> str:
        """The checkpoint at which a run waits: for us, or for a colleague who answers in the end."""
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
        self._at(self._chance.uniform(*COLLEAGUE), lambda: self._answer_elsewhere(checkpoint_id))
        return checkpoint_id

    def _answer_elsewhere(self, checkpoint_id: str) -> None:
        if checkpoint_id in self.pending:
            self.settle(checkpoint_id, "reject", "usr_ada")

    def _tell(self, kind: str, core: str, payload: dict[str, Any]) -> None:
        """One event comes in: mostly at the feed's end."""
        body = {"type": RUNTIME + kind, "core_id": core, "timestamp": self._stamp(), "payload": payload}
        raw, chance = json.dumps(body).encode(), self._chance.random()
        if chance < LATE and self._insert_late(raw):
            return
        self._append(raw)
        if chance > 1 - AGAIN:
            self._at(self._chance.uniform(1, 60), lambda: self._append(raw))

    def _append(self, raw: bytes) -> None:
        self._place += ROOM
        self._log.execute("INSERT INTO log VALUES (?, ?)", (self._place, raw))

    def _insert_late(self, raw: bytes) -> bool:
        """Put it in behind up to five others, where there is room."""
        place = self._place - ROOM * self._chance.randint(0, 4) - self._chance.randint(1, ROOM - 1)
        return self._log.execute("INSERT OR IGNORE INTO log VALUES (?, ?)", (place, raw)).rowcount == 1

    def _stamp(self) -> str:
        return str(format_iso(int(self.clock.now() * 1000) * (SECOND // 1000)))

    def _at(self, seconds: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._due, (self.clock.monotonic() + seconds, next(self._tickets), act))
