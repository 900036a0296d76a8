"""An interval that is faster than the rate limit allows is adapted and reported, and everything is still read."""

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

EVENT_COUNT = 2_000
PAGE_SIZE = 50
NOTE = "every 3 s: limited to 60 a minute"


class LimitedFeed:
    """A feed behind an enforced rate limit; `polls` are the times of the requests for the newest page."""

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
        # They replace the feed's own headers, which allow everything.
        response.headers.update(headers)
        return response

    @asynccontextmanager
    async def session(self, backfill: int) -> AsyncIterator[Session]:
        """Run a session with an interval of one second."""
        target = Target(url="http://127.0.0.1:1/api/v1", name="limited", interval=1.0)
        client = Client(target, httpx.MockTransport(self.answer), self.clock)
        session = Session(target, clock=self.clock, client=client, backfill=backfill, random_fn=longest_wait)
        async with session, running_session(session):
            yield session

    async def until(self, session: Session, condition: Callable[[], bool], seconds: float) -> None:
        """Advance the clock until `condition` holds; fail after `seconds`.

        The clock advances each time all readers are waiting: both polls, and the backfill if there is one.
        """
        while not condition():
            assert self.clock.monotonic() < seconds, f"not true after {seconds} s"
            await let_run(session, 8)
            await wait_until(lambda: self.clock.sleepers >= (3 if session.needs_backfill else 2))
            self.clock.skip()


class ManyCheckpoints(FeedSim):
    """A feed with 15 pages of checkpoints."""

    def respond(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/events"):
            return super().respond(request)
        page = int(request.url.params.get("cursor", 0))
        rows = [checkpoint(f"ckpt_{page}")]
        return httpx.Response(
            200, json={"data": {"checkpoints": rows, "next_cursor": str(page + 1) if page < 14 else None}}
        )


def feed() -> FeedSim:
    log = [started(NOON + n * SECOND, f"exec_{n}") for n in range(EVENT_COUNT)]
    return FeedSim(log, page_size=PAGE_SIZE, checkpoints=[checkpoint()])


async def test_history_is_read_although_polls_could_use_every_request() -> None:
    limited_feed = LimitedFeed(feed())
    async with limited_feed.session(backfill=EVENT_COUNT) as session:
        # 40 pages; the polls leave 20 requests a minute for them.
        await limited_feed.until(session, lambda: session.index.event_count == EVENT_COUNT, 180)
        assert not session.needs_backfill
        assert limited_feed.refused == 0
        assert max(later - earlier for earlier, later in pairwise(limited_feed.polls)) < 9
        assert len(limited_feed.polls) <= limited_feed.clock.monotonic() / 3 + 2


async def test_an_oldest_first_feed_is_read_although_polls_could_use_every_request() -> None:
    sim = feed()
    sim.oldest_first = True
    limited_feed = LimitedFeed(sim)
    async with limited_feed.session(backfill=0) as session:
        await limited_feed.until(session, lambda: session.index.event_count == EVENT_COUNT, 180)
        await limited_feed.until(session, lambda: session.connection.checkpoints.polls > 20, 240)
        assert limited_feed.refused == 0


async def test_checkpoints_of_many_pages_leave_room_for_the_newest_events() -> None:
    """Each listing takes 15 requests, and the next listing begins when it is complete."""
    limited_feed = LimitedFeed(ManyCheckpoints([started()]))
    async with limited_feed.session(backfill=0) as session:
        await limited_feed.until(session, lambda: limited_feed.clock.monotonic() > 300, 400)
        assert limited_feed.refused == 0
        assert session.connection.checkpoints.polls >= 10
        # The first minute's requests are all sent in its first seconds.
        steady = [sent_at for sent_at in limited_feed.polls if sent_at > 90]
        assert max(later - earlier for earlier, later in pairwise(steady)) <= 15


async def test_the_adapted_interval_is_shown_on_the_screen_and_on_the_command_line() -> None:
    limited_feed = LimitedFeed(FeedSim([started()]))
    async with limited_feed.session(backfill=0) as session:
        reporter = ConnectionReporter(session)
        await limited_feed.until(session, lambda: session.connection.polls == 3, 30)
        connection, now = session.connection, limited_feed.clock.monotonic()
        assert (connection.interval_note, connection.poll_interval, connection.stale_after) == (NOTE, 3.0, 9.0)
        assert connection.state(now) is ConnectionState.LIVE
        model = StatusModel(connection, now, "limited", None, read_only=False, counts={}, event_count=1)
        assert next_poll_text(model) == NOTE
        assert [line.partition(" ")[2] for line in reporter.new_messages()] == [f"polling {NOTE}"]
        assert list(reporter.new_messages()) == []


@pytest.mark.parametrize(
    ("width", "expected"),
    [(None, NOTE), (46, NOTE), (40, "every 3 s: limit 60/min"), (30, "every 3 s"), (0, "every 3 s")],
)
def test_the_interval_note_is_shortened_to_the_available_width(width: int | None, expected: str) -> None:
    source = SourceStatus(answered_at=99.0, next_at=101.0)
    connection = ConnectionStatus(1.0, source, source, poll_interval=3.0, allowed_interval=3.0, limit=60)
    model = StatusModel(connection, 100.0, "limited", None, read_only=False, counts={}, event_count=1)
    assert connection_spans(model, width)[-1][0] == expected


@pytest.mark.parametrize(
    ("size", "expected"), [(Size(60, 2), "every 3 s  "), (Size(80, 2), "every 3 s: limit 60/min"), (Size(100, 2), NOTE)]
)
def test_the_status_bar_shortens_the_interval_note_to_make_room_for_the_counts(
    size: Size, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = SourceStatus(answered_at=99.0, next_at=101.0)
    bar = StatusBar()
    bar.status = StatusModel(
        ConnectionStatus(1.0, source, source, poll_interval=3.0, allowed_interval=3.0, limit=60),
        100.0,
        "production-eu",
        None,
        read_only=False,
        counts={},
        event_count=1,
    )
    monkeypatch.setattr(StatusBar, "size", size)
    line = "".join(text for text, _ in bar.draw(0))
    assert expected in line
    assert line.count("run") == 1
    assert len(line.rstrip()) <= size.width


def test_an_interval_within_the_limit_is_shown_without_a_note() -> None:
    source = SourceStatus(answered_at=99.0, next_at=101.0)
    model = StatusModel(
        ConnectionStatus(5.0, source, source), 100.0, "free", None, read_only=False, counts={}, event_count=1
    )
    assert next_poll_text(model) == "every 5s"
