"""The log in a file: its lines, what is not in them, its size, and disks that are full, slow or gone."""

from __future__ import annotations

import atexit
import json
import logging
import os
import stat
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from scaicore_tui.cli.output import log_file
from scaicore_tui.cli.output.log_file import LogFile, logging_to
from scaicore_tui.cli.output.log_lines import MAX_TEXT_CHARS, read_log_tail
from scaicore_tui.errors import RequestRejected, StorageError, Unreachable
from scaicore_tui.log import Log, error_fields, without_quotes
from scaicore_tui.secrets import Secret
from tests.support.token_leaks import MARK

TOKEN = f"sgk_{MARK}-of-the-log"
PAYLOAD = "data-of-a-flow"
log = Log("scaicore_tui.test")
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX files")


def entries(path: Path) -> list[dict[str, Any]]:
    """Return the entries of a log file, each of which has to be JSON."""
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]


def messages(path: Path) -> list[str]:
    return [entry["message"] for entry in entries(path)]


class Messages(list[str]):
    """The messages to people."""

    def __call__(self, message: str) -> None:
        self.append(message)


@contextmanager
def only_logging_to(path: Path, reported: Messages) -> Iterator[None]:
    """Write a log of records that pytest must not capture: it would find the tokens in them."""
    root = logging.getLogger()
    before, root.handlers = root.handlers, [logging.NullHandler()]
    try:
        with logging_to(path, reported):
            yield
    finally:
        root.handlers = before


@pytest.fixture
def reported() -> Messages:
    return Messages()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.log"


def test_a_record_is_a_line_of_json_with_its_fields(path: Path, reported: Messages) -> None:
    with logging_to(path, reported):
        log.info("poll", source="events", new=3, lost=None, sources={"url": "--url"})
        log.warning("poll failed", **error_fields(Unreachable("cannot reach h: refused")))
    first, second = entries(path)
    assert {name: first[name] for name in ("level", "logger", "message", "process")} == {
        "level": "info",
        "logger": "scaicore_tui.test",
        "message": "poll",
        "process": os.getpid(),
    }
    assert first["fields"] == {"source": "events", "new": 3, "sources": {"url": "--url"}}
    assert len(first["time"]) == len("2026-11-28T14:25:18.416Z")
    assert second["level"] == "warning"
    assert second["fields"] == {"error": "Unreachable", "reason": "cannot reach h: refused"}
    assert reported == []


def test_of_libraries_only_warnings_are_logged_and_without_values(path: Path, reported: Messages) -> None:
    def fail() -> None:
        int(PAYLOAD)

    with only_logging_to(path, reported):
        logging.getLogger("httpx").info("HTTP Request: GET http://h/%s", PAYLOAD)
        logging.getLogger("asyncio").error("Task <Task %s> was lost\nfuture: %s", PAYLOAD, PAYLOAD)
        try:
            fail()
        except ValueError:
            logging.getLogger("scaicore_tui.servers").exception("request failed")
        logging.getLogger("odd").warning("%d", "no number")
    lost, failed, unformatted = entries(path)
    assert unformatted["fields"] == {"error": "TypeError"}
    assert (lost["logger"], lost["message"]) == ("asyncio", "Task <…> was lost")
    assert failed["fields"]["trace"][0] == "ValueError"
    assert "    int(PAYLOAD)" in failed["fields"]["trace"]
    assert PAYLOAD not in path.read_text()


def test_no_token_is_logged_wherever_it_stands(path: Path, reported: Messages) -> None:
    Secret(TOKEN)
    with only_logging_to(path, reported):
        log.info("request", path=f"/a/{TOKEN}", sources={TOKEN: TOKEN}, trace=[f"Bearer {TOKEN}", f"x{TOKEN[4:]}"])
        log.info("session opened", host=f"https://user:{TOKEN}@h/", journal=f"/j/{TOKEN}.journal")
        log.error("failed", **error_fields(StorageError(f"the server reported {TOKEN}")))
        log.info("request", path="https://ann:pass@h/ token=opensesame eyJhbGciOiJub25lIn0.e30.sig sgk_unknown_key")
        logging.getLogger("lib").warning("sent %s", {"Authorization": f"Bearer {TOKEN}"})
        logging.getLogger("lib").warning("sent Authorization: Bearer a-token-of-somebody")
    text = path.read_text()
    assert len(text.splitlines()) == 6
    for secret in (TOKEN, MARK, "opensesame", "e30", "unknown_key", "somebody", "pass@"):
        assert secret not in text
    assert entries(path)[0]["fields"]["path"] == "/a/…"


