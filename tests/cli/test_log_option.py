"""The option `--log FILE`: what each command writes into it, and that neither data nor tokens are in it."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from scaicore_tui.cli.output import log_file, stderr
from scaicore_tui.cli.output.log_file import logging_to
from scaicore_tui.errors import StorageError
from scaicore_tui.protocol import Event
from scaicore_tui.store import Journal, JournalWriter
from tests.support.app_stage import Stage
from tests.support.builders import NOON, many_runs, started
from tests.support.core_inputs import APPROVAL, TRIP
from tests.support.feed_simulator import FeedSim
from tests.support.grid import MANAGER
from tests.support.program import COMMAND, Demo, FastGrid, Program
from tests.support.scene import busy_feed
from tests.support.terminal import Terminal
from tests.support.terminal_modes import output_after_screen
from tests.support.token_leaks import MARK

PAYLOAD = "data-of-a-flow"


def entries(path: Path, message: str | None = None) -> list[dict[str, Any]]:
    """Return the entries of a log with that message, or all."""
    found = [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]
    return [entry for entry in found if message in (None, entry["message"])]


def fields(path: Path, message: str) -> list[dict[str, Any]]:
    return [entry["fields"] for entry in entries(path, message)]


def test_a_command_logs_its_requests_and_polls(reader: Program, demo: Demo, tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    assert reader("runs", "--log", str(path)).returncode == 0
    assert entries(path)[0]["message"] == "start"
    assert fields(path, "start")[0]["command"] == "runs"
    assert {"python", "httpx", "textual"} <= fields(path, "start")[0]["packages"].keys()
    assert fields(path, "settings")[0]["sources"] == {"url": "SCAICORE_TUI_URL"}
    requests = fields(path, "request")
    assert {request["path"] for request in requests} == {"/api/v1/scaicore/events", "/api/v1/scaicore/checkpoints"}
    for request in requests:
        assert (request["method"], request["status"]) == ("GET", 200)
        assert request["request_id"].startswith("req_")
        assert request["ms"] > 0 <= request["wait_ms"]
    polls = {poll["source"]: poll for poll in fields(path, "poll")}
    assert polls["events"]["new"] > 0 == polls["events"]["duplicates"]
    assert polls["checkpoints"]["pending"] > 0
    assert sum(write["events"] for write in fields(path, "journal write")) >= polls["events"]["new"]
    assert entries(path)[-1]["message"] == "end"
    assert fields(path, "end")[0]["exit_code"] == 0
    assert demo.ready["token"] not in path.read_text()


def test_the_option_stands_before_or_after_the_command(reader: Program, tmp_path: Path) -> None:
    for name, arguments in (
        ("a", ("--log", str(tmp_path / "a"), "ledger")),
        ("b", ("ledger", "--log", str(tmp_path / "b"))),
    ):
        assert reader(*arguments).returncode == 0
        assert fields(tmp_path / name, "start")[0]["command"] == "ledger"


def test_a_second_command_appends_to_the_log(reader: Program, tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    for command in (("ledger",), ("config", "path")):
        reader(*command, "--log", str(path))
    assert [found["command"] for found in fields(path, "start")] == ["ledger", "config path"]


def test_a_write_logs_each_progress_and_neither_the_answer_nor_data(
    grid: FastGrid, writer: Program, tmp_path: Path
) -> None:
    path = tmp_path / "a.log"
    execution = grid.finish_run(APPROVAL, {**TRIP, "purpose": PAYLOAD})
    (checkpoint_id,) = grid.pending()
    done = writer("resolve", checkpoint_id, "approve", "--comment", PAYLOAD, "--yes", "--log", str(path))
    assert done.returncode == 0, done.stderr
    submissions = fields(path, "submission")
    assert [submission["progress"] for submission in submissions] == ["sending", "accepted", "confirmed"]
    assert {submission["target_id"] for submission in submissions} == {checkpoint_id}
    assert submissions[-1]["execution_id"] == execution
    (post,) = [request for request in fields(path, "request") if request["method"] == "POST"]
    assert post["priority"] == "write"
    assert post["path"].endswith(f"/checkpoints/{checkpoint_id}/resolve")
    text = path.read_text()
    for secret in (PAYLOAD, "approve", MANAGER, MARK):
        assert secret not in text


def test_a_failure_is_logged_with_its_exit_code(program: Program, tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    variables = {"SCAICORE_TUI_URL": "http://127.0.0.1:1", "SCAICORE_TUI_TOKEN": f"sgk_{MARK}"}
    assert program.with_variables(**variables)("runs", "--log", str(path)).returncode == 3
    (failed,) = [entry for entry in entries(path, "request failed") if entry["fields"]["priority"] == "head"]
    assert failed["level"] == "warning"
    assert failed["fields"]["reason"] == "cannot reach 127.0.0.1:1: refused: nothing listens there"
    assert {poll["source"] for poll in fields(path, "poll failed")} == {"head", "checkpoints"}
    assert fields(path, "connection")[-1]["state"] == "offline"
    assert fields(path, "failed")[0]["exit_code"] == fields(path, "end")[0]["exit_code"] == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ("--url", f"https://user:{MARK}@h.example", "runs"),
        ("--url", f"https://h.example/?token={MARK}", "runs"),
        ("--token-file", f"sgk_{MARK}", "runs"),
        ("--profile", PAYLOAD, "runs"),
        ("--api", PAYLOAD, "--url", "https://h.example", "runs"),
        ("replay", f"sgk_{MARK}", "--input", f"sgk_{MARK}", "--yes"),
        ("resolve", "ckpt", "yes", "--comment", f"sgk_{MARK}", "--yes"),
    ],
)
def test_no_argument_is_logged(program: Program, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """People put tokens where they do not belong."""
    path = tmp_path / "a.log"
    done = program.with_variables(SCAIVAULT_TOKEN=f"sgk_{MARK}", HTTPS_PROXY=f"http://u:{MARK}@127.0.0.1:1")(
        *arguments, "--log", str(path)
    )
    assert done.returncode not in (0, 70)
    assert entries(path, "end")
    assert MARK not in path.read_text()
    assert PAYLOAD not in path.read_text()


@pytest.mark.parametrize(
    ("name", "reason"), [("missing/a.log", "No such file or directory"), ("", "the path is a folder")]
)
def test_a_log_that_cannot_be_written_stops_nothing_and_is_reported_once(
    reader: Program, tmp_path: Path, name: str, reason: str
) -> None:
    done = reader("checkpoints", "--log", str(tmp_path / name), "--quiet")
    assert (done.returncode, done.stdout.split()[:2]) == (0, ["ID", "DUE"])
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"warning: the log {tmp_path / name} cannot be written: {reason}")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_stops_nothing_and_is_reported_once(reader: Program) -> None:
    done = reader("runs", "--log", "/dev/full")
    assert done.returncode == 0
    assert done.stdout.count("\n") > 10
    assert [line for line in done.stderr.splitlines() if "log" in line] == [
        "warning: the log /dev/full is not complete: the disk is full · the program goes on without it"
    ]


def test_a_journal_is_not_overwritten_by_a_log(reader: Program, tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    done = reader("record", "--for", "0", "--journal", str(path), "--log", str(path))
    assert (done.returncode, path.exists()) == (2, False)
    assert "--log and --journal name the same file" in done.stderr
    reader("record", "--for", "0", "--journal", str(path))
    before = path.read_bytes()
    done = reader("ledger", "--log", str(path))
    assert done.returncode == 0
    assert "something else in it than a log" in done.stderr
    assert path.read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX file modes")
def test_only_the_owner_can_read_the_log(reader: Program, tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    reader("ledger", "--log", str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_internal_error_is_logged_without_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("scaicore_tui.config.paths.state_dir", lambda: tmp_path)
    with pytest.raises(ValueError, match="invalid literal") as error:
        int(PAYLOAD)
    with logging_to(tmp_path / "a.log", lambda _: None):
        assert stderr.report_error(error.value) == 70
    (found,) = fields(tmp_path / "a.log", "internal error")
    assert found["where"].startswith("ValueError in ")
    assert "    int(PAYLOAD)" in found["trace"]
    assert PAYLOAD not in (tmp_path / "a.log").read_text() + capsys.readouterr().err


async def test_the_app_logs_polls_and_a_lost_connection(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    with logging_to(path, lambda _: None):
        stage = Stage(busy_feed())
        async with stage.opened() as pilot:
            await stage.poll(pilot)
            stage.fault = lambda _: httpx.Response(503, json={"error": {"message": PAYLOAD}})
            await stage.poll(pilot)
        await stage.session.close()
    assert fields(path, "session opened")[0]["host"] == "127.0.0.1:1"
    polls = [poll for poll in fields(path, "poll") if poll["source"] == "events"]
    assert (polls[0]["duplicates"], polls[-1]["new"]) == (0, 0)
    assert polls[-1]["duplicates"] > 0
    assert [found["state"] for found in fields(path, "connection")] == ["connecting", "live", "offline"]
    assert {found["status"] for found in fields(path, "poll failed")} == {503}
    assert len(fields(path, "session closed")) == 1
    assert "My parcel never arrived" not in path.read_text()
    assert PAYLOAD not in path.read_text()


async def test_gaps_and_their_pages_are_logged(tmp_path: Path) -> None:
    path, events = tmp_path / "a.log", many_runs(400)
    sim = FeedSim(events[:100], page_size=100)
    with logging_to(path, lambda _: None):
        async with sim.session() as session:
            await session.read_once()
            sim.log = events[:600]
            await session.read_once()
    (opened,) = fields(path, "gap opened")
    pages = fields(path, "gap page")
    assert opened["remaining"] > 0
    assert [page["closed"] for page in pages] == [*[False] * (len(pages) - 1), True]
    assert pages[-1]["filled"] is True
    polls = [poll for poll in fields(path, "poll") if poll["source"] == "events"]
    assert sum(found["new"] for found in [*polls, *pages]) == 600
    assert sum(write["events"] for write in fields(path, "journal write")) == 600


def test_a_failing_disk_and_its_recovery_are_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.log"
    failures = [StorageError("can't use the journal: the disk is full")]
    with logging_to(path, lambda _: None), Journal.open(tmp_path / "a.journal") as journal:
        append = journal.append

        def append_or_fail(events: Sequence[Event]) -> None:
            if failures:
                raise failures.pop()
            append(events)

        monkeypatch.setattr(journal, "append", append_or_fail)
        writer = JournalWriter(journal)
        writer.prepare()
        writer.append_new([started(NOON, "exec_a")])
        writer.flush()
        writer.append_new([started(NOON + 1, "exec_b")])
    found = [(entry["level"], entry["message"], entry["fields"]) for entry in entries(path) if "fields" in entry]
    (level, message, reason), memory, disk = found
    assert (level, message) == ("warning", "journal cannot be written: events are kept in memory")
    assert reason == {"error": "StorageError", "reason": "can't use the journal: the disk is full"}
    assert memory[2].items() >= {"events": 1, "runs": 1, "in_memory": True}.items()
    assert "in_memory" not in disk[2]
    assert [entry["message"] for entry in entries(path)][2] == "journal can be written again"


def open_app(writer: Program, path: str) -> Terminal:
    """Open the app, by the fast way of its options."""
    command = [*COMMAND, "--interval", "0.2", "--log", path]
    return Terminal(writer.home, command, size=(100, 24), env=writer.settings, warm=True)


def test_the_app_writes_the_log(grid: FastGrid, writer: Program, tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    grid.finish_run(APPROVAL, {**TRIP, "purpose": PAYLOAD})
    with open_app(writer, str(path)) as terminal:
        terminal.wait_until("Waiting 1")
        terminal.press("q")
        assert terminal.wait() == 0
        assert output_after_screen(bytes(terminal.output)).strip() == b""
    assert fields(path, "start")[0]["command"] == "app"
    assert fields(path, "app")[0]["term"] == "xterm-256color"
    assert fields(path, "session opened")[0]["api"] == "scaigrid"
    assert fields(path, "request")
    assert "live" in [found["state"] for found in fields(path, "connection")]
    assert fields(path, "end")[0]["exit_code"] == 0
    text = path.read_text()
    assert PAYLOAD not in text
    assert MARK not in text


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX pipe")
def test_the_app_reports_a_lost_log_once_when_it_has_left_the_screen(
    grid: FastGrid, writer: Program, tmp_path: Path
) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    grid.finish_run(APPROVAL, TRIP)
    with open_app(writer, str(path)) as terminal:
        terminal.wait_until("Waiting 1")
        assert b'"message": "request"' in os.read(reader, 1 << 20)
        os.close(reader)
        # Any later record is lost: at the latest that of the closed session.
        terminal.press("q")
        assert terminal.wait() == 0
        printed = bytes(terminal.output)
    assert printed.count(b"is not complete: Broken pipe") == 1
    assert b"is not complete: Broken pipe" in output_after_screen(printed)


def test_messages_wait_until_the_app_has_left_the_screen(capsys: pytest.CaptureFixture[str]) -> None:
    with stderr.held():
        stderr.warn("one")
        stderr.say("two")
        assert capsys.readouterr().err == ""
    stderr.warn("three")
    assert capsys.readouterr().err == "one\ntwo\nthree\n"


def test_the_limits_are_those_of_the_manual() -> None:
    assert (log_file.MAX_FILE_BYTES, log_file.MAX_OLD_FILES) == (5_000_000, 3)
