"""Costs of ingesting events and of keeping them in memory: `python -m tests.bench.ingest [EVENTS]`.

Bodies as the API sends them are decoded, compared with the journal, committed and reduced, as in the program.
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

PAGE_EVENTS = 500
TARGET = Target(url="http://127.0.0.1:1/api/v1", name="bench", interval=0.1)
QUOTA = {"x-scaigrid-ratelimit-limit": "1000000", "x-scaigrid-ratelimit-remaining": "1000000"}
# Events are generated beforehand for this time.
MAX_FEED_S = 20.0
# Open a journal in the app without a terminal, and print the memory used once all runs are listed.
MEMORY_SCRIPT = """
import asyncio, sys
from pathlib import Path
from tests.bench.ingest import app_memory
print(asyncio.run(app_memory(Path(sys.argv[1]))))
"""


@dataclass(frozen=True)
class Speed:
    """Events per second from body to summary, and the share of that time that parsing the JSON alone takes."""

    events_per_second: float
    json_share: float


def speed(events: int = 100_000) -> Speed:
    """Measure the ingestion of `events` events, page by page."""
    bodies = list(pages(list(sources(events)), PAGE_EVENTS))
    parsing = timed(lambda: [json.loads(body) for body in bodies])
    with tempfile.TemporaryDirectory() as folder, Journal.open(Path(folder) / "journal") as journal:
        ingesting = timed(lambda: ingest(journal, bodies))
        assert len(journal) == events
    return Speed(events / ingesting, parsing / ingesting)


def ingest(journal: Journal, bodies: Sequence[bytes]) -> RunIndex:
    """Read pages into a journal and an index, as a session does."""
    writer = JournalWriter(journal)
    writer.prepare()
    index = RunIndex(journal.history)
    for body in bodies:
        events = read_event_page(body).events[::-1]
        for begin in range(0, len(events), PAGE_EVENTS):
            index.apply(writer.append_new(new_events(events[begin : begin + PAGE_EVENTS], journal.count_known(events))))
    return index


def write_journal(path: Path, events: int) -> None:
    """Write a journal of `events` events, as a session does."""
    stream = sources(events)
    with Journal.open(path) as journal:
        writer = JournalWriter(journal)
        writer.prepare()
        while writer.rebuild_missing() is not None:
            pass
        while batch := list(islice(stream, 20 * PAGE_EVENTS)):
            for body in pages(batch, PAGE_EVENTS):
                writer.append_new(read_event_page(body).events[::-1])


def memory(journal: Path) -> float:
    """Return the memory in MiB of an app in its own process, with all runs of a journal listed."""
    command = [sys.executable, "-c", MEMORY_SCRIPT, str(journal)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(printed.split()[-1])


async def app_memory(journal: Path) -> float:
    """Return the memory in MiB of this process after the app has loaded, listed and filtered a journal."""
    feed = Feed(0)
    session = Session(TARGET, Journal.open(journal), client=feed.client())
    app = DebuggerApp(session, ascii_only=False, banner="bench")
    async with app.run_test(size=(80, 24)) as pilot:
        stored = len(session.journal.query("SELECT place FROM runs"))
        while len(session.index.order) < stored:
            await pilot.pause()
        await pilot.press("j", "j", "slash", *"timeout", "enter")
        await pilot.pause()
        return resident_mib()


def resident_mib() -> float:
    """Return the resident memory of this process in MiB; 0 on systems other than Linux."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)


@dataclass
class Feed:
    """A feed to which `rate` events per second are added, newest first, with the index as cursor."""

    rate: float
    log: list[bytes] = field(default_factory=list)
    began: float = 0.0

    def __post_init__(self) -> None:
        # Generated beforehand, so that generating is not measured.
        self._stream: Iterator[bytes] = iter(list(sources(int(self.rate * MAX_FEED_S))))

    def client(self) -> Client:
        """Return a client of this feed, without a rate limit."""
        return Client(TARGET, httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/events"):
            return httpx.Response(200, headers=QUOTA, content=b'{"data": {"checkpoints": [], "next_cursor": null}}')
        cursor = request.url.params.get("cursor")
        if cursor is None:
            self.add_due_events()
        end = len(self.log) if cursor is None else int(cursor)
        begin = max(0, end - int(request.url.params["limit"]))
        body = b",".join(self.log[begin:end][::-1])
        next_cursor = str(begin).encode() if begin else b"null"
        content = b'{"data":{"events":[' + body + b'],"next_cursor":' + next_cursor + b"}}"
        return httpx.Response(200, headers=QUOTA, content=content)

    def add_due_events(self) -> None:
        """Add the events that are due by now."""
        self.began = self.began or time.perf_counter()
        due = int(self.rate * (time.perf_counter() - self.began)) - len(self.log)
        self.log += islice(self._stream, max(0, due))


@dataclass(frozen=True)
class Stall:
    """The longest time in milliseconds for which the event loop was blocked, at a number of events per second."""

    milliseconds: float
    events_per_second: float


def stall(rate: float = 5_000, seconds: float = 5.0) -> Stall:
    """Run the app without a terminal on a feed of `rate` events per second; return its longest stall."""
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
            longest = await longest_block(seconds)
            ingested_per_s = (session.index.event_count - before) / (time.perf_counter() - begin)
        return Stall(1000 * longest, ingested_per_s)


async def longest_block(seconds: float) -> float:
    """Return the longest delay of a timer within `seconds`, in seconds."""
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
    """Seconds to read the runs of a file of JSON lines, and seconds of lnav for the same file; None without lnav."""

    seconds: float
    lnav_seconds: float | None


def indexed(events: int = 1_000_000) -> Indexed:
    """Measure both in separate processes, on the same file."""
    lnav = shutil.which("lnav")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.jsonl"
        with path.open("wb") as file:
            file.writelines(source + b"\n" for source in sources(events))
        ours = timed(lambda: run_silently([sys.executable, "-m", "scaicore_tui", "runs", "--journal", str(path)]))
        theirs = timed(lambda: run_silently([lnav, "-n", "-c", ":quit", str(path)])) if lnav else None
    return Indexed(ours, theirs)


def run_silently(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that `work` takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def main() -> None:
    """Measure and print one JSON document."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    ingestion = speed(events)
    with tempfile.TemporaryDirectory() as folder:
        write_journal(Path(folder) / "journal", events)
        size = memory(Path(folder) / "journal")
    longest_stall = stall()
    lines = indexed(events)
    measured = {
        "events": events,
        "events_per_second": round(ingestion.events_per_second),
        "json_share": round(ingestion.json_share, 3),
        "memory_mib": round(size, 1),
        "stall_ms": round(longest_stall.milliseconds, 1),
        "lines_seconds": round(lines.seconds, 2),
        "lines_by_lnav": round(lines.seconds / lines.lnav_seconds, 2)
        if lines.lnav_seconds
        else "lnav is not installed",
        "stall_at_events_per_second": round(longest_stall.events_per_second),
    }
    sys.stdout.write(json.dumps(measured, indent=2) + "\n")


if __name__ == "__main__":
    main()
