"""Retention deletes finished runs by age and by size, and keeps unfinished ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from scaicore_tui.errors import StorageError
from scaicore_tui.protocol import Event
from scaicore_tui.session import Session
from scaicore_tui.store import Journal, JournalWriter
from scaicore_tui.store.ingest import PRUNE_INTERVAL_S
from scaicore_tui.store.retention import MIN_KEPT_EVENTS
from scaicore_tui.tui.run_list_model import RunListModel
from tests.support import stored
from tests.support.builders import NOON, SECOND, completed, event, started
from tests.support.feed_simulator import FeedSim
from tests.support.manual_clock import ManualClock
from tests.support.waiting import wait_until

NOTE = "x" * 500


def ended(numbers: Iterable[int], name: str = "exec") -> list[Event]:
    """Return the events of runs with two events, one run per second, of about 1,000 bytes each."""
    return [
        step
        for n in numbers
        for step in (
            started(NOON + n * SECOND, f"{name}_{n:05}", input=NOTE),
            completed(NOON + n * SECOND + 1, f"{name}_{n:05}", output=NOTE),
        )
    ]


def events_outside_runs(numbers: Iterable[int]) -> list[Event]:
    """Return events outside all runs, one per second."""
    return [event("custom.note", NOON + n * SECOND, execution=None, text=NOTE) for n in numbers]


def merged(*parts: list[Event]) -> list[Event]:
    """Return the events of all parts, sorted by time."""
    return sorted((event for part in parts for event in part), key=lambda event: event.at or 0)


def used_bytes(journal: Journal) -> int:
    """Return the size of the journal's data, in bytes."""
    return int(journal.query(journal.dialect.used_bytes)[0][0])


def run_ids(journal: Journal) -> list[str]:
    """Return the ids of all runs in the journal, oldest first."""
    return [found for (found,) in journal.query("SELECT execution_id FROM runs ORDER BY place")]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal.open(tmp_path / "j") as journal:
        yield journal


def writer_of(journal: Journal, events: list[Event]) -> JournalWriter:
    """Return a writer that has appended `events` to the journal."""
    writer = JournalWriter(journal)
    writer.prepare()
    while writer.rebuild_missing() is not None:
        pass
    writer.append_new(events)
    return writer


def prune(writer: JournalWriter, size: int, before: int | None = None) -> int:
    """Run retention to its end; return the number of deleted events."""
    retention, count = writer.start_retention(before, size), 0
    while (deleted := retention.prune_batch()) is not None:
        count -= deleted.event_count
    return count


@pytest.mark.parametrize("size", [2_000_000, 2_500_000, 3_500_000])
def test_the_oldest_runs_are_deleted_completely_and_no_more_than_needed(journal: Journal, size: int) -> None:
    writer = writer_of(journal, ended(range(3_000)))
    before = used_bytes(journal)
    assert before > 3_500_000
    count = prune(writer, size)
    assert size * 0.99 < used_bytes(journal) <= size
    remaining = run_ids(journal)
    assert remaining == [f"exec_{n:05}" for n in range(3_000 - len(remaining), 3_000)]
    assert (count, len(journal)) == (6_000 - 2 * len(remaining), 2 * len(remaining))


def test_unfinished_runs_and_the_newest_events_are_kept(journal: Journal) -> None:
    writer = writer_of(journal, [started(NOON, "exec_open"), *ended(range(1, 2_000))])
    prune(writer, 1)
    assert len(journal) == MIN_KEPT_EVENTS + 3
    assert run_ids(journal)[0] == "exec_open"


def test_a_run_that_ended_among_the_newest_events_is_kept_completely(journal: Journal) -> None:
    long_run = ended([0], "exec_long")
    writer = writer_of(journal, [long_run[0], *ended(range(1, 1_000)), long_run[1], *ended(range(1_000, 1_200))])
    prune(writer, 1)
    assert run_ids(journal)[0] == "exec_long_00000"
    assert len(list(journal.history("exec_long_00000"))) == 2


def test_events_outside_runs_are_deleted_with_runs_of_their_time(journal: Journal) -> None:
    writer = writer_of(journal, merged(ended(range(3_000)), events_outside_runs(range(3_000))))
    prune(writer, 3_000_000)
    found = journal.query("SELECT min(at) FROM events GROUP BY execution_id IS NULL")
    (oldest_run,), (oldest_outside,) = found
    assert 2_900_000 < used_bytes(journal) <= 3_000_000
    assert abs(oldest_run - oldest_outside) <= 50 * SECOND
    assert oldest_run > NOON + 1_000 * SECOND


def test_the_size_limit_also_holds_for_a_feed_without_runs(journal: Journal) -> None:
    writer = writer_of(journal, events_outside_runs(range(9_000)))
    assert prune(writer, 3_000_000) > 2_000
    assert used_bytes(journal) <= 3_000_000
    assert prune(writer, 1) > 0
    assert len(journal) == MIN_KEPT_EVENTS + 1


