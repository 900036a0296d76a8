"""Retention deletes finished runs by age and by size, and keeps unfinished ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from scaicore_tui.errors import StorageError
from scaicore_tui.protocol import Event
from scaicore_tui.session import Session
from scaicore_tui.store import Journal, JournalWriter
from scaicore_tui.store.ingest import PRUNE_INTERVAL_S
from scaicore_tui.store.retention import _USED_BYTES, MIN_KEPT_EVENTS
from scaicore_tui.tui.run_list_model import RunListModel
from tests.support.builders import NOON, SECOND, completed, event, started
from tests.support.feed_simulator import FeedSim
from tests.support.manual_clock import ManualClock
from tests.support.waiting import wait_until

NOTE = "x" * 500


def ended(numbers: Iterable[int], name: str = "exec") -> list[Event]:
    """Return runs of two events, one run per second, of about 1,000 bytes each."""
    return [
        step
        for n in numbers
        for step in (
            started(NOON + n * SECOND, f"{name}_{n:05}", input=NOTE),
            completed(NOON + n * SECOND + 1, f"{name}_{n:05}", output=NOTE),
        )
    ]


def strays(numbers: Iterable[int]) -> list[Event]:
    """Return events outside all runs, one per second."""
    return [event("custom.note", NOON + n * SECOND, execution=None, text=NOTE) for n in numbers]


def merged(*parts: list[Event]) -> list[Event]:
    return sorted((told for part in parts for told in part), key=lambda told: told.at or 0)


def used(journal: Journal) -> int:
    return int(journal.query(_USED_BYTES)[0][0])


def ids(journal: Journal) -> list[str]:
    return [found for (found,) in journal.query("SELECT execution_id FROM runs ORDER BY place")]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal.open(tmp_path / "j")


def writer_of(journal: Journal, events: list[Event]) -> JournalWriter:
    writer = JournalWriter(journal)
    writer.prepare()
    while writer.next_summaries(500):
        pass
    writer.append_new(events)
    return writer


def prune(writer: JournalWriter, size: int, before: int | None = None) -> int:
    """Run retention to its end; return the number of deleted events."""
    retention, count = writer.start_retention(before, size), 0
    while (gone := retention.prune_batch()) is not None:
        count += gone.event_count
    return count


@pytest.mark.parametrize("size", [2_000_000, 2_500_000, 3_500_000])
def test_the_oldest_runs_are_deleted_completely_and_no_more_than_needed(journal: Journal, size: int) -> None:
    writer = writer_of(journal, ended(range(3_000)))
    before = used(journal)
    assert before > 3_500_000
    count = prune(writer, size)
    assert size * 0.99 < used(journal) <= size
    left = ids(journal)
    assert left == [f"exec_{n:05}" for n in range(3_000 - len(left), 3_000)]
    assert (count, len(journal)) == (6_000 - 2 * len(left), 2 * len(left))


def test_unfinished_runs_and_the_newest_events_are_kept(journal: Journal) -> None:
    writer = writer_of(journal, [started(NOON, "exec_open"), *ended(range(1, 2_000))])
    prune(writer, 1)
    assert len(journal) == MIN_KEPT_EVENTS + 3
    assert ids(journal)[0] == "exec_open"


def test_a_run_that_ended_among_the_newest_events_is_kept_completely(journal: Journal) -> None:
    long = ended([0], "exec_long")
    writer = writer_of(journal, [long[0], *ended(range(1, 1_000)), long[1], *ended(range(1_000, 1_200))])
    prune(writer, 1)
    assert ids(journal)[0] == "exec_long_00000"
    assert len(list(journal.history("exec_long_00000"))) == 2


def test_events_outside_runs_are_deleted_with_runs_of_their_time(journal: Journal) -> None:
    writer = writer_of(journal, merged(ended(range(3_000)), strays(range(3_000))))
    prune(writer, 3_000_000)
    found = journal.query("SELECT min(at) FROM events GROUP BY execution_id IS NULL")
    (oldest_run,), (oldest_stray,) = found
    assert 2_900_000 < used(journal) <= 3_000_000
    assert abs(oldest_run - oldest_stray) <= 50 * SECOND
    assert oldest_run > NOON + 1_000 * SECOND


def test_a_feed_without_runs_is_kept_small_too(journal: Journal) -> None:
    writer = writer_of(journal, strays(range(9_000)))
    assert prune(writer, 3_000_000) > 2_000
    assert used(journal) <= 3_000_000
    assert prune(writer, 1) > 0
    assert len(journal) == MIN_KEPT_EVENTS + 1


def test_as_many_events_are_kept_below_an_open_gap_as_below_the_head(journal: Journal) -> None:
    """Otherwise the lower end of the gap would not be recognized, and the gap would look filled."""
    writer = writer_of(journal, ended(range(1_000)))
    _, hole = writer.append_above_gap(ended(range(5_000, 6_500)), NOON, "cursor")
    prune(writer, 1)
    assert len(journal.newest_raw(5_000, hole.after)) == MIN_KEPT_EVENTS + 2
    assert len(journal) == MIN_KEPT_EVENTS + 2 + 3_000


def test_a_late_event_of_a_deleted_run_starts_a_new_run(journal: Journal) -> None:
    old = completed(NOON, "exec_old")
    writer = writer_of(journal, [started(NOON, "exec_old"), old, *strays(range(1, 1_500))])
    assert prune(writer, 1) == 500
    change = writer.append_new([event("custom.note", NOON + 9, "exec_old")])
    (summary,) = change.summaries.values()
    assert (summary.event_count, summary.joined_late) == (1, True)
    assert summary.position == next(journal.history("exec_old"))[0]


def test_age_and_size_both_count(journal: Journal) -> None:
    writer = writer_of(journal, ended(range(2_000)))
    prune(writer, 10**9, before=NOON + 100 * SECOND)
    assert ids(journal)[0] == "exec_00100"
    prune(writer, 2_000_000, before=NOON + 100 * SECOND)
    assert used(journal) <= 2_000_000
    assert ids(journal)[0] > "exec_00100"


def test_nothing_is_deleted_on_a_full_disk(journal: Journal) -> None:
    writer = writer_of(journal, ended(range(2_000)))
    retention = writer.start_retention(None, 1)
    journal.query("PRAGMA query_only = ON")
    with pytest.raises(StorageError):
        retention.prune_batch()
    assert len(journal) == 4_000
    journal.query("PRAGMA query_only = OFF")
    assert retention.prune_batch() is not None
    assert len(journal) < 4_000


@asynccontextmanager
async def running(sim: FeedSim, path: Path, clock: ManualClock, **keeps: float) -> AsyncIterator[Session]:
    """Yield a running session with its own journal."""
    client = sim.client()
    async with Session(replace(client.target, **keeps), Journal.open(path), clock, client=client) as session:
        await session.read_once()
        task = asyncio.create_task(session.run())
        yield session
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def at_rest(clock: ManualClock) -> None:
    """Wait until both polls and retention are finished and sleep."""
    await wait_until(lambda: clock.sleepers == 3)


async def test_a_file_at_its_size_limit_does_not_grow(tmp_path: Path) -> None:
    path, clock = tmp_path / "j", ManualClock(NOON / SECOND)
    sim = FeedSim(ended(range(1_500)))
    async with running(sim, path, clock, keep_mb=2) as session:
        await at_rest(clock)
        await wait_until(lambda: used(session.journal) <= 2_000_000)
        sizes = set()
        for begin in range(1_500, 2_700, 300):
            sim.log += ended(range(begin, begin + 300))
            for _ in range(2):
                clock.advance(PRUNE_INTERVAL_S)
                await at_rest(clock)
            await wait_until(lambda: used(session.journal) <= 2_000_000)
            assert f"exec_{begin + 299:05}" in session.index.summaries
            session.journal.query("PRAGMA wal_checkpoint(TRUNCATE)")
            sizes.add(path.stat().st_size)
        assert len(sizes) == 1
        assert [summary.execution_id for summary in session.index.order] == ids(session.journal)
        assert session.index.event_count == len(session.journal)


async def test_retention_on_a_full_disk_is_tried_again_later(tmp_path: Path) -> None:
    clock = ManualClock(NOON / SECOND)
    async with running(FeedSim(ended(range(2_000))), tmp_path / "j", clock, keep_mb=1.3) as session:
        session.journal.query("PRAGMA query_only = ON")
        await at_rest(clock)
        assert len(session.journal) == 4_000
        session.journal.query("PRAGMA query_only = OFF")
        clock.advance(PRUNE_INTERVAL_S)
        await wait_until(lambda: used(session.journal) <= 1_300_000)


async def test_runs_that_ended_long_ago_are_deleted(tmp_path: Path) -> None:
    day = 86_400 * SECOND
    old = [
        step for n in range(120) for step in (started(NOON + n, f"exec_old{n}"), completed(NOON + n, f"exec_old{n}"))
    ]
    stays = [started(NOON + 500, "exec_open"), *(started(NOON + 40 * day + n, f"exec_{n}") for n in range(1_100))]
    stray = event("custom.note", NOON + 1, execution=None)
    sim = FeedSim([*old, stray, *stays])
    client = sim.client()
    target = replace(client.target, keep_days=30)
    clock = ManualClock(NOON / SECOND + 41 * 86_400)
    async with Session(target, Journal.open(tmp_path / "j"), clock, client=client) as session:
        await session.read_once()
        listing = RunListModel()
        listing.apply(session.index, session.index.runs)
        session.subscribe(lambda update: listing.apply(session.index, update.runs))
        task = asyncio.create_task(session.run())
        await wait_until(lambda: len(session.index.runs) == 1_101 and session.index.event_count == 1_101)
        assert (len(session.journal), len(listing), listing.row_of("exec_old7")) == (1_101, 1_101, None)
        assert session.index.runs["exec_open"].event_count == 1
        assert session.index.counts.total() == 1_101
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    async with Session(target, Journal.open(tmp_path / "j"), clock, client=sim.client()) as session:
        await session.read_once()
        assert len(session.index.runs) == 1_101
