"""Which finished runs wait to be sent as traces: each once, complete, and over several recordings."""

from __future__ import annotations

from pathlib import Path

import pytest

from scaicore_tui.errors import StorageError
from scaicore_tui.export.redaction import Redactor
from scaicore_tui.runs import Delta, Summary
from scaicore_tui.secrets import Secret
from scaicore_tui.session import Session
from scaicore_tui.session.finished_runs import FinishedRuns
from scaicore_tui.store import Journal
from tests.support.builders import MILLISECOND, NOON, SECOND, completed, entered, exited, run_events, started
from tests.support.feed_simulator import FeedSim, longest_wait
from tests.support.manual_clock import ManualClock


def finished_of(session: Session, receiver: str = "receiver") -> FinishedRuns:
    return session.finished_runs(receiver, Redactor(Secret("k" * 64)))


def on_file(sim: FeedSim, path: Path, backfill: int = 5_000) -> Session:
    client = sim.client()
    journal = Journal.open(path)
    return Session(client.target, journal, ManualClock(), backfill, client, random_fn=longest_wait)


async def take(runs: FinishedRuns, *, is_last_chance: bool = False) -> list[str]:
    """Return the runs that are ready, as if a receiver accepted them."""
    found: list[str] = []
    while (summary := await runs.next_ready(is_last_chance=is_last_chance)) is not None:
        found.append(summary.execution_id)
        await runs.finish(summary, is_accepted=True)
    return found


async def test_a_run_is_ready_after_the_poll_that_follows_its_end() -> None:
    sim = FeedSim(run_events("exec_1", NOON))
    async with sim.session() as session:
        runs = finished_of(session)
        assert await runs.begin() == 0
        await session.read_once()
        assert runs.changed.is_set()
        # Events of the same moment may be on the next page.
        assert await take(runs) == []
        assert runs.waiting_count == 1
        await session.read_once()
        assert await take(runs) == ["exec_1"]
        assert await take(runs) == []
        sim.log += run_events("exec_2", NOON + SECOND)
        await session.read_once()
        assert await take(runs, is_last_chance=True) == ["exec_2"]


async def test_unfinished_runs_do_not_wait() -> None:
    sim = FeedSim([started(), entered("a")])
    async with sim.session() as session:
        runs = finished_of(session)
        await runs.begin()
        await session.read_once()
        assert (await take(runs, is_last_chance=True), runs.waiting_count) == ([], 0)


async def test_what_one_recording_did_not_send_the_next_one_does(tmp_path: Path) -> None:
    sim = FeedSim([*run_events("exec_1", NOON), *run_events("exec_2", NOON + SECOND)])
    async with on_file(sim, tmp_path / "j") as session:
        runs = finished_of(session)
        await runs.begin()
        await session.read_once()
        summary = await runs.next_ready(is_last_chance=True)
        assert isinstance(summary, Summary)
        await runs.finish(summary, is_accepted=True)
        first = summary.execution_id
    # This one ends while no recording runs.
    sim.log += run_events("exec_3", NOON + 2 * SECOND)
    async with on_file(sim, tmp_path / "j") as session:
        await session.load()
        runs = finished_of(session)
        assert await runs.begin() == 0
        assert {first, *await take(runs)} == {"exec_1", "exec_2"}
        await session.read_once()
        assert await take(runs, is_last_chance=True) == ["exec_3"]
        # Another receiver gets what ends from now on.
        other = finished_of(session, "other")
        assert (await other.begin(), await take(other, is_last_chance=True)) == (3, [])
        assert (await finished_of(session, "other").begin()) == 0


async def test_a_run_that_was_refused_is_not_sent_again(tmp_path: Path) -> None:
    sim = FeedSim(run_events("exec_1", NOON))
    async with on_file(sim, tmp_path / "j") as session:
        runs = finished_of(session)
        await runs.begin()
        await session.read_once()
        summary = await runs.next_ready(is_last_chance=True)
        assert summary is not None
        await runs.finish(summary, is_accepted=False)
        again = finished_of(session)
        await again.begin()
        assert await take(again, is_last_chance=True) == []


async def test_a_run_that_goes_on_after_it_was_sent_is_counted_and_not_sent_again() -> None:
    sim = FeedSim(run_events("exec_1", NOON))
    async with sim.session() as session:
        runs = finished_of(session)
        await runs.begin()
        await session.read_once()
        assert await take(runs, is_last_chance=True) == ["exec_1"]
        sim.log.append(exited("late", NOON + SECOND))
        await session.read_once()
        assert (await take(runs, is_last_chance=True), runs.late, runs.waiting_count) == ([], 1, 0)
        await session.read_once()
        assert (await take(runs, is_last_chance=True), runs.late) == ([], 1)


