"""Costs of ingesting events and of keeping them.

Bodies as the API sends them are decoded, compared with the journal, committed and reduced, as in the program.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median

import httpx

from scaicore_tui.api.client import Client
from scaicore_tui.config import Target
from scaicore_tui.protocol import read_event_page
from scaicore_tui.runs import RunIndex
from scaicore_tui.session import Session
from scaicore_tui.store import Journal, JournalWriter
from scaicore_tui.sync.stitch import new_events
from scaicore_tui.tui import DebuggerApp, tune_interpreter
from tests.bench.probes import alternate, run_time
from tests.bench.traffic import pages, sources

PAGE_EVENTS = 500
TARGET = Target(url="http://127.0.0.1:1/api/v1", name="bench", interval=0.1)
QUOTA = {"x-scaigrid-ratelimit-limit": "1000000", "x-scaigrid-ratelimit-remaining": "1000000"}
# Events are generated beforehand for this time.
MAX_FEED_S = 20.0
# Pages are measured in so many blocks.
BLOCKS = 20


@dataclass(frozen=True)
class Speed:
    """Milliseconds to bring pages from bodies to summaries, and to only parse their JSON; medians of blocks."""

    ingest_ms: float
    json_ms: float
    events_per_second: float


def speed(events: int = 100_000) -> Speed:
    """Measure the ingestion of `events` events in blocks of pages, each block also parsed as JSON."""
    bodies = list(pages(list(sources(events)), PAGE_EVENTS))
    size = max(1, len(bodies) // BLOCKS)
    blocks = iter([bodies[begin : begin + size] for begin in range(0, len(bodies), size)])
    count = -(-len(bodies) // size)
    with tempfile.TemporaryDirectory() as folder, Journal.open(Path(folder) / "journal") as journal:
        read = reader(journal)
        current: list[bytes] = []

        def parse() -> float:
            current[:] = next(blocks)
            return timed(lambda: [json.loads(body) for body in current])

        json_ms, ingest_ms = alternate(count, parse, lambda: timed(lambda: read(current)))
        assert len(journal) == events
    return Speed(ingest_ms, json_ms, 1000 * size * PAGE_EVENTS / ingest_ms)


def reader(journal: Journal) -> Callable[[Sequence[bytes]], None]:
    """Return a function that reads pages into a journal and an index, as a session does."""
    writer = JournalWriter(journal)
    writer.prepare()
    index = RunIndex(journal.history)

    def read(bodies: Sequence[bytes]) -> None:
        for body in bodies:
            events = read_event_page(body).events[::-1]
            index.apply(writer.append_new(new_events(events, journal.count_known(events))))

    return read


def write_journal(path: Path, stream: Iterator[bytes]) -> None:
    """Write a journal of these events, as a session does."""
    with Journal.open(path) as journal:
        writer = JournalWriter(journal)
        writer.prepare()
        while writer.rebuild_missing() is not None:
            pass
        while batch := list(islice(stream, 20 * PAGE_EVENTS)):
            for body in pages(batch, PAGE_EVENTS):
                writer.append_new(read_event_page(body).events[::-1])


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
    """The longest times in milliseconds for which an event loop was blocked: the app's, and that of an empty loop."""

    milliseconds: float
    empty_ms: float
    events_per_second: float


def stall(rate: float = 5_000, seconds: float = 5.0, times: int = 1) -> Stall:
    """Run the app without a terminal on a feed of `rate` events per second, and in turn a loop without work."""
    rates: list[float] = []

    def ours() -> float:
        longest, ingested_per_s = asyncio.run(_stall(rate, seconds))
        rates.append(ingested_per_s)
        return longest

    ours_ms, empty_ms = alternate(times, ours, lambda: asyncio.run(longest_block(seconds)))
    return Stall(ours_ms, empty_ms, median(rates))


async def _stall(rate: float, seconds: float) -> tuple[float, float]:
    """Return the longest stall in seconds, and the events per second that were read."""
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
            return longest, (session.index.event_count - before) / (time.perf_counter() - begin)


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


def indexed(events: int, times: int = 1) -> Indexed:
    """Measure both in turn, in separate processes, on the same file."""
    lnav = shutil.which("lnav")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.jsonl"
        with path.open("wb") as file:
            file.writelines(source + b"\n" for source in sources(events))
        commands = [[sys.executable, "-m", "scaicore_tui", "runs", "--journal", str(path)]]
        commands += [[lnav, "-n", "-c", ":quit", str(path)]] if lnav else []
        found = alternate(times, *(partial(run_time, command) for command in commands))
    seconds = [each / 1000 for each in found]
    return Indexed(seconds[0], seconds[1] if lnav else None)


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that `work` takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin
