"""Pages that are too large to read: fewer rows are requested; a row too large by itself is recorded and skipped."""

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

# In place of the 32 MiB that the client allows by default.
MAX_BODY_BYTES = 8_192
TOO_LARGE_BYTES = 2 * MAX_BODY_BYTES
SMALL_BODIES = BodyLimits(max_body_bytes=MAX_BODY_BYTES, edge_bytes=128)
MIB = 1024 * 1024
TARGET = Target(url="http://127.0.0.1:1/api/v1", name="sim")
FEED_KINDS = ["key", "offset", "oldest"]


def sized(number: int, size: int = 10) -> Event:
    return event("custom.step", NOON + number * MILLISECOND, number=number, filler="x" * size)


def feed(log: list[Event], kind: str, page_size: int = 500, limits: BodyLimits = SMALL_BODIES) -> FeedSim:
    cursor_kind = "offset" if kind == "oldest" else kind
    return FeedSim(log, page_size, cursor_kind, oldest_first=kind == "oldest", limits=limits)


def numbers(session: Session) -> list[int]:
    return [event.payload["number"] for event in session.events()]


def too_large(session: Session) -> list[tuple[int | None, int | None]]:
    """Return, for each event recorded as too large, the numbers of the events before and after it."""
    gaps = [gap for gap in session.index.gaps if gap.reason is GapReason.TOO_LARGE]
    assert len(gaps) == len(session.index.gaps)
    return [(_number(gap.last_at), _number(gap.next_at)) for gap in gaps]


def _number(timestamp: int | None) -> int | None:
    return None if timestamp is None else (timestamp - NOON) // MILLISECOND


@pytest.mark.parametrize("kind", FEED_KINDS)
async def test_fewer_rows_are_requested_until_the_page_fits(kind: str) -> None:
    sim = feed([sized(number, 1_000) for number in range(60)], kind)
    async with sim.session() as session:
        await session.read_once()
        sim.log += [sized(number, 1_000) for number in range(60, 90)]
        await session.read_once()
        assert (numbers(session), session.index.gaps) == (list(range(90)), [])


@pytest.mark.parametrize("kind", FEED_KINDS)
@pytest.mark.parametrize("position", [0, 1, 60, 118, 119])
async def test_an_event_too_large_by_itself_is_recorded_and_skipped(kind: str, position: int) -> None:
    """In the history as well as at the head, and only once, however often it is skipped."""
    sim = feed(
        [sized(number, TOO_LARGE_BYTES if number == position else 10) for number in range(120)], kind, page_size=40
    )
    async with sim.session() as session:
        for _ in range(3):
            await session.read_once()
        expected = [number for number in range(120) if number != position]
        neighbours = (None if position == 0 else position - 1, None if position == 119 else position + 1)
        assert (numbers(session), too_large(session)) == (expected, [neighbours])
        for number in range(120, 126, 2):
            sim.log += [sized(number), sized(number + 1)]
            await session.read_once()
        neighbours = (neighbours[0], position + 1)
        assert (numbers(session), too_large(session)) == ([*expected, *range(120, 126)], [neighbours])


@pytest.mark.parametrize("kind", FEED_KINDS)
async def test_too_large_events_that_arrived_between_two_sessions_are_skipped(tmp_path: Path, kind: str) -> None:
    sim = feed([sized(number) for number in range(40)], kind, page_size=30)
    for _ in range(2):
        async with Session(
            sim.client().target, Journal.open(tmp_path / "j"), ManualClock(), client=sim.client()
        ) as session:
            await session.read_once()
        sim.log += [sized(number, TOO_LARGE_BYTES if number in (70, 71) else 10) for number in range(len(sim.log), 150)]
    async with Session(
        sim.client().target, Journal.open(tmp_path / "j"), ManualClock(), client=sim.client()
    ) as session:
        await session.read_once()
        assert (numbers(session), too_large(session)) == ([n for n in range(150) if n not in (70, 71)], [(69, 72)])


