"""The ledger never blocks the event loop, and the outcome of a write is shown even if it cannot be stored."""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from scaicore_tui.actions import Kind, Ledger, Progress
from scaicore_tui.actions.ledger import Entry
from scaicore_tui.actions.ledger_worker import LedgerWorker
from scaicore_tui.api.client import Client
from scaicore_tui.config import Target
from scaicore_tui.errors import StorageError
from scaicore_tui.lock import Lock
from scaicore_tui.runs import Delta
from scaicore_tui.session import Session
from tests.support.builders import checkpoint
from tests.support.manual_clock import ManualClock
from tests.support.waiting import yield_once
from tests.support.write_feed import WriteServer, accept_write, one_checkpoint

NOW = 1_800_000_000.0
ENTRY = Entry("sub_1", NOW, os.getpid(), "p", "h", Kind.ANSWER, "ckpt_1", resolution="approve")


def session_of(server: WriteServer, path: Path) -> Session:
    target = Target(url="http://127.0.0.1:1/api/v1")
    client = Client(target, httpx.MockTransport(server.respond))
    return Session(target, clock=ManualClock(), client=client, ledger=Ledger(path))


@contextmanager
def full_disk(path: Path) -> Iterator[None]:
    """Limit the size of files to that of `path` plus ten bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 10, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_line_that_does_not_fit_on_the_disk_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    ledger = Ledger(path)
    assert ledger.claim(ENTRY) is None
    before = path.read_bytes()
    with full_disk(path), pytest.raises(StorageError, match=r"ledger\.jsonl can't be written: File too large"):
        ledger.record("sub_1", NOW + 1, Progress.ACCEPTED)
    assert path.read_bytes() == before
    ledger.record("sub_1", NOW + 1, Progress.ACCEPTED)
    assert [entry.progress for entry in ledger.entries()] == [Progress.ACCEPTED]


async def test_a_write_that_cannot_be_claimed_is_not_sent(tmp_path: Path) -> None:
    server = WriteServer(one_checkpoint(), accept_write)
    (tmp_path / "ledger.jsonl").mkdir()
    async with session_of(server, tmp_path / "ledger.jsonl") as session:
        await session.read_once()
        with pytest.raises(StorageError, match="can't be written") as refused:
            await session.answer("ckpt_1", "approve")
        assert refused.value.exit_code == 9
        assert not server.posts
        assert [one.progress for one in session.submitter.submissions] == [Progress.NOT_SENT]
        assert session.why_not_answer("ckpt_1") is None


async def test_the_outcome_of_a_write_is_shown_even_if_it_cannot_be_stored(tmp_path: Path) -> None:
    path, hidden = tmp_path / "ledger.jsonl", tmp_path / "hidden"

    def lose_the_file(request: httpx.Request) -> httpx.Response:
        path.rename(hidden)
        path.mkdir()
        return accept_write(request)

    server = WriteServer(one_checkpoint(), lose_the_file)
    async with session_of(server, path) as session:
        await session.read_once()
        deltas: list[Delta] = []
        session.subscribe(deltas.append)
        submission = await session.answer("ckpt_1", "approve")
        assert submission.progress is Progress.ACCEPTED
        assert "not a regular file" in session.tracker.ledger_worker.problem
        assert "only in memory" in session.tracker.ledger_worker.problem
        await yield_once()
        assert Delta() in deltas
        path.rmdir()
        hidden.rename(path)
    assert session.tracker.ledger_worker.problem == ""
    (entry,) = Ledger(path).entries()
    assert ([state.progress for state in entry.states], len(server.posts)) == (
        [Progress.SENDING, Progress.ACCEPTED],
        1,
    )


async def test_a_session_runs_even_if_the_ledger_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "ledger.jsonl").mkdir()
    async with session_of(WriteServer(one_checkpoint(), accept_write), tmp_path / "ledger.jsonl") as session:
        polled = asyncio.Event()
        session.subscribe(lambda update: polled.set() if update.checkpoints else None)
        running = asyncio.create_task(session.run())
        await polled.wait()
        assert "can't be read" in session.tracker.ledger_worker.problem
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_the_event_loop_runs_while_another_process_locks_the_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    worker = LedgerWorker(Ledger(path), lambda: None)
    lock = Lock(path, 0).acquire()
    claim = asyncio.create_task(worker.claim(ENTRY))
    await yield_once()
    worker.record("sub_1", NOW, Progress.ACCEPTED)
    assert not claim.done()
    lock.release()
    assert await claim is None
    await worker.close()
    assert [entry.progress for entry in Ledger(path).entries()] == [Progress.ACCEPTED]


async def test_a_cancelled_claim_is_recorded_as_not_sent(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    worker = LedgerWorker(Ledger(path), lambda: None)
    lock = Lock(path, 0).acquire()
    claim = asyncio.create_task(worker.claim(ENTRY))
    await yield_once()
    claim.cancel()
    with pytest.raises(asyncio.CancelledError):
        await claim
    lock.release()
    await worker.close()
    (entry,) = Ledger(path).entries()
    assert (entry.progress, entry.states[-1].message) == (Progress.NOT_SENT, "cancelled before it was sent")
    assert Ledger(path).claim(Entry("sub_2", NOW + 1, 7, "p", "h", Kind.ANSWER, "ckpt_1")) is None


async def test_an_answer_of_another_session_is_recovered_in_the_background(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    dead = Entry("sub_9", NOW, 2**22 + 1, "default", "127.0.0.1:1", Kind.ANSWER, "ckpt_1", resolution="approve")
    Ledger(path).claim(dead)
    server = WriteServer(one_checkpoint(), accept_write)
    server.sim.checkpoints.clear()
    server.resolved = [checkpoint(status="resolved", resolution="approve")]
    async with session_of(server, path) as session:
        (recovered,) = session.tracker.recover(await session.tracker.ledger_worker.entries())
        await session.tracker.look_up()
        assert (recovered.id, recovered.progress) == ("sub_9", Progress.CONFIRMED)
