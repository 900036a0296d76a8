"""Nothing on the event loop waits for the disk: not for a slow journal, not for a held lock, not for a long ledger."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from scaicore_tui.actions import Ledger, Progress
from scaicore_tui.config import Target
from scaicore_tui.lock import Lock
from scaicore_tui.session import OfflineSession, Session
from scaicore_tui.store import Journal, JournalWriter
from scaicore_tui.store.engine import Database
from scaicore_tui.store.recordings import open_readonly
from scaicore_tui.tui import DebuggerApp
from tests.support.app_stage import STANDARD, Stage, wait_until
from tests.support.builders import many_runs
from tests.support.feed_simulator import FeedSim
from tests.support.manual_clock import ManualClock
from tests.support.scene import busy_feed, running_triage
from tests.support.waiting import yield_once
from tests.support.write_feed import WriteServer, accept_write, one_checkpoint

RUNS = 700
OFFLINE = Target(url="http://127.0.0.1:1/api/v1", name="kept", offline=True)


@pytest.fixture
def used_on_loop(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that gets an entry whenever the journal is used on the event loop."""
    used, using = list[str](), Journal.using

    @contextmanager
    def checked(self: Journal) -> Iterator[Database]:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            pass
        else:
            used.append("the journal was used on the event loop")
        with using(self) as database:
            yield database

    monkeypatch.setattr(Journal, "using", checked)
    return used


def filled(path: Path) -> Path:
    """Write a journal with more runs than are loaded before the first screen."""
    with Journal.open(path) as journal:
        writer = JournalWriter(journal)
        writer.prepare()
        writer.append_new(many_runs(RUNS))
    return path


async def walk(pilot: Pilot[int]) -> None:
    """Use everything that reads runs: rows far away, a filter, errors, a whole run, its copy and its replay."""
    await pilot.press(
        "j", "k", "G", "k", "enter", "j", "escape", "g", "slash", *"exec_0003", "enter", "enter", "escape"
    )
    await pilot.press("escape", "e", "Y", "R", "escape", "v", "v", "v", "v", "i", "escape")
    await pilot.press("enter", *"23456", "left", "left", *"123456", "escape", "]", "[", "escape")


async def test_the_live_app_never_uses_the_journal_on_the_event_loop(used_on_loop: list[str]) -> None:
    stage = Stage(busy_feed(), backfill=100)
    used_on_loop.clear()  # opening it is done before there is a screen
    async with stage.opened() as pilot:
        await walk(pilot)
        stage.sim.log += running_triage("exec_newest", 80)
        await stage.poll(pilot)
        await pilot.press("G", "down", "a", "1")
        await stage.settle(pilot)
    assert used_on_loop == []


async def test_the_offline_app_never_uses_the_journal_on_the_event_loop(
    tmp_path: Path, used_on_loop: list[str]
) -> None:
    session = await asyncio.to_thread(lambda: OfflineSession(OFFLINE, open_readonly(filled(tmp_path / "j"))))
    app = DebuggerApp(session)
    async with session, app.run_test(size=STANDARD) as pilot:
        await wait_until(pilot, lambda: len(session.index.order) == RUNS)
        await walk(pilot)
    assert used_on_loop == []


@contextmanager
def held(*journals: Journal | None) -> Iterator[None]:
    """Hold the locks of journals in another thread, as a read or write on a slow disk does."""
    is_held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with ExitStack() as locks:
            for journal in filter(None, journals):
                locks.enter_context(journal._thread_lock)
            is_held.set()
            release.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    assert is_held.wait(30)
    try:
        yield
    finally:
        release.set()
        holder.join()


async def test_keys_work_while_the_disk_does_not_answer(tmp_path: Path) -> None:
    """Rows that are not in memory are loaded later; the cursor moves at once, and a filter is searched later."""
    journal = Journal.open(filled(tmp_path / "j"))
    client = FeedSim([]).client()
    session = Session(client.target, journal, client=client, clock=ManualClock())
    app = DebuggerApp(session)
    async with session, app.run_test(size=STANDARD) as pilot:
        await wait_until(pilot, lambda: len(session.index.order) == RUNS and session.connection.polls)
        with held(journal, journal._reader):
            await asyncio.wait_for(pilot.press("j", "j", "G"), 20)
            runs = app.screen.panes.runs  # type: ignore[attr-defined]
            assert (runs.cursor, runs.selected) == (RUNS - 1, None)
            await asyncio.wait_for(pilot.press("k", "slash", *"exec_0003"), 20)
            assert runs.row_count == RUNS
            assert not session.reader._is_open or session.index.at(0) is None
        await wait_until(pilot, lambda: runs.row_count == 1 and runs.selected is not None)
        assert runs.selected.execution_id == "exec_0003"


async def test_the_app_goes_on_while_another_process_holds_the_ledger(tmp_path: Path) -> None:
    """The answer is sent once the lock of the ledger is free; keys work meanwhile."""
    path = tmp_path / "ledger.jsonl"
    server = WriteServer(one_checkpoint(), accept_write)
    async with server.session(ledger=Ledger(path)) as session:
        await session.read_once()
        with Lock(path, wait_s=0):
            sending = asyncio.create_task(session.answer("ckpt_1", "approve"))
            for _ in range(100):
                await yield_once()
            assert not sending.done()
        submission = await asyncio.wait_for(sending, 30)
        assert submission.progress in (Progress.ACCEPTED, Progress.CONFIRMED)
