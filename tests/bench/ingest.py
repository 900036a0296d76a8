"""What it costs to take events in, and to hold them: `python -m tests.bench.ingest [EVENTS]`.

Everything goes the real way: bodies as the API sends them, decoded, compared with the journal, committed, folded.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import httpx

from scaicore_tui.api.client import Client
from scaicore_tui.config import Target
from scaicore_tui.protocol import read_event_page
from scaicore_tui.runs import RunIndex
from scaicore_tui.session import Session
from scaicore_tui.store import Journal, JournalWriter
from scaicore_tui.sync.stitch import new_events
from scaicore_tui.tui import DebuggerApp, tune_interpreter
from tests.bench.traffic import pages, sources

PAGE = 500
TARGET = Target(url="http://127.0.0.1:1/api/v1", name="bench", interval=0.1)
QUOTA = {"x-scaigrid-ratelimit-limit": "1000000", "x-scaigrid-ratelimit-remaining": "1000000"}
LONGEST = 20.0
# Opens a journal in the app without a terminal, and says what it takes when all is shown.
HOLD = """
import asyncio, sys
from pathlib import Path
from tests.bench.ingest import held
print(asyncio.run(held(Path(sys.argv[1]))))
"""


@dataclass(frozen=True)
class Speed:
    """Events a second from body to summary, and the share of that time that JSON parsing alone takes."""

    events_per_second: float
    json_share: float


def speed(events: int = 100_000) -> Speed:
    """Take in so many events, a page at a time."""
    bodies = list(pages(list(sources(events)), PAGE))
    parsing = timed(lambda: [json.loads(body) for body in bodies])
    with tempfile.TemporaryDirectory() as folder, Journal.open(Path(folder) / "journal") as journal:
        all_of_it = timed(lambda: take_in(journal, bodies))
        assert len(journal) == events
    return Speed(events / all_of_it, parsing / all_of_it)


def take_in(journal: Journal, bodies: Sequence[bytes]) -> RunIndex:
    """Read pages into a journal and a book, as a session does."""
    intake = JournalWriter(journal)
    intake.prepare()
    book = RunIndex(journal.history)
    for body in bodies:
        events = read_event_page(body).events[::-1]
        for begin in range(0, len(events), PAGE):
            book.apply(intake.append_new(new_events(events[begin : begin + PAGE], journal.count_known(events))))
    return book


def write_journal(path: Path, events: int) -> None:
    """A journal of so many events, as a session leaves it."""
    stream = sources(events)
    with Journal.open(path) as journal:
        intake = JournalWriter(journal)
        intake.prepare()
        while intake.next_summaries(1):
            pass
        while some := list(islice(stream, 20 * PAGE)):
            for body in pages(some, PAGE):
                intake.append_new(read_event_page(body).events[::-1])


def memory(journal: Path) -> float:
    """MiB that the app holds, in a process of its own, when all runs of a journal are listed."""
    said = subprocess.run([sys.executable, "-c", HOLD, str(journal)], check=True, capture_output=True, text=True).stdout
    return float(said.split()[-1])


async def held(journal: Path) -> float:
    """MiB that this process holds with the app on a journal, everything loaded, listed and filtered once."""
    feed = Feed(0)
    session = Session(TARGET, Journal.open(journal), client=feed.client())
    app = DebuggerApp(session, ascii_only=False, banner="bench")
    async with app.run_test(size=(80, 24)) as pilot:
        stored = len(session.journal.query("SELECT place FROM runs"))
        while len(session.index.summaries) < stored:
            await pilot.pause()
        await pilot.press("j", "j", "slash", *"timeout", "enter")
        await pilot.pause()
        return resident()


def resident() -> float:
    """MiB of this process in memory; Linux tells, elsewhere it is 0."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)


