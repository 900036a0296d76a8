"""An interval that is faster than the rate limit allows: it adapts, says so, and everything is read all the same."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import httpx
import pytest
from textual.geometry import Size

from scaicore_tui.api.client import Client
from scaicore_tui.cli.commands.follow import ConnectionReporter
from scaicore_tui.config import Target
from scaicore_tui.session import Session
from scaicore_tui.sync.status import ConnectionState, ConnectionStatus, SourceStatus
from scaicore_tui.tui.render.status import StatusModel, connection_spans, next_poll_text
from scaicore_tui.tui.widgets.bars import StatusBar
from tests.support.builders import NOON, SECOND, checkpoint, started
from tests.support.feed_simulator import FeedSim, longest_wait
from tests.support.manual_clock import ManualClock
from tests.support.rate_limited_server import RateLimitedServer
from tests.support.waiting import let_run, running_session, wait_until

EVENTS = 2_000
PAGE = 50
NOTE = "every 3 s: limited to 60 a minute"


class Limited:
    """A feed behind a rate limit that is enforced; `polls` are the times at which the newest page was asked for."""

    def __init__(self, sim: FeedSim) -> None:
        self.clock = ManualClock()
        self.server = RateLimitedServer(self.clock)
        self.refused = 0
        self.polls: list[float] = []
        self._sim = sim

    def answer(self, request: httpx.Request) -> httpx.Response:
        status, headers = self.server.count_request()
        self.refused += status == 429
        if request.url.path.endswith("/events") and b"cursor" not in request.url.query:
            self.polls.append(self.clock.monotonic())
        response = self._sim.respond(request) if status == 200 else httpx.Response(status, json={"detail": "slow down"})
        # The feed's own headers allow everything.
        response.headers.update(headers)
        return response

    @asynccontextmanager
    async def session(self, backfill: int) -> AsyncIterator[Session]:
        """A session that polls each second, if it may."""
        target = Target(url="http://127.0.0.1:1/api/v1", name="limited", interval=1.0)
        client = Client(target, httpx.MockTransport(self.answer), self.clock)
        session = Session(target, clock=self.clock, client=client, backfill=backfill, random_fn=longest_wait)
        async with session, running_session(session):
            yield session

    async def until(self, session: Session, fact: Callable[[], bool], seconds: float) -> None:
        """Let time pass until `fact` holds, and no longer than so many seconds.

        It passes while all readers wait for it: both polls, and history while there is some.
        """
        while not fact():
            assert self.clock.monotonic() < seconds, "it takes too long"
            await let_run(session, 8)
            await wait_until(lambda: self.clock.sleepers >= (3 if session.needs_backfill else 2))
            self.clock.skip()


class ManyCheckpoints(FeedSim):
    """A feed beside 15 pages of checkpoints."""

    def respond(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/events"):
            return super().respond(request)
        page = int(request.url.params.get("cursor", 0))
        rows = [checkpoint(f"ckpt_{page}")]
        return httpx.Response(
            200, json={"data": {"checkpoints": rows, "next_cursor": str(page + 1) if page < 14 else None}}
        )


def feed() -> FeedSim:
    log = [started(NOON + n * SECOND, f"exec_{n}") for n in range(EVENTS)]
    return FeedSim(log, page_size=PAGE, checkpoints=[checkpoint()])


async def test_history_is_read_beside_polls_that_want_every_request() -> None:
    limited = Limited(feed())
    async with limited.session(backfill=EVENTS) as session:
        # 40 pages, of which twenty a minute have room beside the polls.
        await limited.until(session, lambda: session.index.event_count == EVENTS, 180)
        assert not session.needs_backfill
        assert limited.refused == 0
        assert max(later - sooner for sooner, later in pairwise(limited.polls)) < 9
        assert len(limited.polls) <= limited.clock.monotonic() / 3 + 2


async def test_a_feed_that_is_oldest_first_is_read_beside_polls_that_want_every_request() -> None:
    sim = feed()
    sim.oldest_first = True
    limited = Limited(sim)
    async with limited.session(backfill=0) as session:
        await limited.until(session, lambda: session.index.event_count == EVENTS, 180)
        await limited.until(session, lambda: session.connection.checkpoints.polls > 20, 240)
        assert limited.refused == 0


async def test_checkpoints_of_many_pages_leave_room_for_the_newest_events() -> None:
    """Each listing takes 15 requests, and the next one begins when it is done."""
    limited = Limited(ManyCheckpoints([started()]))
    async with limited.session(backfill=0) as session:
        await limited.until(session, lambda: limited.clock.monotonic() > 300, 400)
        assert limited.refused == 0
        assert session.connection.checkpoints.polls >= 10
        # The first minute's requests go in its first seconds.
        steady = [moment for moment in limited.polls if moment > 90]
        assert max(later - sooner for sooner, later in pairwise(steady)) <= 15


async def test_the_interval_that_is_kept_is_said_on_the_screen_and_on_the_command_line() -> None:
    limited = Limited(FeedSim([started()]))
    async with limited.session(backfill=0) as session:
        contact = ConnectionReporter(session)
        await limited.until(session, lambda: session.connection.polls == 3, 30)
        link, now = session.connection, limited.clock.monotonic()
        assert (link.interval_note, link.poll_interval, link.stale_after) == (NOTE, 3.0, 9.0)
        assert link.state(now) is ConnectionState.LIVE
        standing = StatusModel(link, now, "limited", None, read_only=False, counts={}, event_count=1)
        assert next_poll_text(standing) == NOTE
        assert [line.partition(" ")[2] for line in contact.new_messages()] == [f"polling {NOTE}"]
        assert list(contact.new_messages()) == []


@pytest.mark.parametrize(
    ("room", "words"), [(None, NOTE), (46, NOTE), (40, "every 3 s: limit 60/min"), (30, "every 3 s"), (0, "every 3 s")]
)
def test_where_there_is_little_room_it_is_said_in_fewer_words(room: int | None, words: str) -> None:
    part = SourceStatus(answered_at=99.0, next_at=101.0)
    link = ConnectionStatus(1.0, part, part, poll_interval=3.0, allowed_interval=3.0, limit=60)
    standing = StatusModel(link, 100.0, "limited", None, read_only=False, counts={}, event_count=1)
    assert connection_spans(standing, room)[-1][0] == words


@pytest.mark.parametrize(
    ("size", "words"), [(Size(60, 2), "every 3 s  "), (Size(80, 2), "every 3 s: limit 60/min"), (Size(100, 2), NOTE)]
)
def test_the_status_bar_says_it_as_far_as_the_counts_leave_room(
    size: Size, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = SourceStatus(answered_at=99.0, next_at=101.0)
    bar = StatusBar()
    bar.status = StatusModel(
        ConnectionStatus(1.0, part, part, poll_interval=3.0, allowed_interval=3.0, limit=60),
        100.0,
        "production-eu",
        None,
        read_only=False,
        counts={},
        event_count=1,
    )
    monkeypatch.setattr(StatusBar, "size", size)
    line = "".join(text for text, _ in bar.draw(0))
    assert words in line
    assert line.count("run") == 1
    assert len(line.rstrip()) <= size.width


def test_an_interval_that_the_limit_allows_is_said_alone() -> None:
    part = SourceStatus(answered_at=99.0, next_at=101.0)
    standing = StatusModel(
        ConnectionStatus(5.0, part, part), 100.0, "free", None, read_only=False, counts={}, event_count=1
    )
    assert next_poll_text(standing) == "every 5s"
