"""A session through a day of trouble, on a clock that skips what it need not wait for: what it holds at the end of it,
and what it has grown by.
"""

from __future__ import annotations

import asyncio
import gc
import random
import tempfile
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from scaicore_tui.actions import Ledger
from scaicore_tui.api.client import Client
from scaicore_tui.config import Target
from scaicore_tui.errors import ScaicoreError
from scaicore_tui.session import Session
from scaicore_tui.store import Journal
from tests.bench.day import COLLEAGUE, Day
from tests.bench.troubled import Troubled
from tests.support.builders import NOON, SECOND
from tests.support.manual_clock import ManualClock
from tests.support.waiting import let_run

# Turns of the event loop within which everything is done that doesn't wait for the clock.
TURNS = 40
# Seconds after which all that is under way at the end of the day is over, and read.
EVENING = COLLEAGUE[1] + 120.0
# A person answers and replays something once in so many seconds.
ANSWERS_EVERY, REPLAYS_EVERY = 120.0, 600.0
SAMPLES = 24
# What the tests hold themselves; and the table of all texts that Python interns, which grows by half of it at a time.
_NOT_OURS = ("/tests/", "/pathlib.py")


@dataclass(frozen=True)
class Sample:
    """What is held at a moment of the clock, and the processor's seconds that it took to get there."""

    at: float
    bytes: int
    runs: int
    tasks: int
    descriptors: int
    worked: float


@dataclass(frozen=True)
class Soak:
    """What came of a day. `wrong` are runs told to be in another state than they are; `twice` the checkpoints that were
    answered more than once, `open` those of which it is not known what came of the answer; `left` are tasks and
    descriptors that outlived the session."""

    offered: int
    lost: int
    doubled: int
    gaps: int
    wrong: int
    refused: int
    twice: int
    open: int
    left: int
    met: Counter[str]
    samples: list[Sample]


def least(samples: list[Sample], begin: float, end: float) -> Sample:
    """The sample with the fewest bytes between these parts of the day: what is under way only comes on top."""
    last = samples[-1].at
    within = [sample for sample in samples if begin * last <= sample.at <= end * last]
    return min(within, key=lambda sample: sample.bytes)


class Person:
    """Answers what waits, and replays what was; asleep by night."""

    def __init__(self, session: Session, day: Day) -> None:
        self._session = session
        self._day = day
        self._chance = random.Random(1)  # noqa: S311  (a day that can be had again is wanted, not a secret)
        self._next_answer, self._next_replay = ANSWERS_EVERY, REPLAYS_EVERY
        self._writes: set[asyncio.Task[None]] = set()

    def act(self) -> None:
        """Do what it is time for."""
        now, session = self._day.clock.monotonic(), self._session
        if self._day.is_night:
            return
        if now >= self._next_answer and session.checkpoints:
            self._next_answer = now + ANSWERS_EVERY
            chosen = self._chance.choice(session.checkpoints)
            self._write(session.answer(chosen.id, self._chance.choice(chosen.options).id, "as discussed"))
        if now >= self._next_replay and len(session.index.order):
            self._next_replay = now + REPLAYS_EVERY
            chosen_run = session.index.order[len(session.index.order) * 2 // 3]
            self._write(session.replay(chosen_run.execution_id))

    def _write(self, writing: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(_whatever_comes(writing))
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)


async def _whatever_comes(writing: Coroutine[Any, Any, object]) -> None:
    try:
        await writing
    except ScaicoreError:
        return  # a person would read why, and nothing was sent


class Meter:
    """Takes samples, evenly over the day."""

    def __init__(self, session: Session, day: Day) -> None:
        self.samples: list[Sample] = []
        self._session = session
        self._day = day
        self._measured = 0.0

    def look(self) -> None:
        """Take a sample, if it is time for one."""
        begin = time.process_time()
        if self._day.clock.monotonic() >= len(self.samples) * self._day.seconds / SAMPLES:
            worked, (tasks, descriptors) = begin - self._measured, open_things()
            runs = len(self._session.index.summaries)
            self.samples.append(Sample(self._day.clock.monotonic(), traced_bytes(), runs, tasks, descriptors, worked))
        self._measured += time.process_time() - begin


async def live(seconds: float, keep_days: float | None = None) -> Soak:
    """Watch a day of so many seconds to its end; with `keep_days` older runs are forgotten."""
    before = sum(open_things())
    with tempfile.TemporaryDirectory() as name:
        day = Day(ManualClock(NOON / SECOND), Path(name), seconds)
        server = Troubled(day)
        async with session_on(server, day, Path(name), keep_days) as session:
            running = asyncio.create_task(session.run())
            person, meter = Person(session, day), Meter(session, day)
            await pass_time(session, day, seconds, person.act, meter.look)
            server.calm = True
            await pass_time(session, day, seconds + EVENING)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            soak = _judged(session, day, server, meter.samples)
        day.close()
    gc.collect()
    return replace(soak, left=sum(open_things()) - before)


def session_on(server: Troubled, day: Day, folder: Path, keep_days: float | None) -> Session:
    target = Target(url="http://127.0.0.1:1/api/v1", name="soak", interval=5.0, keep_days=keep_days)
    client = Client(target, httpx.MockTransport(server.respond), day.clock)
    journal, ledger = Journal.open(folder / "journal"), Ledger(folder / "ledger")
    return Session(target, journal, clock=day.clock, client=client, backfill=10**9, ledger=ledger)


async def pass_time(session: Session, day: Day, until: float, *acts: Callable[[], None]) -> None:
    """Let time pass, and everything happen in it."""
    while day.clock.monotonic() < until:
        await let_run(session, TURNS)
        day.clock.skip()
        day.go_on()
        for act in acts:
            act()


def _judged(session: Session, day: Day, server: Troubled, samples: list[Sample]) -> Soak:
    found, offered = Counter(event.raw for event in session.journal.events()), Counter(day.offered)
    counts = session.index.counts
    told = Counter({str(status): count for status, count in counts.items()})
    answers = [submission for submission in session.submitter.submissions if not submission.is_replay]
    return Soak(
        offered=offered.total(),
        lost=len(offered.keys() - found.keys()),
        doubled=(found - offered).total(),
        gaps=session.journal.gap_count() + len(session.journal.open_gaps()),
        wrong=(told - day.ended).total() + (day.ended - told).total(),
        refused=server.refused,
        twice=sum(count > 1 for count in server.posts.values()),
        open=sum(not answer.is_final for answer in answers),
        left=0,
        met=server.met,
        samples=samples,
    )


def open_things() -> tuple[int, int]:
    """Tasks, and descriptors."""
    return len(asyncio.all_tasks()), len(list(Path("/proc/self/fd").iterdir()))


def traced_bytes() -> int:
    """Return the bytes that the program holds; 0 if Python does not trace them."""
    gc.collect()
    if not tracemalloc.is_tracing():
        return 0
    # A filter of tracemalloc looks at each of a million traces; there are a few hundred files.
    files = tracemalloc.take_snapshot().statistics("filename")
    return sum(each.size for each in files if not any(part in each.traceback[0].filename for part in _NOT_OURS))


@contextmanager
def tracing(*, is_needed: bool) -> Iterator[None]:
    """Let Python trace what it allocates meanwhile, which doubles the time of everything."""
    if not is_needed:
        yield
        return
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()
