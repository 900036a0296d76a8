"""Pages too large to be read: fewer rows are asked for; a row that is too large by itself is noted and passed."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from scaicore_tui.api.client import Client
from scaicore_tui.api.response_body import BodyLimits
from scaicore_tui.config import Target
from scaicore_tui.errors import Unreachable
from scaicore_tui.protocol import Event
from scaicore_tui.protocol.envelope import find_next_cursor
from scaicore_tui.runs.gaps import GapReason
from scaicore_tui.session import Session
from scaicore_tui.store import Journal
from tests.support.builders import MILLISECOND, NOON, checkpoint, event
from tests.support.feed_simulator import UNLIMITED, FeedSim
from tests.support.manual_clock import ManualClock

# What stands for 32 MiB here.
MOST = 8_192
HUGE = 2 * MOST
SMALL_BODIES = BodyLimits(max_body_bytes=MOST, edge_bytes=128)
MIB = 1024 * 1024
TARGET = Target(url="http://127.0.0.1:1/api/v1", name="sim")
KINDS = ["key", "offset", "oldest"]


def sized(number: int, size: int = 10) -> Event:
    return event("custom.step", NOON + number * MILLISECOND, number=number, filling="x" * size)


def feed(log: list[Event], kind: str, page_size: int = 500, limits: BodyLimits = SMALL_BODIES) -> FeedSim:
    cursor_kind = "offset" if kind == "oldest" else kind
    return FeedSim(log, page_size, cursor_kind, oldest_first=kind == "oldest", limits=limits)


def numbers(session: Session) -> list[int]:
    return [event.payload["number"] for event in session.events()]


def too_large(session: Session) -> list[tuple[int | None, int | None]]:
    """The numbers on either side of each event that is noted as too large."""
    gaps = [gap for gap in session.index.gaps if gap.reason is GapReason.TOO_LARGE]
    assert len(gaps) == len(session.index.gaps)
    return [(_number(gap.last_at), _number(gap.next_at)) for gap in gaps]


def _number(at: int | None) -> int | None:
    return None if at is None else (at - NOON) // MILLISECOND


@pytest.mark.parametrize("kind", KINDS)
async def test_fewer_are_asked_for_until_the_page_fits(kind: str) -> None:
    sim = feed([sized(number, 1_000) for number in range(60)], kind)
    async with sim.session() as session:
        await session.read_once()
        sim.log += [sized(number, 1_000) for number in range(60, 90)]
        await session.read_once()
        assert (numbers(session), session.index.gaps) == (list(range(90)), [])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("at", [0, 1, 60, 118, 119])
async def test_an_event_that_is_too_large_by_itself_is_noted_and_passed(kind: str, at: int) -> None:
    """In history as well as at the head, and once, however often it is passed."""
    sim = feed([sized(number, HUGE if number == at else 10) for number in range(120)], kind, page_size=40)
    async with sim.session() as session:
        for _ in range(3):
            await session.read_once()
        expected = [number for number in range(120) if number != at]
        beside = (None if at == 0 else at - 1, None if at == 119 else at + 1)
        assert (numbers(session), too_large(session)) == (expected, [beside])
        for number in range(120, 126, 2):
            sim.log += [sized(number), sized(number + 1)]
            await session.read_once()
        beside = (beside[0], at + 1)
        assert (numbers(session), too_large(session)) == ([*expected, *range(120, 126)], [beside])


@pytest.mark.parametrize("kind", KINDS)
async def test_in_what_came_while_nobody_looked_it_is_passed_as_well(tmp_path: Path, kind: str) -> None:
    sim = feed([sized(number) for number in range(40)], kind, page_size=30)
    for _ in range(2):
        async with Session(
            sim.client().target, Journal.open(tmp_path / "j"), ManualClock(), client=sim.client()
        ) as session:
            await session.read_once()
        sim.log += [sized(number, HUGE if number in (70, 71) else 10) for number in range(len(sim.log), 150)]
    async with Session(
        sim.client().target, Journal.open(tmp_path / "j"), ManualClock(), client=sim.client()
    ) as session:
        await session.read_once()
        assert (numbers(session), too_large(session)) == ([n for n in range(150) if n not in (70, 71)], [(69, 72)])


async def test_once_events_are_small_again_so_many_are_asked_for_as_before() -> None:
    log = [*map(sized, range(600)), *(sized(number, 30_000) for number in range(600, 605))]
    sim = feed(log, "key", page_size=30, limits=replace(SMALL_BODIES, max_body_bytes=65_536))
    async with sim.session() as session:
        await session.read_once()
        assert numbers(session) == list(range(605))
        assert len(sim.requests) < 55


async def test_a_cursor_that_counts_pages_loses_nothing() -> None:
    """There the same cursor leads elsewhere with another limit: then no more are asked for than fitted once."""
    sim = feed([*map(sized, range(60)), *(sized(number, 3_000) for number in range(60, 70))], "offset")
    pages, plain = Counter[int](), sim._page

    def page(size: int, cursor: str | None) -> tuple[list[Event], str | None]:
        number = int(cursor or 0)
        pages[size] += 1
        found, following = plain(size, str(number * size))
        return found, None if following is None else str(number + 1)

    sim._page = page  # type: ignore[method-assign]
    async with sim.session() as session:
        await session.read_once()
        assert numbers(session) == list(range(70))


@pytest.mark.parametrize("packed", [False, True])
async def test_checkpoints_are_read_around_one_that_is_too_large(packed: bool) -> None:
    rows = [checkpoint(f"ckpt_{number}", context="x" * (HUGE if number == 5 else 10)) for number in range(12)]

    def answer(request: httpx.Request) -> httpx.Response:
        begin, size = int(request.url.params.get("cursor", 0)), int(request.url.params["limit"])
        following = str(begin + size) if begin + size < len(rows) else None
        body = json.dumps({"data": {"checkpoints": rows[begin : begin + size], "next_cursor": following}}).encode()
        headers = UNLIMITED | ({"Content-Encoding": "gzip"} if packed else {})
        return httpx.Response(200, headers=headers, content=stream(gzip.compress(body) if packed else body))

    client = Client(TARGET, httpx.MockTransport(answer), ManualClock(), limits=SMALL_BODIES)
    found = await client.all_checkpoints("pending")
    assert [row.id for row in found] == [f"ckpt_{number}" for number in range(12) if number != 5]
    assert client.unreadable == 1
    await client.close()


async def stream(body: bytes) -> AsyncIterator[bytes]:
    for begin in range(0, len(body), 1_000):
        yield body[begin : begin + 1_000]


ENDINGS: list[Callable[[Any], dict[str, Any]]] = [
    lambda page: {"data": page},
    lambda page: page,
    lambda page: {"status": "ok", "data": page | {"warnings": []}, "meta": {"ids": [1]}},
]


@pytest.mark.parametrize("wrapped", ENDINGS)
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("cursor", ['c]}"1', None, 7])
def test_the_cursor_is_found_beside_what_is_too_large(wrapped: Callable[[Any], Any], first: bool, cursor: Any) -> None:
    rows = [{"payload": {"next_cursor": "no", "tags": ["x"], "filling": "x" * 999}}]
    page = {"next_cursor": cursor, "events": rows} if first else {"events": rows, "next_cursor": cursor}
    body = json.dumps(wrapped(page)).encode()
    assert find_next_cursor(body[:200], body[-200:], "events") == (None if cursor is None else str(cursor))


def test_without_a_cursor_it_is_not_guessed() -> None:
    with pytest.raises(ValueError, match="cursor cannot be found"):
        find_next_cursor(b'{"events": [{"a": "xxx', b'xxx"}', "events")


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ("no cursor", "its cursor cannot be found"),
        ("breaks off", "broke off in the middle"),
        ("too large to pass", "larger than 1 MiB"),
    ],
)
async def test_one_that_can_not_be_passed_is_called_too_large(way: str, words: str) -> None:
    """What it is comes first, and then why it can't be passed: else a large answer looks like a broken connection."""
    limits = BodyLimits(
        max_body_bytes=MIB, edge_bytes=128, max_scanned_bytes=MIB if way == "too large to pass" else 2**30
    )
    passing = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal passing
        passing += request.url.params["limit"] == "1"
        return httpx.Response(200, content=large(breaks_off=way == "breaks off" and passing > 1))

    client = Client(TARGET, httpx.MockTransport(answer), ManualClock(), limits=limits)
    with pytest.raises(Unreachable, match=f"larger than 1 MiB, and it cannot be skipped: .*{words}"):
        await client.events(500)
    await client.close()


async def large(*, breaks_off: bool) -> AsyncIterator[bytes]:
    yield b'{"data": {"events": [{"filling": "'
    for _ in range(20):
        yield b"x" * 65_536
        if breaks_off:
            raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")