def test_as_many_events_are_kept_below_an_open_gap_as_below_the_head(journal: Journal) -> None:
    """Otherwise the lower end of the gap would not be recognized, and the gap would look filled."""
    writer = writer_of(journal, ended(range(1_000)))
    _, open_gap = writer.append_above_gap(ended(range(5_000, 6_500)), NOON, "cursor")
    prune(writer, 1)
    assert len(journal.newest_raw(5_000, open_gap.after)) == MIN_KEPT_EVENTS + 2
    assert len(journal) == MIN_KEPT_EVENTS + 2 + 3_000


def test_a_late_event_of_a_deleted_run_starts_a_new_run(journal: Journal) -> None:
    old = completed(NOON, "exec_old")
    writer = writer_of(journal, [started(NOON, "exec_old"), old, *events_outside_runs(range(1, 1_500))])
    assert prune(writer, 1) == 500
    delta = writer.append_new([event("custom.note", NOON + 9, "exec_old")])
    (summary,) = delta.upserted.values()
    assert (summary.event_count, summary.joined_late) == (1, True)
    assert summary.position == next(journal.history("exec_old"))[0]


def test_runs_are_deleted_by_age_and_by_size(journal: Journal) -> None:
    writer = writer_of(journal, ended(range(2_000)))
    prune(writer, 10**9, before=NOON + 100 * SECOND)
    assert run_ids(journal)[0] == "exec_00100"
    prune(writer, 2_000_000, before=NOON + 100 * SECOND)
    assert used_bytes(journal) <= 2_000_000
    assert run_ids(journal)[0] > "exec_00100"


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
async def running(sim: FeedSim, path: Path, clock: ManualClock, **limits: float) -> AsyncIterator[Session]:
    """Yield a running session with its own journal."""
    client = sim.client()
    async with Session(replace(client.target, **limits), Journal.open(path), clock, client=client) as session:
        await session.read_once()
        task = asyncio.create_task(session.run())
        yield session
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def wait_until_idle(clock: ManualClock) -> None:
    """Wait until both polls and retention have finished and sleep."""
    await wait_until(lambda: clock.sleepers == 3)


async def test_a_file_at_its_size_limit_does_not_grow(tmp_path: Path) -> None:
    path, clock = tmp_path / "j", ManualClock(NOON / SECOND)
    sim = FeedSim(ended(range(1_500)))
    async with running(sim, path, clock, keep_mb=2) as session:
        await wait_until_idle(clock)
        await wait_until(lambda: used_bytes(session.journal) <= 2_000_000)
        sizes = set()
        for first in range(1_500, 2_700, 300):
            sim.log += ended(range(first, first + 300))
            for _ in range(2):
                clock.advance(PRUNE_INTERVAL_S)
                await wait_until_idle(clock)
            await wait_until(lambda: used_bytes(session.journal) <= 2_000_000)
            assert f"exec_{first + 299:05}" in run_ids(session.journal)
            session.journal.query("PRAGMA wal_checkpoint(TRUNCATE)")
            sizes.add(path.stat().st_size)
        assert len(sizes) == 1
        assert list(session.index.order) == [row.position for row in stored.summaries(session.stored_runs)]
        assert session.index.event_count == len(session.journal)


async def test_retention_on_a_full_disk_is_tried_again_later(tmp_path: Path) -> None:
    clock = ManualClock(NOON / SECOND)
    async with running(FeedSim(ended(range(2_000))), tmp_path / "j", clock, keep_mb=1.3) as session:
        session.journal.query("PRAGMA query_only = ON")
        await wait_until_idle(clock)
        assert len(session.journal) == 4_000
        session.journal.query("PRAGMA query_only = OFF")
        clock.advance(PRUNE_INTERVAL_S)
        await wait_until(lambda: used_bytes(session.journal) <= 1_300_000)


async def test_runs_that_ended_long_ago_are_deleted(tmp_path: Path) -> None:
    day = 86_400 * SECOND
    old = [
        step for n in range(120) for step in (started(NOON + n, f"exec_old{n}"), completed(NOON + n, f"exec_old{n}"))
    ]
    kept = [started(NOON + 500, "exec_open"), *(started(NOON + 40 * day + n, f"exec_{n}") for n in range(1_100))]
    outside = event("custom.note", NOON + 1, execution=None)
    sim = FeedSim([*old, outside, *kept])
    client = sim.client()
    target = replace(client.target, keep_days=30)
    clock = ManualClock(NOON / SECOND + 41 * 86_400)
    async with Session(target, Journal.open(tmp_path / "j"), clock, client=client) as session:
        await session.read_once()
        run_list = RunListModel()
        run_list.apply(session.index, session.everything())
        session.subscribe(lambda delta: run_list.apply(session.index, delta))
        task = asyncio.create_task(session.run())
        await wait_until(lambda: len(session.index.order) == 1_101 and session.index.event_count == 1_101)
        assert (len(session.journal), len(run_list), run_list.row_of("exec_old7")) == (1_101, 1_101, None)
        assert session.index.runs["exec_open"].event_count == 1
        assert session.index.counts.total() == 1_101
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    async with Session(target, Journal.open(tmp_path / "j"), clock, client=sim.client()) as session:
        await session.read_once()
        assert len(session.index.order) == 1_101
