"""Disk failures are reported, unsaved events are counted, and saved once the disk can be written again."""

from __future__ import annotations

import asyncio
import errno
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from scaicore_tui.api.client import Client
from scaicore_tui.cli.commands.follow import ConnectionReporter
from scaicore_tui.cli.options import Common
from scaicore_tui.cli.output import crash, stderr
from scaicore_tui.cli.sessions import open_for_app
from scaicore_tui.config import Target
from scaicore_tui.config.template import create_file
from scaicore_tui.errors import StorageError
from scaicore_tui.session import Session
from scaicore_tui.store import Journal, JournalWriter
from scaicore_tui.store.failures import DamagedJournal
from scaicore_tui.store.ingest import FLUSH_INTERVAL_S
from scaicore_tui.store.recordings import open_recording
from scaicore_tui.tui.clipboard import copy
from scaicore_tui.tui.messages import CopyText
from tests.support import stored
from tests.support.builders import NOON, completed, event, many_runs
from tests.support.feed_simulator import FeedSim
from tests.support.manual_clock import ManualClock
from tests.support.waiting import wait_until

PAGE_BYTES = 4_096
TARGET = Target(url="http://127.0.0.1:1/api/v1")


def filled(path: Path, runs: int = 20) -> Path:
    """Create a journal of `runs` runs; return its path."""
    with Journal.open(path) as journal:
        writer = JournalWriter(journal)
        writer.prepare()
        writer.append_new(many_runs(runs))
    return path


def set_disk_full(journal: Journal, *, is_full: bool) -> None:
    """Stop the file from growing, as on a full disk, or allow it again."""
    journal.query("PRAGMA wal_checkpoint(TRUNCATE)")
    pages = journal.query("PRAGMA page_count")[0][0]
    journal.query(f"PRAGMA max_page_count = {pages if is_full else 100_000}")


def damage(path: Path) -> None:
    """Overwrite every page of the file but the first, as a failing disk would."""
    pages = path.stat().st_size // PAGE_BYTES
    with path.open("r+b") as file:
        file.seek(PAGE_BYTES)
        file.write(b"\xff" * PAGE_BYTES * (pages - 1))