def test_only_messages_without_data_are_logged_of_errors() -> None:
    rejected = RequestRejected(f"“{PAYLOAD}” [422 BAD]", status=422, request_id="req_1")
    assert error_fields(rejected) == {
        "error": "RequestRejected",
        "status": 422,
        "request_id": "req_1",
        "retry_after": None,
    }
    quoting = Unreachable(f"the response is not HTTP: illegal status line: bytearray(b'{PAYLOAD}'): check")
    assert error_fields(quoting)["reason"] == "the response is not HTTP: illegal status line: …): check"
    assert PAYLOAD not in str(error_fields(OSError(5, "Input/output error", PAYLOAD)))
    assert without_quotes("this machine's clock is behind the API's") == "this machine's clock is behind the API's"


def test_long_texts_are_cut_and_hostile_ones_escaped(path: Path, reported: Messages) -> None:
    with logging_to(path, reported):
        log.info("request", path="/é" * 10_000, request_id="\x1b[2J\ud800\n")
    (entry,) = entries(path)
    assert len(entry["fields"]["path"]) == MAX_TEXT_CHARS + 1
    assert entry["fields"]["request_id"] == "\x1b[2J\ud800\n"
    assert b"\x1b" not in path.read_bytes()


def test_without_a_log_nothing_is_logged_or_formatted(caplog: pytest.LogCaptureFixture) -> None:
    class Unprintable:
        def __str__(self) -> str:
            raise AssertionError("it was formatted")

    with caplog.at_level(logging.WARNING):
        assert not log.is_on
        log.error("failed", error=Unprintable())  # type: ignore[arg-type]
    assert not caplog.records


def test_the_levels_of_the_loggers_are_restored(path: Path, reported: Messages) -> None:
    root, ours = logging.getLogger(), logging.getLogger("scaicore_tui")
    before = (ours.level, list(root.handlers))
    with logging_to(path, reported):
        assert log.is_on
    assert (ours.level, list(root.handlers)) == before


@POSIX
def test_only_the_owner_can_read_the_log(path: Path, reported: Messages) -> None:
    path.touch(mode=0o644)
    path.chmod(0o644)
    with logging_to(path, reported):
        log.info("poll")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_log_has_a_limited_size_and_number_of_files(
    path: Path, reported: Messages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "MAX_FILE_BYTES", 2_000)
    with logging_to(path, reported):
        for number in range(200):
            log.info("poll", number=number)
    files = sorted(path.parent.iterdir())
    assert [file.name for file in files] == ["a.log", "a.log.1", "a.log.2", "a.log.3"]
    assert all(file.stat().st_size <= 2_000 for file in files)
    kept = [entry["fields"]["number"] for file in reversed(files) for entry in entries(file)]
    assert kept == list(range(200))[-len(kept) :]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600} or sys.platform == "win32"
    tail = [entry["fields"]["number"] for entry in read_log_tail(path, 3_000)]
    assert tail == list(range(200))[-len(tail) :]
    assert len(tail) > len(entries(path))
    assert reported == []


