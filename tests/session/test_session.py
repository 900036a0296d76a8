"""The session: updates, resuming the journal, gaps, history, and finding runs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from scaicore_tui.errors import NotFound, UsageError
from scaicore_tui.runs import Delta, RunStatus
from scaicore_tui.session import Session
from scaicore_tui.store import Journal, JournalWriter
from tests.support.builders import MILLISECOND, NOON, checkpoint, completed, entered, started
from tests.support.feed_simulator import FeedSim


async def test_a_delta_has_the_changed_runs_and_checkpoints() -> None:
    sim = FeedSim([started(), started(NOON + 1, "exec_2")], checkpoints=[checkpoint(execution_id="exec_2")])
    deltas: list[Delta] = []
    async with sim.session() as session:
        session.subscribe(deltas.append)
        await session.read_once()
        assert {run for delta in deltas for run in delta.upserted} == {"exec_1", "exec_2"}
        assert [delta.checkpoints is not None for delta in deltas].count(True) == 1
        assert session.index.runs["exec_2"].status is RunStatus.WAITING
        deltas.clear()
        await session.read_once()
        assert Delta() in deltas
        assert all(not delta.has_runs and delta.checkpoints is None for delta in deltas)


async def test_a_session_resumes_where_the_journal_ends(tmp_path: Path) -> None:
    sim = FeedSim([started(), *(entered(f"n{i}", NOON + i * MILLISECOND) for i in range(20))])
    client = sim.client()
    async with Session(client.target, Journal.open(tmp_path / "j"), client=client) as session:
        await session.read_once()
    sim.log.append(completed(NOON + 99))
    client = sim.client()
    async with Session(client.target, Journal.open(tmp_path / "j"), client=client) as session:
        assert session.index.runs["exec_1"].event_count == 21
        await session.read_once()
        assert session.index.runs["exec_1"].status is RunStatus.COMPLETED
        assert (len(session.journal), session.journal.gap_count()) == (22, 0)


async def test_deltas_distinguish_runs_that_were_loaded_from_the_journal(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "j") as journal:
        writer = JournalWriter(journal)
        writer.prepare()
        assert writer.rebuild_missing() is None
        writer.append_new([started(NOON + n * MILLISECOND, f"exec_{n:03}") for n in range(510)])
    client = FeedSim([started(NOON + 999 * MILLISECOND, "exec_new")]).client()
    deltas: list[Delta] = []
    async with Session(client.target, Journal.open(tmp_path / "j"), client=client) as session:
        session.subscribe(deltas.append)
        await session.read_once()
    (loaded,) = [delta.loaded for delta in deltas if delta.loaded]
    assert list(loaded[RunStatus.RUNNING])[:510] == list(range(510))
    assert [delta.is_loaded for delta in deltas if "exec_new" in delta.upserted] == [False]


async def test_a_screen_that_asks_for_a_run_while_the_session_ends_gets_nothing() -> None:
    sim = FeedSim([started()])
    async with sim.session() as session:
        await session.read_once()
        async with asyncio.TaskGroup() as ended:
            session.reader.start(ended)
        session.reader.request_run("exec_1")


async def test_events_lost_to_retention_are_a_gap(tmp_path: Path) -> None:
    sim = FeedSim([entered(f"n{i}", NOON + i * MILLISECOND) for i in range(20)])
    client = sim.client()
    async with Session(client.target, Journal.open(tmp_path / "j"), client=client) as session:
        await session.read_once()
        deltas: list[Delta] = []
        session.subscribe(deltas.append)
        await session.read_once()
        assert all(delta.gaps is None for delta in deltas)
        sim.log[:] = [entered(f"m{i}", NOON + (50 + i) * MILLISECOND) for i in range(5)]
        await session.read_once()
        assert (len(session.journal), session.journal.gap_count()) == (25, 1)
        assert sum(delta.gaps is not None for delta in deltas) == 1
        (gap,) = session.index.gaps
        assert (gap.last_at, gap.next_at) == (NOON + 19 * MILLISECOND, NOON + 50 * MILLISECOND)
    async with Session(client.target, Journal.open(tmp_path / "j"), client=sim.client()) as session:
        assert session.index.gaps == [gap]


async def test_a_run_is_no_longer_joined_late_once_its_history_is_read() -> None:
    steps = [started(), *(entered(f"n{i}", NOON + i * MILLISECOND) for i in range(9))]
    sim = FeedSim(steps, page_size=4)
    async with sim.session(backfill=0) as session:
        await session.read_once()
        assert session.index.runs["exec_1"].joined_late
        while session.has_older:
            await session.load_older()
        run = session.index.runs["exec_1"]
        assert (run.joined_late, run.event_count, session.index.event_count) == (False, 10, 10)


async def test_a_run_is_found_by_the_beginning_of_its_id() -> None:
    sim = FeedSim([started(execution="exec_ab"), started(execution="exec_ac")])
    async with sim.session() as session:
        await session.read_once()
        assert (await session.find_run("exec_ab")).execution_id == "exec_ab"
        with pytest.raises(UsageError, match="2 runs"):
            await session.find_run("exec_")
        with pytest.raises(NotFound):
            await session.find_run("nope")