@contextmanager
def file_size_limit(max_bytes: int) -> Iterator[None]:
    """Let no file grow beyond `max_bytes`, as on a full file system; existing files can be read."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (max_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def session_of(sim: FeedSim, journal: Journal, clock: ManualClock | None = None) -> Session:
    """Return a session that reads a simulated feed into `journal`."""
    client = Client(TARGET, httpx.MockTransport(sim.respond))
    return Session(TARGET, journal, clock or ManualClock(), client=client)


async def test_events_that_a_full_disk_rejected_are_not_counted_as_saved(tmp_path: Path) -> None:
    path = filled(tmp_path / "j")
    sim = FeedSim(many_runs(20))
    async with session_of(sim, Journal.open(path)) as session:
        await session.read_once()
        reporter = ConnectionReporter(session)
        assert list(reporter.new_messages()) == []
        set_disk_full(session.journal, is_full=True)
        sim.log += [completed(NOON + n, f"exec_new{n}") for n in range(300)]
        await session.read_once()
        assert (await session.save(), len(session.journal), session.journal.saved_run_count) == (300, 380, 20)
        assert str(path) in session.journal.write_error
        assert "the disk is full" in session.journal.write_error
        assert [list(reporter.new_messages()), list(reporter.new_messages())] == [[session.journal.write_error], []]
        set_disk_full(session.journal, is_full=False)
        assert (await session.save(), session.journal.saved_run_count, session.journal.write_error) == (0, 320, "")
        assert list(reporter.new_messages()) == [
            "the journal can be written again: all events that were only in memory are saved"
        ]
    assert session.lost_count == 0
    with Journal.open_readonly(path) as journal:
        assert len(journal) == 380


async def test_events_are_saved_once_the_disk_has_space_even_on_an_idle_feed(tmp_path: Path) -> None:
    sim, clock = FeedSim(many_runs(20)), ManualClock()
    async with session_of(sim, Journal.open(filled(tmp_path / "j")), clock) as session:
        await session.read_once()
        set_disk_full(session.journal, is_full=True)
        sim.log += [completed(NOON + n, f"exec_new{n}") for n in range(300)]
        await session.read_once()
        assert session.journal.write_error
        set_disk_full(session.journal, is_full=False)
        clock.advance(FLUSH_INTERVAL_S)
        await session.read_once()
        assert (session.journal.write_error, session.journal.is_buffering) == ("", False)


async def test_events_that_were_never_written_are_counted_at_the_end(tmp_path: Path) -> None:
    sim = FeedSim(many_runs(20))
    async with session_of(sim, Journal.open(filled(tmp_path / "j"))) as session:
        await session.read_once()
        set_disk_full(session.journal, is_full=True)
        sim.log += [completed(NOON + n, f"exec_new{n}") for n in range(300)]
        await session.read_once()
    assert session.lost_count == 300


async def test_a_journal_is_created_once_that_becomes_possible(tmp_path: Path) -> None:
    (tmp_path / "folder").touch()
    path = tmp_path / "folder" / "j"
    sim, clock = FeedSim(many_runs(3)), ManualClock()
    async with session_of(sim, Journal.open_or_in_memory(path), clock) as session:
        await session.read_once()
        assert "only in memory" in session.journal.write_error
        assert await session.save() == 12
        (tmp_path / "folder").unlink()
        clock.advance(FLUSH_INTERVAL_S)
        await session.read_once()
        assert (session.journal.write_error, await session.save()) == ("", 0)
        sim.log.append(completed(NOON + 1, "exec_new"))
        await session.read_once()
        with Journal.open_readonly(path) as reader:
            assert len(reader) == 13
    with Journal.open(path) as journal:
        assert (len(journal), journal.saved_run_count) == (13, 4)


async def test_events_in_memory_are_not_mixed_with_a_journal_written_meanwhile(tmp_path: Path) -> None:
    (tmp_path / "folder").touch()
    path = tmp_path / "folder" / "j"
    async with session_of(FeedSim(many_runs(3)), Journal.open_or_in_memory(path)) as session:
        await session.read_once()
        (tmp_path / "folder").unlink()
        path.parent.mkdir()
        with Journal.open(path) as other:
            other.append([event("custom.other")])
        assert await session.save() == 12
    with Journal.open_readonly(path) as reader:
        assert len(reader) == 1


def test_a_journal_is_readable_on_a_disk_without_space_for_shared_memory(tmp_path: Path) -> None:
    path = filled(tmp_path / "j")
    with file_size_limit(16_384):
        journal = Journal.open(path)
    with journal:
        assert len(journal.reader) == 80
        journal.append([event("custom.x")])
        assert len(journal.reader) == 81


@pytest.mark.parametrize(("replaced", "message"), [(False, "was deleted"), (True, "was replaced by another file")])
async def test_a_deleted_or_replaced_file_is_reported(tmp_path: Path, replaced: bool, message: str) -> None:
    path, clock = filled(tmp_path / "j"), ManualClock()
    sim = FeedSim(many_runs(20))
    async with session_of(sim, Journal.open(path), clock) as session:
        await session.read_once()
        assert (session.journal.write_error, await session.save()) == ("", 0)
        path.unlink()
        if replaced:
            path.write_bytes(b"")
        clock.advance(FLUSH_INTERVAL_S)
        await session.read_once()
        assert message in session.journal.write_error
        sim.log.append(completed(NOON, "exec_new"))
        await session.read_once()
        assert len(session.index.order) == 21
        assert (await session.save(), session.journal.saved_run_count) == (81, 0)
    assert session.lost_count == 81
    assert path.exists() is replaced
    assert not replaced or path.read_bytes() == b""


def test_a_damaged_journal_is_reported_as_damaged(tmp_path: Path) -> None:
    path = filled(tmp_path / "j", 200)
    damage(path)
    with pytest.raises(DamagedJournal) as error, open_recording(path) as recorded:
        list(recorded.summaries())
    assert str(path) in str(error.value)
    assert "move it away" in error.value.hint


@pytest.mark.parametrize("table", ["runs SET summary", "pending SET source"])
def test_an_invalid_stored_value_is_reported_as_damage(tmp_path: Path, table: str) -> None:
    path = filled(tmp_path / "j")
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("INSERT INTO pending (source) VALUES (x'ff')")
        database.execute(f"UPDATE {table} = x'ffff'")
    with pytest.raises(DamagedJournal), open_recording(path) as recorded:
        list(recorded.summaries())


async def test_the_app_survives_damage_to_its_open_journal(tmp_path: Path) -> None:
    # More runs than are loaded at once at start-up.
    path = filled(tmp_path / "j", 600)
    sim, clock = FeedSim(many_runs(600)), ManualClock()
    session = session_of(sim, Journal.open(path), clock)
    damage(path)
    async with session:
        polling = asyncio.create_task(session.run())
        await wait_until(lambda: session.connection.events.error and (session.journal.write_error or polling.done()))
        assert isinstance(session.connection.events.error, StorageError)
        # Runs on the screen can still be opened; unreadable ones are reported.
        shown = [row for position in session.index.order if (row := session.index.at(position)) is not None]
        assert [session.index.runs[summary.execution_id].execution_id for summary in shown]
        assert [list(session.events(summary.execution_id)) for summary in shown]
        assert (await session.event_pages.read(shown[0].execution_id, 1)).rows == ()
        await session.reader.load_rows(list(session.index.order))
        assert f"{path} is damaged" in session.journal.write_error
        assert not polling.done()
        polling.cancel()
        await asyncio.gather(polling, return_exceptions=True)


async def test_a_page_that_cannot_be_stored_is_a_failed_poll(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sim = FeedSim(many_runs(2))
    async with session_of(sim, Journal.open(tmp_path / "j")) as session:
        monkeypatch.setattr(session.journal, "append", fail)
        with pytest.raises(StorageError):
            await session.read_once()
        failure = session.connection.events.error
        assert isinstance(failure, StorageError)
        monkeypatch.undo()
        await session.read_once()
        assert (session.connection.events.error, len(session.journal)) == (None, 8)
        # Each event counts once, although it was received twice.
        assert [summary.event_count for summary in stored.summaries(session.stored_runs)] == [4, 4]


def fail(*_: object) -> None:
    """Fail as a write to a damaged journal does."""
    raise DamagedJournal("j is damaged")


def test_the_app_opens_on_a_damaged_journal(tmp_path: Path) -> None:
    path = filled(tmp_path / "j", 200)
    damage(path)
    before = path.read_bytes()
    session = open_for_app(Common(journal=path), TARGET)
    assert f"{path} is damaged" in session.journal.write_error
    assert "only in memory" in session.journal.write_error
    session.journal.close()
    assert path.read_bytes() == before


def test_the_database_of_another_program_is_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "bookmarks.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE bookmarks (url TEXT)")
        database.execute("PRAGMA user_version = 3")
    before = path.read_bytes()
    for open_journal in (Journal.open, Journal.open_readonly):
        with pytest.raises(StorageError, match="is not a journal"):
            open_journal(path)
    assert path.read_bytes() == before


def test_a_journal_on_a_full_disk_can_be_viewed(tmp_path: Path) -> None:
    path = filled(tmp_path / "j")
    with file_size_limit(16_384), open_recording(path) as recorded:
        assert len(list(recorded.summaries())) == 20
        assert len(list(recorded.events())) == 80


def test_a_journal_whose_write_ahead_log_cannot_be_read_is_not_opened(tmp_path: Path) -> None:
    """After a crash the newest events are only in the write-ahead log. Without it the journal would look complete."""
    with Journal.open(tmp_path / "j") as journal:
        journal.append([event("custom.x")])
        for name in ("j", "j-wal"):
            (tmp_path / f"copied-{name}").write_bytes((tmp_path / name).read_bytes())
    with file_size_limit(16_384), pytest.raises(StorageError, match="the disk is full"):
        Journal.open_readonly(tmp_path / "copied-j")


def test_an_incomplete_profiles_file_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    with file_size_limit(100), pytest.raises(StorageError, match="nothing was written") as error:
        create_file(path, "# a comment\n" * 100)
    assert str(path) in str(error.value)
    assert not path.exists()
    create_file(path, "# a comment\n")


def test_an_incomplete_crash_report_is_removed(tmp_path: Path) -> None:
    with file_size_limit(10), pytest.raises(OSError, match="File too large"):
        crash.write_report(ValueError(), tmp_path, 0.0)
    assert list(tmp_path.iterdir()) == []


def test_an_incomplete_copy_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scaicore_tui.tui.clipboard.copied_file", lambda: tmp_path / "copied.txt")
    with file_size_limit(1_000):
        notice = copy(CopyText("the run", "x" * 200_000), lambda _: None)
    assert "nothing was copied" in notice.text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "/state/x"),
            "/state/x cannot be read or written: the disk is full",
        ),
        (OSError(errno.EROFS, "Read-only file system"), "a file cannot be read or written: the disk is read-only"),
        (OSError(errno.ECONNRESET, "reset"), None),
        (ValueError(), None),
    ],
)
def test_a_disk_failure_is_not_an_internal_error(
    error: Exception,
    message: str | None,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("scaicore_tui.config.paths.state_dir", lambda: tmp_path)
    code = stderr.report_error(ExceptionGroup("tasks", [error]))
    assert code == (70 if message is None else 9)
    assert (message or "internal error") in capsys.readouterr().err
