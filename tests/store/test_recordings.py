"""Recordings are shown without a server, as they were when they were opened, and are never written."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from scaicore_tui.config import Target
from scaicore_tui.errors import StorageError, Unreachable, UsageError
from scaicore_tui.export.documents import run_document
from scaicore_tui.protocol import Event
from scaicore_tui.runs import RunStatus
from scaicore_tui.session import OfflineSession, Session
from scaicore_tui.store import Journal, JournalWriter
from scaicore_tui.store.pending import read_pending
from scaicore_tui.store.recordings import open_readonly, open_recording
from tests.support import stored
from tests.support.builders import NOON, checkpoint, completed, entered, exited, many_runs, started
from tests.support.feed_simulator import FeedSim
from tests.support.manual_clock import ManualClock
from tests.support.old_journal import old_journal
from tests.support.waiting import wait_until

LONG_RUN_EVENTS = 2_000

OFFLINE = Target(url="http://127.0.0.1:1/api/v1", name="kept", offline=True)
RUN = [started(NOON), entered("a", NOON + 1), exited("a", NOON + 2), entered("review", NOON + 3)]


async def read_into(sim: FeedSim, path: Path) -> None:
    """Read the feed once into the journal in `path`."""
    client = sim.client()
    async with Session(client.target, Journal.open(path), clock=ManualClock(), client=client) as session:
        await session.read_once()


def write_events(path: Path, events: Sequence[Event]) -> None:
    """Write events and the summaries of their runs to a journal, as another process would."""
    with Journal.open(path) as journal:
        writer = JournalWriter(journal)
        writer.prepare()
        while writer.rebuild_missing() is not None:
            pass
        writer.append_new(events)


async def test_pending_checkpoints_of_the_last_poll_are_stored(tmp_path: Path) -> None:
    path = tmp_path / "j"
    await read_into(FeedSim(RUN, checkpoints=[checkpoint(note="unchanged, \u202eé")]), path)
    with open_recording(path) as recorded:
        assert [run.status for run in stored.summaries(recorded)] == [RunStatus.WAITING]
    with Journal.open_readonly(path) as journal:
        assert [row.raw["note"] for row in read_pending(journal)] == ["unchanged, \u202eé"]
    await read_into(FeedSim(RUN), path)
    with open_recording(path) as recorded:
        assert [run.status for run in stored.summaries(recorded)] == [RunStatus.RUNNING]


def test_a_journal_is_shown_as_it_was_when_it_was_opened(tmp_path: Path) -> None:
    path = tmp_path / "j"
    write_events(path, RUN)
    with open_recording(path) as recorded:
        write_events(path, [exited("review", NOON + 4), completed(NOON + 5), started(NOON + 6, "exec_2")])
        assert stored.ids(recorded)[:1] == ["exec_1"]
        assert stored.run(recorded, "exec_1").event_count == len(RUN)
        assert recorded.newest_at == NOON + 3


def test_a_journal_that_another_process_writes_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "j"
    write_events(path, RUN)
    with Journal.open(path) as writer, writer.transaction():
        writer.append([completed(NOON + 5)])
        with open_recording(path) as recorded:
            assert [event.raw for event in recorded.events()] == [event.raw for event in RUN]


def test_a_journal_of_an_older_version_is_read_and_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "j"
    old_journal(path, many_runs(250))
    before = path.read_bytes()
    with open_recording(path) as recorded:
        assert stored.ids(recorded) == [f"exec_{n:04}" for n in range(250)]
    assert path.read_bytes() == before


def test_a_journal_of_a_newer_version_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "j"
    write_events(path, RUN)
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(StorageError, match="newer scaicore-tui"):
        open_readonly(path)


def test_json_lines_and_journal_have_equal_runs(tmp_path: Path) -> None:
    events = many_runs(30)
    write_events(tmp_path / "j", events)
    (tmp_path / "l").write_bytes(b"".join(event.raw + b"\n" for event in events))
    with open_recording(tmp_path / "j") as journal, open_recording(tmp_path / "l") as lines:
        assert list(map(run_document, stored.runs(lines))) == list(map(run_document, stored.runs(journal)))
        assert [event.raw for event in lines.events("exec_0007")] == [e.raw for e in journal.events("exec_0007")]
        assert [event.raw for event in lines.events()] == [event.raw for event in events]
        assert lines.newest_at == journal.newest_at
    with open_readonly(tmp_path / "l") as imported:
        assert [event.raw for event in imported.events()] == [event.raw for event in events]


def test_an_incomplete_last_line_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "l"
    path.write_bytes(b"\n".join([*(event.raw for event in RUN), completed().raw[:30]]))
    with open_recording(path) as recorded:
        assert [run.event_count for run in stored.summaries(recorded)] == [len(RUN)]


async def test_an_offline_session_sends_no_requests(tmp_path: Path) -> None:
    path = tmp_path / "j"
    await read_into(FeedSim(RUN, checkpoints=[checkpoint()]), path)
    async with OfflineSession(OFFLINE, open_readonly(path), ManualClock()) as session:
        session.prefetch()
        assert not session.refresh()
        assert (await session.load_older(), session.client.requests, session.connection.failures) == (0, 0, 0)
        assert [row.id for row in session.checkpoints] == ["ckpt_1"]
        assert session.recorded_through == NOON + 3
        for reason in (session.why_not_answer(None), session.why_not_continue("ckpt_1"), session.why_not_replay(None)):
            assert reason == "offline: a journal is shown, nothing can be sent"
        with pytest.raises(UsageError, match="nothing can be sent"):
            await session.answer("ckpt_1", "approve")
        with pytest.raises(Unreachable, match="no server is contacted"):
            await session.client.all_checkpoints("resolved")
        assert not session.submitter.submissions


async def test_offline_a_long_run_is_loaded_in_a_thread(tmp_path: Path) -> None:
    """Until the run is loaded, the values of its summary are shown."""
    count = LONG_RUN_EVENTS + 1
    with Journal.open(tmp_path / "j") as journal:
        writer = JournalWriter(journal)
        writer.prepare()
        writer.rebuild_missing()
        writer.append_new([started(), *(entered(f"n{number}", NOON + number) for number in range(1, count))])
    updated: list[str] = []
    async with OfflineSession(OFFLINE, open_readonly(tmp_path / "j"), ManualClock()) as session:
        session.load_runs_in_background()
        session.subscribe(lambda delta: updated.extend(delta.upserted))
        assert session.index.runs["exec_1"].is_loading
        running = asyncio.create_task(session.run())
        await wait_until(lambda: session.index.runs.is_cached("exec_1"))
        assert "exec_1" in updated
        run = session.index.runs["exec_1"]
        assert (run.is_loading, run.event_count) == (False, count)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_offline_unread_history_is_not_requested(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "j") as journal:
        journal.begin_history("c1", NOON)
        journal.append(RUN)
    async with OfflineSession(OFFLINE, open_readonly(tmp_path / "j"), ManualClock()) as session:
        assert (session.has_older, await session.load_older(), session.client.requests) == (False, 0, 0)
        assert [gap.is_history for gap in session.index.gaps] == [True]