async def test_a_run_waits_while_events_of_it_are_still_being_read(tmp_path: Path) -> None:
    """Two pages of events between the start and the end of the run are missing at first."""
    sim = FeedSim([started()], page_size=5)
    async with on_file(sim, tmp_path / "j") as session:
        runs = finished_of(session)
        await runs.begin()
        await session.read_once()
        sim.log += [entered(f"n{number}", NOON + number * MILLISECOND) for number in range(40)]
        sim.log.append(completed(NOON + SECOND))
        await session._pollers.fetch()
        assert [gap.is_open for gap in session.index.gaps] == [True]
        assert (await runs.next_ready(is_last_chance=True), runs.waiting_count) == (None, 1)
        await session.read_once()
        assert session.index.gaps == []
        found = await runs.next_ready(is_last_chance=True)
        assert found is not None
        exported = await runs.read(found)
        assert (exported.run.event_count, exported.missing, exported.gaps) == (42, "", [])


async def test_a_run_waits_for_the_history_with_its_start() -> None:
    steps = [entered(f"n{number}", NOON + number * MILLISECOND) for number in range(9)]
    sim = FeedSim([started(), *steps, completed(NOON + SECOND)], page_size=4)
    async with sim.session(backfill=11) as session:
        runs = finished_of(session)
        await runs.begin()
        await session._tasks._read_newest()
        assert session.needs_backfill
        assert (await take(runs, is_last_chance=True), runs.waiting_count) == ([], 1)
        await session.read_once()
        assert await take(runs, is_last_chance=True) == ["exec_1"]
    # Without a wish for history, what is known is sent, and says so.
    async with sim.session(backfill=0) as session:
        runs = finished_of(session)
        await runs.begin()
        await session.read_once()
        summary = await runs.next_ready(is_last_chance=True)
        assert summary is not None
        assert (await runs.read(summary)).missing.startswith("events are not read yet")


async def test_runs_that_do_not_fit_in_memory_are_read_from_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scaicore_tui.session.finished_runs.MAX_WAITING", 2)
    sim = FeedSim([event for number in range(7) for event in run_events(f"exec_{number}", NOON + number * SECOND)])
    async with on_file(sim, tmp_path / "j") as session:
        runs = finished_of(session)
        await runs.begin()
        await session.read_once()
        assert runs.waiting_count == 2
        assert sorted(await take(runs, is_last_chance=True)) == [f"exec_{number}" for number in range(7)]


async def test_a_journal_that_cannot_be_marked_does_not_send_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    sim = FeedSim(run_events("exec_1", NOON))
    async with sim.session() as session:
        runs = finished_of(session)
        await runs.begin()
        await session.read_once()

        def fail(*_: object) -> None:
            raise StorageError("disk full")

        monkeypatch.setattr("scaicore_tui.store.sent_traces.SentTraces.put", fail)
        assert await take(runs, is_last_chance=True) == ["exec_1"]
        sim.log.append(exited("late", NOON + SECOND))
        await session.read_once()
        assert (await take(runs, is_last_chance=True), runs.late) == ([], 1)


async def test_a_run_that_cannot_be_sent_now_lets_others_go_first() -> None:
    sim = FeedSim([*run_events("exec_1", NOON), *run_events("exec_2", NOON + SECOND)])
    async with sim.session() as session:
        runs = finished_of(session)
        await runs.begin()
        await session.read_once()
        first = await runs.next_ready(is_last_chance=True)
        assert first is not None
        runs.postpone(first)
        second = await runs.next_ready(is_last_chance=True)
        assert second is not None
        assert {first.execution_id, second.execution_id} == {"exec_1", "exec_2"}


async def test_a_run_that_the_journal_deletes_is_counted() -> None:
    sim = FeedSim(run_events("exec_1", NOON))
    async with sim.session() as session:
        runs = finished_of(session)
        await runs.begin()
        await session.read_once()
        session._publish(Delta(removed=frozenset({"exec_1", "exec_2"}), is_loaded=True))
        assert (runs.deleted, runs.waiting_count) == (1, 0)


async def test_what_was_redacted_is_not_kept() -> None:
    sim = FeedSim([started(input={f"user_{number}": {"password": "secret"} for number in range(50)}), completed()])
    redactor = Redactor(Secret("k" * 64))
    async with sim.session() as session:
        runs = session.finished_runs("receiver", redactor)
        await runs.begin()
        await session.read_once()
        summary = await runs.next_ready(is_last_chance=True)
        assert summary is not None
        exported = await runs.read(summary)
    assert exported.run.input["user_7"]["password"].startswith("[redacted ")
    assert not redactor.findings