def test_two_logs_in_one_file_lose_no_line(path: Path, reported: Messages, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with two programs, or the workers of `serve`: when one rotates the file, the other one follows."""
    monkeypatch.setattr(log_file, "MAX_FILE_BYTES", 20_000)
    logs = [LogFile(path, reported), LogFile(path, reported)]
    for one in logs:
        one.open()
    for number in range(150):
        log.info("poll", number=number)
        for one in logs:
            one._queue.join()
    for one in reversed(logs):
        one.close()
    numbers = [entry["fields"]["number"] for file in path.parent.iterdir() for entry in entries(file)]
    assert sorted(numbers) == sorted([*range(150)] * 2)


@POSIX
def test_a_full_file_is_rotated_once_if_two_programs_find_it_full(path: Path, reported: Messages) -> None:
    handlers = [log_file._LogFileHandler(path, lambda *_: None) for _ in range(2)]
    for handler in handlers:
        handler.open()
    path.write_text("full")
    for handler in handlers:
        handler._rotate()
        handler.close()
    assert path.with_name("a.log.1").read_text() == "full"
    assert not path.with_name("a.log.2").exists()


def test_a_deleted_or_moved_file_is_created_again(path: Path, reported: Messages) -> None:
    log_with_file = LogFile(path, reported)
    log_with_file.open()
    log.info("one")
    log_with_file._queue.join()
    path.rename(path.with_name("moved"))
    log.info("two")
    log_with_file._queue.join()
    path.unlink()
    log.info("three")
    log_with_file.close()
    assert messages(path.with_name("moved")) + messages(path) == ["one", "three"]
    assert reported == []


@POSIX
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing/a.log", "No such file or directory"),
        (".", "the path is a folder, not a file"),
        ("pipe", "No such device or address"),
        ("journal", "the file has something else in it than a log: it is left as it is"),
    ],
)
def test_a_path_that_cannot_be_a_log_is_reported_once(
    tmp_path: Path, reported: Messages, name: str, reason: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "journal").write_bytes(b"SQLite format 3\0")
    with logging_to(tmp_path / name, reported):
        assert not logging.getLogger("scaicore_tui").level
        log.info("poll")
        log.error("failed")
    assert reported == [
        f"warning: the log {tmp_path / name} cannot be written: {reason} · the program goes on without it"
    ]
    assert (tmp_path / "journal").read_bytes() == b"SQLite format 3\0"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_reported_once(reported: Messages) -> None:
    with logging_to(Path("/dev/full"), reported):
        for _ in range(10):
            log.info("poll")
    assert reported == ["warning: the log /dev/full is not complete: the disk is full · the program goes on without it"]


class Disk:
    """Replaces `os.write`. While `free` is set, only that many bytes are taken."""

    def __init__(self) -> None:
        self.free: int | None = None
        self._write = os.write

    def write(self, descriptor: int, data: bytes) -> int:
        if self.free is None:
            return self._write(descriptor, data)
        taken, self.free = data[: self.free], max(0, self.free - len(data))
        if not taken:
            raise OSError(28, "No space left on device")
        return self._write(descriptor, taken)


def test_records_that_a_full_disk_refused_are_counted_when_it_has_space_again(
    path: Path, reported: Messages, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk()
    monkeypatch.setattr(os, "write", disk.write)
    log_with_file = LogFile(path, reported)
    log_with_file.open()
    log.info("before")
    log_with_file._queue.join()
    disk.free = 30
    log.info("cut off")
    log.info("lost")
    log_with_file._queue.join()
    disk.free = None
    log.info("after")
    log_with_file.close()
    lines = path.read_text().splitlines()
    assert len(lines) == 4
    found = [entry["message"] for entry in read_log_tail(path)]
    assert found == ["before", "records are missing", "after"]
    assert list(read_log_tail(path))[1]["fields"] == {"count": 2, "reason": "the disk is full"}
    assert len(reported) == 1


def test_a_closed_file_is_opened_again(path: Path, reported: Messages) -> None:
    log_with_file = LogFile(path, reported)
    log_with_file.open()
    log.info("one")
    log_with_file._queue.join()
    assert log_with_file._file is not None
    assert log_with_file._file.stream is not None
    os.close(log_with_file._file.stream.fileno())
    log.info("two")
    log_with_file._queue.join()
    log.info("three")
    log_with_file.close()
    assert messages(path) == ["one", "records are missing", "three"]
    assert len(reported) == 1


@contextmanager
def stuck_pipe(path: Path) -> Iterator[None]:
    """Make a pipe that nobody reads until the block is over: a write of more than it holds waits."""
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        yield
    finally:
        os.close(reader)
        # The end of the interpreter was told not to wait for the thread.
        atexit.register(logging.shutdown)


@POSIX
def test_a_disk_that_does_not_answer_delays_neither_the_program_nor_its_end(
    path: Path, reported: Messages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "CLOSE_TIMEOUT_S", 0.05)
    with stuck_pipe(path):
        log_with_file = LogFile(path, reported)
        log_with_file.open()
        for number in range(400):  # more than the pipe takes, and less than the queue
            log.info("poll", number=number, text="x" * 400)
        log_with_file.close()
    (message,) = reported
    assert "the disk did not take the last records in time" in message


@POSIX
def test_records_that_a_slow_disk_could_not_take_are_counted(
    path: Path, reported: Messages, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stuck_pipe(path):
        log_with_file = LogFile(path, reported, max_queued=100)
        log_with_file.open()
        for number in range(1_000):
            log.info("poll", number=number, text="x" * 400)
        with ThreadPoolExecutor(1) as threads:
            content = threads.submit(path.read_bytes)  # ends when the log is closed
            log_with_file._queue.join()
            log.info("end")
            log_with_file.close()
    received = [json.loads(line) for line in content.result().splitlines()]
    assert received[-1]["message"] == "end"
    missing = sum(entry["fields"]["count"] for entry in received if entry["message"] == "records are missing")
    polls = sum(entry["message"] == "poll" for entry in received)
    assert missing + polls == 1_000
    assert missing > 0
    assert reported == [
        f"warning: the log {path} is not complete: it is written too slowly · the program goes on without it"
    ]


def test_warnings_of_servers_are_still_printed_while_a_log_is_written(
    path: Path, reported: Messages, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    with logging_to(path, reported):
        logging.getLogger("scaicore_tui.servers").warning("a worker ended")
        log.warning("poll failed")
    assert capsys.readouterr().err.splitlines()[-1].endswith("a worker ended")
    assert "poll failed" not in capsys.readouterr().err
    assert messages(path) == ["a worker ended", "poll failed"]


@pytest.mark.parametrize(
    "content", [b"", b"[1]\n{}\n", b'{"time": 1', b"\xff\n", b'{"id": 1, "time": 1, "message": 2}\n']
)
def test_the_tail_of_something_else_than_a_log_is_empty(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert list(read_log_tail(path)) == []
    assert list(read_log_tail(path.with_name("missing"))) == []
    assert list(read_log_tail(path.parent)) == []
