"""A session through a simulated day with faults: correctness of its data, memory growth and leaks at its end.

The clock jumps to the next due time.
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
from tests.bench.day import COLLEAGUE_DELAY_S, Day
from tests.bench.troubled import FaultyServer
from tests.support.builders import NOON, SECOND
from tests.support.manual_clock import ManualClock
from tests.support.waiting import let_run

# Turns of the event loop after which all work is done that does not wait for the clock.
TURNS = 40
# Seconds after the day within which everything in progress ends and is read.
REMAINDER_S = COLLEAGUE_DELAY_S[1] + 120.0
# Seconds between two answers, and between two replays, of the simulated person.
ANSWER_INTERVAL_S, REPLAY_INTERVAL_S = 120.0, 600.0
SAMPLES = 24
# Memory of the tests, and Python's table of interned strings, which grows in large steps.
_EXCLUDED = ("/tests/", "/pathlib.py")


@dataclass(frozen=True)
class Sample:
    """Resources in use at a time of the clock, and the processor time until then."""

    at: float
    bytes: int
    runs: int
    tasks: int
    descriptors: int
    cpu_s: float


@dataclass(frozen=True)
class Soak:
    """The result of a day.

    `wrong` counts runs with a wrong status, `answered_twice` checkpoints that got more than one answer, `unresolved`
    answers without a known outcome, `leaked` tasks and descriptors that outlived the session. `faults` counts the
    responses by kind of fault.
    """

    offered: int
    lost: int
    duplicates: int
    gaps: int
    wrong: int
    rejected: int
    answered_twice: int
    unresolved: int
    leaked: int
    faults: Counter[str]
    samples: list[Sample]


def smallest_sample(samples: list[Sample], begin: float, end: float) -> Sample:
    """Return the sample with the fewest bytes in a part of the day; others include memory for work in progress."""
    last = samples[-1].at
    within = [sample for sample in samples if begin * last <= sample.at <= end * last]
    return min(within, key=lambda sample: sample.bytes)


class Person:
    """A person who answers checkpoints and replays runs by day."""

    def __init__(self, session: Session, day: Day) -> None:
        self._session = session
        self._day = day
        self._random = random.Random(1)  # noqa: S311  (repeatable, not a secret)
        self._next_answer, self._next_replay = ANSWER_INTERVAL_S, REPLAY_INTERVAL_S
        self._writes: set[asyncio.Task[None]] = set()

    def act(self) -> None:
        """Answer or replay if it is time for that."""
        now, session = self._day.clock.monotonic(), self._session
        if self._day.is_night:
            return
        if now >= self._next_answer and session.checkpoints:
            self._next_answer = now + ANSWER_INTERVAL_S
            chosen = self._random.choice(session.checkpoints)
            self._write(session.answer(chosen.id, self._random.choice(chosen.options).id, "as discussed"))
        if now >= self._next_replay and len(session.index.order):
            self._next_replay = now + REPLAY_INTERVAL_S
            self._write(_replay_one(session, session.index.order[len(session.index.order) * 2 // 3]))

    def _write(self, writing: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(_ignore_rejection(writing))
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)


async def _replay_one(session: Session, position: int) -> None:
    """Replay the run at `position`."""
    await session.reader.load_rows([position])
    summary = session.index.at(position)
    if summary is not None:
        await session.replay(summary.execution_id)


async def _ignore_rejection(writing: Coroutine[Any, Any, object]) -> None:
    try:
        await writing
    except ScaicoreError:
        return  # the error is shown, and nothing was sent


class Meter:
    """Takes samples at equal intervals of the day."""

    def __init__(self, session: Session, day: Day) -> None:
        self.samples: list[Sample] = []
        self._session = session
        self._day = day
        self._measured = 0.0

    def sample_if_due(self) -> None:
        """Take a sample if it is time for one."""
        begin = time.process_time()
        if self._day.clock.monotonic() >= len(self.samples) * self._day.seconds / SAMPLES:
            cpu_s, (tasks, descriptors) = begin - self._measured, open_resources()
            runs = len(self._session.index.order)
            self.samples.append(Sample(self._day.clock.monotonic(), traced_bytes(), runs, tasks, descriptors, cpu_s))
        self._measured += time.process_time() - begin


async def run_day(seconds: float, keep_days: float | None = None) -> Soak:
    """Run a session through a day of `seconds`, with retention if `keep_days` is set."""
    before = sum(open_resources())
    with tempfile.TemporaryDirectory() as name:
        day = Day(ManualClock(NOON / SECOND), Path(name), seconds)
        server = FaultyServer(day)
        async with session_on(server, day, Path(name), keep_days) as session:
            running = asyncio.create_task(session.run())
            person, meter = Person(session, day), Meter(session, day)
            await pass_time(session, day, seconds, person.act, meter.sample_if_due)
            server.is_faultless = True
            await pass_time(session, day, seconds + REMAINDER_S)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            soak = _result(session, day, server, meter.samples)
        day.close()
    gc.collect()
    return replace(soak, leaked=sum(open_resources()) - before)


def session_on(server: FaultyServer, day: Day, folder: Path, keep_days: float | None) -> Session:
    """Return a session on the server, with its journal and ledger in `folder`."""
    target = Target(url="http://127.0.0.1:1/api/v1", name="soak", interval=5.0, keep_days=keep_days)
    client = Client(target, httpx.MockTransport(server.respond), day.clock)
    journal, ledger = Journal.open(folder / "journal"), Ledger(folder / "ledger")
    return Session(target, journal, clock=day.clock, client=client, backfill=10**9, ledger=ledger)


async def pass_time(session: Session, day: Day, until: float, *acts: Callable[[], None]) -> None:
    """Advance the clock to `until`; run everything that is due, and `acts` after each step."""
    while day.clock.monotonic() < until:
        await let_run(session, TURNS)
        day.clock.skip()
        day.run_due()
        for act in acts:
            act()


def _result(session: Session, day: Day, server: FaultyServer, samples: list[Sample]) -> Soak:
    found, offered = Counter(event.raw for event in session.journal.events()), Counter(day.offered)
    counts = session.index.counts
    shown = Counter({str(status): count for status, count in counts.items()})
    answers = [submission for submission in session.submitter.submissions if not submission.is_replay]
    return Soak(
        offered=offered.total(),
        lost=len(offered.keys() - found.keys()),
        duplicates=(found - offered).total(),
        gaps=session.journal.gap_count() + len(session.journal.open_gaps()),
        wrong=(shown - day.ended).total() + (day.ended - shown).total(),
        rejected=server.rejected,
        answered_twice=sum(count > 1 for count in server.posts.values()),
        unresolved=sum(not answer.is_final for answer in answers),
        leaked=0,
        faults=server.faults,
        samples=samples,
    )


def open_resources() -> tuple[int, int]:
    """Return the numbers of tasks and of file descriptors."""
    return len(asyncio.all_tasks()), len(list(Path("/proc/self/fd").iterdir()))


def traced_bytes() -> int:
    """Return the bytes that the program has allocated, without those of the tests; 0 if they are not traced."""
    gc.collect()
    if not tracemalloc.is_tracing():
        return 0
    # A filter of tracemalloc looks at each of a million traces; there are a few hundred files.
    files = tracemalloc.take_snapshot().statistics("filename")
    return sum(each.size for each in files if not any(part in each.traceback[0].filename for part in _EXCLUDED))


@contextmanager
def tracing(*, is_needed: bool) -> Iterator[None]:
    """Trace the memory that Python allocates, if it `is_needed`: that doubles the time of everything."""
    if not is_needed:
        yield
        return
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()
