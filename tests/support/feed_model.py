"""A simulated feed with every behaviour that the API allows, a reference log, and scripts of events and faults.

`check` runs a script through the real client, poller and session, and compares the journal with the reference log.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import parse_qs

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from scaicore_tui.api.client import Client
from scaicore_tui.config import Target
from scaicore_tui.errors import ScaicoreError
from scaicore_tui.protocol import Event
from scaicore_tui.session import Session
from tests.support.builders import MILLISECOND, NOON, SECOND, entered
from tests.support.feed_simulator import UNLIMITED
from tests.support.journals import FileJournals, Journals, Place
from tests.support.manual_clock import ManualClock

# The folder for journals: in memory if possible, since hundreds of them are written.
_SHM = Path("/dev/shm")  # noqa: S108  (a folder of its own is made in it)
IN_MEMORY = _SHM if _SHM.is_dir() else None
# Number of reads without events and faults after which the journal must be complete.
CALM_READS = 4
FILES = FileJournals()
# The name of a step, and its amount.
Step = tuple[str, int]
STEP_NAMES = ("arrive", "meanwhile", "late", "repeat", "fail", "cut", "expire", "loop", "forget", "restart", "poll")


def _scripts(names: frozenset[str]) -> st.SearchStrategy[list[Step]]:
    return st.lists(st.tuples(st.sampled_from([*sorted(names), "arrive", "poll"]), st.integers(1, 12)), max_size=16)


# A script has a few kinds of steps: with all kinds at once, few properties would still have to hold.
STEPS = st.frozensets(st.sampled_from(STEP_NAMES), max_size=3).flatmap(_scripts)


@dataclass(frozen=True)
class FeedKind:
    """The behaviour of a feed. whole_seconds: timestamps have no fractions. overlapping: pages share an event."""

    page_size: int
    cursor_kind: str
    whole_seconds: bool
    initial: int
    overlapping: bool


FEED_KINDS = st.builds(
    FeedKind,
    page_size=st.integers(3, 12),
    cursor_kind=st.sampled_from(["offset", "key"]),
    whole_seconds=st.booleans(),
    initial=st.integers(0, 40),
    overlapping=st.booleans(),
)


@dataclass
class Feed:
    """Serves `log` (oldest first) in pages, newest first. `offered` counts all events that were ever in it.

    `traceless` are the numbers of events that no client can miss: they arrived below an event that was read, and were
    forgotten before the next read of the head, while that event is still there.
    """

    kind: FeedKind
    log: list[tuple[int, Event]] = field(default_factory=list)
    forgotten: list[tuple[int, Event]] = field(default_factory=list)
    meanwhile: int = 0
    failures_left: int = 0
    loops_left: int = 0
    requests_until_failure: int = 0
    age: int = 0
    traceless: set[int] = field(default_factory=set)
    _late: set[int] = field(default_factory=set)
    _served: set[int] = field(default_factory=set)
    _ids: count[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.arrive(self.kind.initial)

    @property
    def offered(self) -> Counter[bytes]:
        return Counter(event.raw for _, event in (*self.forgotten, *self.log))

    def arrive(self, number: int) -> None:
        """Add new events."""
        for _ in range(number):
            self._insert(len(self.log))

    def late(self, depth: int) -> None:
        """Insert an event below up to six newer ones."""
        index = max(0, len(self.log) - min(depth, 6))
        self._insert(index)
        self._late.add(self.log[index][0])

    def repeat(self, back: int) -> None:
        """Add an event that is already in the log, as an event bus that delivers twice."""
        if back <= len(self.log):
            self.log.append((next(self._ids), self.log[-back][1]))

    def apply_step(self, name: str, amount: int) -> None:
        """Apply a step of a script that is not a read."""
        insertions = {"arrive": self.arrive, "late": self.late, "repeat": self.repeat}
        if name in insertions:
            insertions[name](amount)
        match name:
            case "meanwhile":
                self.meanwhile = amount
            case "fail":
                self.failures_left = amount
            case "cut":
                self.requests_until_failure = 2 + amount  # fails in the middle of a read
            case "loop":
                self.loops_left = 1
            case "expire":
                self.age += 1  # invalidates all cursors sent so far
            case "forget":
                self._forget(2 * amount)
            case "calm":
                self.meanwhile = self.failures_left = self.loops_left = self.requests_until_failure = 0

    def respond(self, request: httpx.Request) -> httpx.Response:
        self.requests_until_failure -= 1
        if self.requests_until_failure == 0:
            # A restarted server has lost all its cursors.
            self.failures_left, self.age = 1, self.age + 1
        if self.failures_left:
            self.failures_left -= 1
            return httpx.Response(502 if self.failures_left % 2 else 503, text="bad gateway")
        if not request.url.path.endswith("/events"):
            return httpx.Response(200, headers=UNLIMITED, json={"data": {"checkpoints": [], "next_cursor": None}})
        self.arrive(min(self.meanwhile, 2))
        self.meanwhile -= min(self.meanwhile, 2)
        query = parse_qs(request.url.query.decode())
        cursor = query.get("cursor", [None])[0]
        if cursor is None:
            self._late.clear()
        if cursor is not None and cursor.partition(".")[2] != str(self.age):
            return httpx.Response(422, headers=UNLIMITED, json={"detail": {"error": "invalid", "message": "expired"}})
        events, next_cursor = self._page(cursor, min(int(query["limit"][0]), self.kind.page_size))
        body = b'{"data": {"events": [%b], "next_cursor": %b}}'
        parts = (b", ".join(event.raw for event in events), json.dumps(next_cursor).encode())
        return httpx.Response(200, headers=UNLIMITED, content=body % parts)

    def _forget(self, number: int) -> None:
        """Drop the oldest events."""
        dropped, self.log = self.log[:number], self.log[number:]
        self.forgotten += dropped
        if self.log and self.log[0][0] in self._served:
            self.traceless |= self._late & {each for each, _ in dropped}

    def _page(self, cursor: str | None, size: int) -> tuple[list[Event], str | None]:
        if self.loops_left and cursor is not None:
            self.loops_left -= 1
            return [event for _, event in self.log[-1:]], cursor
        newest_first = self.log[::-1]
        begin = self._index_of(cursor, newest_first)
        end = begin + size
        rows = newest_first[begin:end]
        self._served.update(number for number, _ in rows)
        if end >= len(newest_first):
            return [event for _, event in rows], None
        next_cursor = f"o{end - self.kind.overlapping}" if self.kind.cursor_kind == "offset" else f"k{rows[-1][0]}"
        return [event for _, event in rows], f"{next_cursor}.{self.age}"

    def _index_of(self, cursor: str | None, newest_first: list[tuple[int, Event]]) -> int:
        if cursor is None:
            return 0
        key = int(cursor[1:].partition(".")[0])
        if cursor.startswith("o"):
            return key
        found = next((index for index, (number, _) in enumerate(newest_first) if number == key), len(newest_first))
        return found + (not self.kind.overlapping)

    def _insert(self, index: int) -> None:
        number = next(self._ids)
        timestamp = NOON + number // 5 * SECOND if self.kind.whole_seconds else NOON + number * MILLISECOND
        self.log.insert(index, (number, entered(f"n{number}", timestamp, f"exec_{number // 4}")))


async def run_script(feed: Feed, steps: list[Step], place: Place) -> tuple[Counter[bytes], int]:
    """Run a script and some calm reads; return the events in the journal, and the number of its gaps."""
    clock = ManualClock()
    session = open_session(feed, place, clock)
    for name, amount in [*steps, ("calm", 0), *[("poll", 1)] * CALM_READS]:
        if name == "poll":
            clock.advance(100)
            with suppress(ScaicoreError):
                await session.read_once()
        elif name == "restart":
            await session.__aexit__()
            session = open_session(feed, place, clock)
        else:
            feed.apply_step(name, amount)
    held = Counter(event.raw for event in session.journal.events())
    gaps = session.journal.gap_count() + len(session.journal.open_gaps())
    await session.__aexit__()
    return held, gaps


def open_session(feed: Feed, place: Place, clock: ManualClock) -> Session:
    """Return a session on that feed and journal."""
    target = Target(url="http://127.0.0.1:1/api/v1", name="model")
    client = Client(target, httpx.MockTransport(feed.respond), clock)
    return Session(target, place.open(), clock=clock, client=client, backfill=10**9)


def check(kind: FeedKind, steps: list[Step], journals: Journals = FILES) -> None:
    """Check that events are only lost in gaps, and that all distinguishable events are in the journal exactly once."""
    feed = Feed(kind)
    with TemporaryDirectory(dir=IN_MEMORY) as folder:
        held, gaps = asyncio.run(run_script(feed, steps, journals.emptied_place(Path(folder))))
    assert held <= feed.offered
    names = {name for name, _ in steps}
    if "loop" in names:
        return  # A cursor that loops ends the feed (API §7): only reading to an end can be required.
    if "forget" in names:
        assert "repeat" in names or gaps or not missing_after_first(feed, held)
        return
    assert gaps == 0
    assert held.keys() == feed.offered.keys()
    if "repeat" not in names:
        assert held == feed.offered


def missing_after_first(feed: Feed, held: Counter[bytes]) -> list[int]:
    """Return the numbers of the events that are missing after the first one in the journal.

    Only the events before it may be lost to retention without a gap, and those that left no trace.
    """
    rows = [*feed.forgotten, *feed.log]
    first = next((index for index, (_, event) in enumerate(rows) if event.raw in held), len(rows))
    return [number for number, event in rows[first:] if event.raw not in held and number not in feed.traceless]


def try_scripts(count: int, journals: Journals = FILES) -> None:
    """Check `count` random scripts. Raises AssertionError with the shortest script that fails."""

    @settings(max_examples=count, deadline=None, database=None)
    @given(FEED_KINDS, STEPS)
    def scripts(kind: FeedKind, steps: list[Step]) -> None:
        check(kind, steps, journals)

    scripts()
