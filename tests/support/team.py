"""Two recorders of one journal on a real PostgreSQL server, in this process, over a simulated feed: step by step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

import httpx
import psycopg

from scaicore_tui.api.client import Client
from scaicore_tui.auth import identify
from scaicore_tui.config import Target
from scaicore_tui.config.journal_url import JournalUrl
from scaicore_tui.errors import Conflict, ScaicoreError
from scaicore_tui.protocol import Event
from scaicore_tui.session.team_recorder import TeamRecorder
from scaicore_tui.store.journal import MAX_POSITION, Journal
from scaicore_tui.store.postgres import open_for_reading, open_for_writing
from scaicore_tui.store.postgres.address import schema_of
from tests.support.feed_model import Feed
from tests.support.manual_clock import ManualClock
from tests.support.server_journals import ServerJournals

NAMES = ("A", "B")
# Later than any limit on silence.
STEP_S = 100.0
TARGET = Target(url="http://127.0.0.1:1/api/v1", name="team")
_TABLES = (
    *("events", "gaps", "holes", "runs", "pending", "node_days", "node_parts", "asked", "identity", "recorders"),
    "removals",
)
_END_CONNECTIONS = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s"


class TeamServer:
    """A schema that two roles may write, each of which can be cut off."""

    def __init__(self, server: ServerJournals) -> None:
        self._connection = psycopg.connect(server.url, autocommit=True)
        self._server = server
        self._schema = schema_of(identify(TARGET))
        self.are_cut: set[str] = set()
        self.run("CREATE ROLE team", f"GRANT CREATE ON DATABASE {server.database} TO team")
        for name in NAMES:
            self.run(f"CREATE ROLE rec_{name.lower()} LOGIN", f"GRANT team TO rec_{name.lower()}")
        open_for_writing(self.url("A"), identify(TARGET)).close()

    def close(self) -> None:
        self.run("DROP OWNED BY team CASCADE", "DROP ROLE rec_a", "DROP ROLE rec_b", "DROP ROLE team")
        self._connection.close()

    def run(self, *statements: str) -> None:
        for statement in statements:
            self._connection.execute(statement.encode())

    def url(self, name: str) -> str:
        """Return the address for one of the recorders, whose tables belong to both."""
        folder = quote(str(self._server.folder), safe="")
        return f"postgresql://rec_{name.lower()}@/{self._server.database}?host={folder}&options=-c%20role%3Dteam"

    def empty(self) -> None:
        """Restore both recorders, and delete the content."""
        for name in NAMES:
            self.cut(name, is_cut=False)
        self.run(*(f"DELETE FROM {self._schema}.{table}" for table in _TABLES))  # noqa: S608  (constants)
        self.run(f"UPDATE {self._schema}.journal_state SET event_count = 0")  # noqa: S608  (a constant)

    def cut(self, name: str, *, is_cut: bool) -> None:
        """Refuse the connections of a recorder, and end those it has; or accept them again."""
        self.run(f"ALTER ROLE rec_{name.lower()} CONNECTION LIMIT {0 if is_cut else -1}")
        if is_cut:
            self.are_cut.add(name)
            self._connection.execute(_END_CONNECTIONS, (f"rec_{name.lower()}",))
        else:
            self.are_cut.discard(name)

    def age_reports(self) -> None:
        """Let the last reports of all recorders be a minute old."""
        self.run(f"UPDATE {self._schema}.recorders SET seen_at = seen_at - 60000000")  # noqa: S608  (a constant)

    def leaders(self) -> int:
        """Return how many recorders are shown as the leader."""
        query = f"SELECT count(*) FROM {self._schema}.recorders WHERE is_leader = 1"  # noqa: S608  (a constant)
        found = self._connection.execute(query.encode()).fetchone()
        assert found is not None
        return int(found[0])

    @contextmanager
    def journal(self) -> Iterator[Journal]:
        """Yield the journal for reading."""
        with open_for_reading(self._server.url, identify(TARGET)) as journal:
            yield journal


class Team:
    """Two recorders and the feed that they record."""

    def __init__(self, server: TeamServer, feed: Feed, folder: Path) -> None:
        self.server = server
        self.feed = feed
        self.clock = ManualClock()
        self.messages: list[str] = []
        # The requests of each recorder.
        self.requests: Counter[str] = Counter()
        self._folder = folder
        self._transports: list[httpx.MockTransport] = []
        self.recorders = {name: self._open(name) for name in NAMES}

    def _open(self, name: str) -> TeamRecorder:
        def respond(request: httpx.Request) -> httpx.Response:
            self.requests[name] += 1
            return self.feed.respond(request)

        client = Client(TARGET, httpx.MockTransport(respond), self.clock)
        url = JournalUrl(self.server.url(name))
        return TeamRecorder(
            TARGET,
            url,
            lambda message: self.messages.append(f"{name}: {message}"),
            backfill=10**9,
            clock=self.clock,
            client=client,
            folder=self._folder / name,
        )

    async def step(self, name: str) -> None:
        """Let time pass; then one recorder reports, does what is due, and polls if it records."""
        self.clock.advance(STEP_S)
        recorder = self.recorders[name]
        await recorder.report()
        if recorder.must_leave:
            await recorder.leave()
        with suppress(Conflict, ScaicoreError):
            if recorder.session is None:
                await recorder.advance()
            if recorder.session is not None:
                await recorder.session.read_once()

    async def resume(self, name: str) -> None:
        """Let one recorder poll before it reports, as one that was stopped and does not know what happened since."""
        session = self.recorders[name].session
        self.clock.advance(STEP_S)
        if session is not None:
            with suppress(ScaicoreError):
                await session.read_once()
        await self.step(name)

    async def kill(self, name: str) -> None:
        """End a recorder at once, and start another in its place."""
        # Nothing of it reaches the server any more.
        was_cut = name in self.server.are_cut
        self.server.cut(name, is_cut=True)
        await self.recorders[name].close()
        self.server.cut(name, is_cut=was_cut)
        self.recorders[name] = self._open(name)

    async def close(self) -> None:
        for recorder in self.recorders.values():
            await recorder.close()


def number_of(event: Event) -> int:
    """Return the number of an event of the feed."""
    return int((event.node_id or "n0")[1:])


def missing_without_gap(journal: Journal, feed: Feed) -> list[int]:
    """Return the numbers of events that were offered and are missing, where the journal has no gap for them.

    Events before the first in the journal need none: they are older than everything that was read.
    """
    gaps = sorted(gap.after for gap in journal.gaps() if not gap.is_history)
    offered = [number_of(event) for _, event in (*feed.forgotten, *feed.log)]
    rows = [(position, number_of(event)) for position, event in journal.read_between(-MAX_POSITION, MAX_POSITION)]
    found = list[int]()
    for (low, first), (high, second) in pairwise(rows):
        missing = [number for number in offered if first < number < second]
        found += [] if any(low <= after < high for after in gaps) else missing
    last = rows[-1][1] if rows else -1
    return found + [number for number in offered if number > last]