async def test_the_page_size_grows_back_once_events_are_small_again() -> None:
    log = [*map(sized, range(600)), *(sized(number, 30_000) for number in range(600, 605))]
    sim = feed(log, "key", page_size=30, limits=replace(SMALL_BODIES, max_body_bytes=65_536))
    async with sim.session() as session:
        await session.read_once()
        assert numbers(session) == list(range(605))
        assert len(sim.requests) < 55


async def test_a_cursor_that_is_a_page_number_loses_nothing() -> None:
    """Its cursor means another row for another page size, so the page size must not grow again."""
    sim = feed([*map(sized, range(60)), *(sized(number, 3_000) for number in range(60, 70))], "offset")
    pages, original_page = Counter[int](), sim._page

    def page(size: int, cursor: str | None) -> tuple[list[Event], str | None]:
        number = int(cursor or 0)
        pages[size] += 1
        found, next_cursor = original_page(size, str(number * size))
        return found, None if next_cursor is None else str(number + 1)

    sim._page = page  # type: ignore[method-assign]
    async with sim.session() as session:
        await session.read_once()
        assert numbers(session) == list(range(70))


@pytest.mark.parametrize("is_compressed", [False, True])
async def test_a_too_large_checkpoint_is_skipped(is_compressed: bool) -> None:
    rows = [
        checkpoint(f"ckpt_{number}", context="x" * (TOO_LARGE_BYTES if number == 5 else 10)) for number in range(12)
    ]

    def answer(request: httpx.Request) -> httpx.Response:
        begin, size = int(request.url.params.get("cursor", 0)), int(request.url.params["limit"])
        next_cursor = str(begin + size) if begin + size < len(rows) else None
        body = json.dumps({"data": {"checkpoints": rows[begin : begin + size], "next_cursor": next_cursor}}).encode()
        headers = UNLIMITED | ({"Content-Encoding": "gzip"} if is_compressed else {})
        return httpx.Response(200, headers=headers, content=stream(gzip.compress(body) if is_compressed else body))

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
@pytest.mark.parametrize("is_cursor_first", [False, True])
@pytest.mark.parametrize("cursor", ['c]}"1', None, 7])
def test_the_cursor_of_a_too_large_page_is_found(
    wrapped: Callable[[Any], Any], is_cursor_first: bool, cursor: Any
) -> None:
    rows = [{"payload": {"next_cursor": "no", "tags": ["x"], "filling": "x" * 999}}]
    page = {"next_cursor": cursor, "events": rows} if is_cursor_first else {"events": rows, "next_cursor": cursor}
    body = json.dumps(wrapped(page)).encode()
    assert find_next_cursor(body[:200], body[-200:], "events") == (None if cursor is None else str(cursor))


def test_a_missing_cursor_is_an_error() -> None:
    with pytest.raises(ValueError, match="cursor cannot be found"):
        find_next_cursor(b'{"events": [{"a": "xxx', b'xxx"}', "events")


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("no cursor", "its cursor cannot be found"),
        ("breaks off", "broke off in the middle"),
        ("too large to pass", "larger than 1 MiB"),
    ],
)
async def test_a_row_that_cannot_be_skipped_is_reported_as_too_large(case: str, reason: str) -> None:
    """The message names the size first and then why the row cannot be skipped."""
    limits = BodyLimits(
        max_body_bytes=MIB, edge_bytes=128, max_scanned_bytes=MIB if case == "too large to pass" else 2**30
    )
    single_row_requests = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal single_row_requests
        single_row_requests += request.url.params["limit"] == "1"
        return httpx.Response(200, content=large(breaks_off=case == "breaks off" and single_row_requests > 1))

    client = Client(TARGET, httpx.MockTransport(answer), ManualClock(), limits=limits)
    with pytest.raises(Unreachable, match=f"larger than 1 MiB, and it cannot be skipped: .*{reason}"):
        await client.events(500)
    await client.close()


async def large(*, breaks_off: bool) -> AsyncIterator[bytes]:
    yield b'{"data": {"events": [{"filling": "'
    for _ in range(20):
        yield b"x" * 65_536
        if breaks_off:
            raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")
