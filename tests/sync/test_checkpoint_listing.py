"""Checkpoints on many pages: all are read, and a checkpoint that only moved to another page is not removed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from scaicore_tui.api.budget import Priority
from scaicore_tui.api.checkpoint_listing import MAX_EMPTY_PAGES, PendingCheckpoints
from scaicore_tui.api.client import Client
from scaicore_tui.config import Target
from scaicore_tui.errors import Unreachable
from scaicore_tui.protocol import Checkpoint, CheckpointPage
from scaicore_tui.session import Session
from scaicore_tui.sync.status import ConnectionState
from tests.support.builders import NOON, checkpoint, started
from tests.support.feed_simulator import UNLIMITED, longest_wait
from tests.support.manual_clock import ManualClock
from tests.support.waiting import let_run, wait_until


def row(number: int) -> dict[str, Any]:
    return checkpoint(
        f"ckpt_{number:05}", created_at=f"2026-11-28T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}Z"
    )


@dataclass
class Server:
    """Serves checkpoints newest first, in pages of at most `size`; calls `after_page` after each page."""

    rows: list[dict[str, Any]]
    size: int = 50
    cursor_kind: str = "offset"
    headers: dict[str, str] = field(default_factory=lambda: dict(UNLIMITED))
    after_page: Callable[[], None] = lambda: None
    requests: list[str] = field(default_factory=list)
    posted: list[str] = field(default_factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        path, query = request.url.path, parse_qs(request.url.query.decode())
        if request.method == "POST":
            self.posted.append(path)
            one = next(row for row in self.rows if row["id"] in path)
            self.rows.remove(one)
            return httpx.Response(
                200, headers=self.headers, json={"data": one | {"status": "resolved", "resolution": "approve"}}
            )
        if path.endswith("/events"):
            self.requests.append("events")
            event = started(NOON).raw.decode()
            return httpx.Response(
                200, headers=self.headers, text=f'{{"data": {{"events": [{event}], "next_cursor": null}}}}'
            )
        self.requests.append("checkpoints")
        if query.get("status") != ["pending"]:
            return httpx.Response(200, headers=self.headers, json={"data": {"checkpoints": [], "next_cursor": None}})
        found, next_cursor = self._page(query.get("cursor", [None])[0], min(self.size, int(query["limit"][0])))
        self.after_page()
        return httpx.Response(
            200, headers=self.headers, json={"data": {"checkpoints": found, "next_cursor": next_cursor}}
        )

    def _page(self, cursor: str | None, size: int) -> tuple[list[dict[str, Any]], str | None]:
        ordered = self.rows[::-1]
        begin = 0
        if cursor is not None:
            begin = int(cursor) if self.cursor_kind == "offset" else sum(row["id"] >= cursor for row in ordered)
        page = ordered[begin : begin + size]
        if begin + size >= len(ordered):
            return page, None
        return page, str(begin + size) if self.cursor_kind == "offset" else page[-1]["id"]

    def session(self) -> Session:
        target, clock = Target(url="http://127.0.0.1:1/api/v1", name="sim"), ManualClock()
        client = Client(target, httpx.MockTransport(self.answer), clock)
        return Session(target, clock=clock, client=client, random_fn=longest_wait)


def ids(session: Session) -> set[str]:
    return {row.id for row in session.checkpoints}


@pytest.mark.parametrize("cursor_kind", ["offset", "key"])
@pytest.mark.parametrize(("count", "size"), [(40, 1), (300, 7), (1200, 50)])
async def test_all_pages_are_read_whatever_their_size(count: int, size: int, cursor_kind: str) -> None:
    server = Server([row(number) for number in range(count)], size, cursor_kind)
    async with server.session() as session:
        assert len(await session.client.all_checkpoints("pending")) == count
        await session.read_once()
        assert (len(session.checkpoints), session.is_listing, session.unread_reasons) == (count, False, [])


async def test_a_row_that_moves_up_between_two_pages_is_kept() -> None:
    """Before each listing a row arrives; after its first page the newest row is resolved and all others move up."""
    server = Server([row(number) for number in range(30)], size=10)
    async with server.session() as session:
        await session.read_once()
        number, pages = 30, 0

        def resolve() -> None:
            nonlocal pages
            pages += 1
            if pages == 1:
                del server.rows[-1]

        server.after_page = resolve
        for _ in range(5):
            pages, number = 0, number + 1
            server.rows.append(row(number))
            await session.read_once()
            assert {row["id"] for row in server.rows} <= ids(session)


async def test_a_checkpoint_resolved_elsewhere_is_removed_after_at_most_two_listings() -> None:
    server = Server([row(number) for number in range(30)], size=10)
    async with server.session() as session:
        await session.read_once()
        del server.rows[25]  # On the first page: its removal is noticed at once.
        await session.read_once(all_checkpoints=False)
        assert "ckpt_00025" not in ids(session)
        del server.rows[10]
        del server.rows[0]
        for _ in range(2):
            await session.read_once()
        assert ids(session) == {row["id"] for row in server.rows}


def test_a_row_missing_from_one_listing_is_kept() -> None:
    """The row's position is unknown, so the row is removed only after a second listing without it."""

    def list_pages(*second_page: str) -> set[str]:
        first = CheckpointPage((Checkpoint(id="a"), Checkpoint(id="b")), next_cursor="c1")
        pending.apply_first_page(first, 0.0, begin=True)
        pending.apply_next_page(CheckpointPage(tuple(Checkpoint(id=one) for one in second_page)), "c1", 0.0)
        return set(pending.rows)

    pending = PendingCheckpoints()
    assert list_pages("c", "d") == {"a", "b", "c", "d"}
    assert list_pages("c") == {"a", "b", "c", "d"}
    assert list_pages("c") == {"a", "b", "c"}