@dataclass
class Feed:
    """A feed that so many events a second come into, newest first, with a cursor that counts."""

    rate: float
    log: list[bytes] = field(default_factory=list)
    began: float = 0.0

    def __post_init__(self) -> None:
        # Made before, so that making them is not measured.
        self._stream: Iterator[bytes] = iter(list(sources(int(self.rate * LONGEST))))

    def client(self) -> Client:
        """A client of this feed, with a budget that knows no limit."""
        return Client(TARGET, httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/events"):
            return httpx.Response(200, headers=QUOTA, content=b'{"data": {"checkpoints": [], "next_cursor": null}}')
        cursor = request.url.params.get("cursor")
        if cursor is None:
            self.arrive()
        end = len(self.log) if cursor is None else int(cursor)
        begin = max(0, end - int(request.url.params["limit"]))
        body = b",".join(self.log[begin:end][::-1])
        following = str(begin).encode() if begin else b"null"
        content = b'{"data":{"events":[' + body + b'],"next_cursor":' + following + b"}}"
        return httpx.Response(200, headers=QUOTA, content=content)

    def arrive(self) -> None:
        """What came since the last time."""
        self.began = self.began or time.perf_counter()
        due = int(self.rate * (time.perf_counter() - self.began)) - len(self.log)
        self.log += islice(self._stream, max(0, due))


@dataclass(frozen=True)
class Stall:
    """The longest that the event loop stood still, in milliseconds, while so many events a second were taken in."""

    milliseconds: float
    events_per_second: float


def stall(rate: float = 5_000, seconds: float = 5.0) -> Stall:
    """Run the app, without a terminal, on a feed that so many events a second come into."""
    return asyncio.run(_stall(rate, seconds))


async def _stall(rate: float, seconds: float) -> Stall:
    with tempfile.TemporaryDirectory() as folder:
        feed = Feed(rate)
        session = Session(TARGET, Journal.open(Path(folder) / "journal"), client=feed.client(), backfill=0)
        app = DebuggerApp(session, ascii_only=False, banner="bench")
        async with app.run_test(size=(80, 24)) as pilot:
            while not session.index.event_count:
                await pilot.pause()
            tune_interpreter()
            before, begin = session.index.event_count, time.perf_counter()
            longest = await longest_gap(seconds)
            taken_in = (session.index.event_count - before) / (time.perf_counter() - begin)
        return Stall(1000 * longest, taken_in)


async def longest_gap(seconds: float) -> float:
    """The longest that a task of its own had to wait for its turn, in seconds, within so many."""
    loop = asyncio.get_running_loop()
    end, longest = loop.time() + seconds, 0.0
    while (now := loop.time()) < end:
        turn = loop.create_future()
        loop.call_at(now + 0.001, turn.set_result, None)
        await turn
        longest = max(longest, loop.time() - now - 0.001)
    return longest


@dataclass(frozen=True)
class Indexed:
    """Seconds from a file of JSON lines to its runs, and those that lnav takes to index it; None where it is not."""

    seconds: float
    lnav_seconds: float | None


def indexed(events: int = 1_000_000) -> Indexed:
    """Both as processes of their own, on the same file."""
    lnav = shutil.which("lnav")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.jsonl"
        with path.open("wb") as file:
            file.writelines(source + b"\n" for source in sources(events))
        ours = timed(lambda: silent([sys.executable, "-m", "scaicore_tui", "runs", "--journal", str(path)]))
        theirs = timed(lambda: silent([lnav, "-n", "-c", ":quit", str(path)])) if lnav else None
    return Indexed(ours, theirs)


def silent(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def timed(work: Callable[[], object]) -> float:
    """Seconds that `work` takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def main() -> None:
    """Measure, and print one JSON document."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    taken = speed(events)
    with tempfile.TemporaryDirectory() as folder:
        write_journal(Path(folder) / "journal", events)
        size = memory(Path(folder) / "journal")
    stood = stall()
    lines = indexed(events)
    measured = {
        "events": events,
        "events_per_second": round(taken.events_per_second),
        "json_share": round(taken.json_share, 3),
        "memory_mib": round(size, 1),
        "stall_ms": round(stood.milliseconds, 1),
        "lines_seconds": round(lines.seconds, 2),
        "lines_by_lnav": round(lines.seconds / lines.lnav_seconds, 2) if lines.lnav_seconds else "lnav is not here",
        "stall_at_events_per_second": round(stood.events_per_second),
    }
    sys.stdout.write(json.dumps(measured, indent=2) + "\n")


if __name__ == "__main__":
    main()