async def test_rows_on_pages_not_read_yet_are_kept() -> None:
    server = Server([row(number) for number in range(200)], size=50)
    async with server.session() as session:
        await session.read_once(all_checkpoints=False)
        assert (len(session.checkpoints), session.is_listing) == (50, True)
        await session.read_once()
        await session.read_once(all_checkpoints=False)
        assert (len(session.checkpoints), session.is_listing) == (200, True)


async def test_polls_and_writes_keep_their_share_beside_two_thousand_checkpoints() -> None:
    """With pages of 50 and 60 requests a minute the session stays live, and an answer is sent at once."""
    server = Server([row(number) for number in range(2_000)], headers={})
    async with server.session() as session:
        clock = session.clock
        assert isinstance(clock, ManualClock)
        running = asyncio.create_task(session.run())
        await wait_until(lambda: session.connection.polls)
        ages, oldest_ages, states = [], [], set()
        for _ in range(200):
            clock.advance(1)
            await let_run(session, 8)
            now, oldest_at = clock.monotonic(), session.pending_status.oldest_at
            assert oldest_at is not None
            ages.append(session.connection.age(now) or 0.0)
            oldest_ages.append(now - oldest_at)
            states.add(session.connection.state(now))
        assert (len(session.checkpoints), session.pending_status.pages) == (2_000, 40)
        assert (max(ages) < 15, max(oldest_ages) < 180, states) == (True, True, {ConnectionState.LIVE})
        before = len(server.requests)
        answer_task = asyncio.create_task(session.answer("ckpt_00003", "approve"))
        for _ in range(5):
            await let_run(session, 20)
            clock.advance(1)
        submission = await asyncio.wait_for(answer_task, 10)
        assert (submission.failure, len(server.posted)) == (None, 1)
        assert server.requests[before:].count("checkpoints") <= 9
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_checkpoint_is_looked_up_first_on_the_page_where_it_was() -> None:
    server = Server([row(number) for number in range(500)], size=50)
    async with server.session() as session:
        client = session.client
        await session.read_once()
        for removed_count, name in ((0, "ckpt_00240"), (7, "ckpt_00240"), (0, "ckpt_00499")):
            del server.rows[300 : 300 + removed_count]  # These rows are newer: all older rows move up.
            server.requests.clear()
            found = await client.find_checkpoint(name, priority=Priority.WRITE)
            assert found is not None
            assert (found.id, len(server.requests) <= 2) == (name, True)
        assert await client.find_checkpoint("ckpt_99999", max_pages=100) is None
        with pytest.raises(Unreachable, match="there are more"):
            await client.find_checkpoint("ckpt_99999", max_pages=3)


async def test_reading_endless_pages_stops_and_is_reported() -> None:
    server = Server([row(1), row(2)])
    pages = iter(range(10_000))
    server._page = lambda cursor, size: (server.rows if cursor is None else [], f"c{next(pages)}")  # type: ignore[method-assign]
    async with server.session() as session:
        await session.read_once()
        assert len(session.checkpoints) == 2
        assert "not all checkpoints were read" in session.unread_reasons[0]
        assert len(server.requests) < MAX_EMPTY_PAGES + 5
        assert len(await session.client.all_checkpoints("pending")) == 2
        assert session.client.cut_short
