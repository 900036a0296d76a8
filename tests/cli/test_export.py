"""`export`: the runs that are chosen, the file, redaction, and messages that say what was written."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from tests.support.program import Program
from tests.support.scene import completed_triage, failed_batch, running_triage

TOKEN = "sgk_abcdefgh12345678"


def recorded(tmp_path: Path) -> str:
    """Return a file with a completed, a running and a failed run; the input of the failed one has a token."""
    path = tmp_path / "events.jsonl"
    runs = (completed_triage("exec_a", 0), running_triage("exec_c", 120), failed_batch("exec_d", 180))
    lines = [event.raw for run in runs for event in run]
    lines[-1] = lines[-1].replace(b'"payload": {', f'"payload": {{"header": "Bearer {TOKEN}", '.encode(), 1)
    assert TOKEN.encode() in lines[-1]
    path.write_bytes(b"\n".join([*lines, b""]))
    return str(path)


def flags(tmp_path: Path) -> tuple[str, ...]:
    return ("--offline", "--journal", recorded(tmp_path))


def test_events_are_exported_as_received_and_the_copy_opens_again(program: Program, tmp_path: Path) -> None:
    source, copy = flags(tmp_path), tmp_path / "copy.jsonl"
    done = program("export", "exec_d", "exec_a", *source, "-o", str(copy))
    assert done.returncode == 0
    assert f"{copy}: 2 runs, {copy.stat().st_size:,} bytes" in done.stderr
    assert stat.S_IMODE(copy.stat().st_mode) & 0o400
    offered = program("events", "--json", *source).stdout.splitlines()
    assert sorted(copy.read_text().splitlines()) == sorted(line for line in offered if '"exec_c"' not in line)
    again = program("runs", "--json", "--offline", "--journal", str(copy))
    assert {run["execution_id"]: run["status"] for run in json.loads(again.stdout)} == {
        "exec_a": "completed",
        "exec_d": "failed",
    }
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".copy")] == []


def test_one_run_is_the_document_of_show_and_a_query_gives_a_list(program: Program, tmp_path: Path) -> None:
    source = flags(tmp_path)
    shown = json.loads(program("show", "exec_a", "--json", *source).stdout)
    one = json.loads(program("export", "exec_a", "--format", "json", *source).stdout)
    assert one == shown | {"missing": None}
    failed = json.loads(program("export", "@failed", "--format", "json", *source).stdout)
    assert failed["execution_id"] == "exec_d"
    found = json.loads(program("export", "--where", "status:failed", "--format", "json", *source).stdout)
    assert [run["execution_id"] for run in found] == ["exec_d"]


def test_redaction_is_asked_for_counted_and_tried_without_writing(program: Program, tmp_path: Path) -> None:
    source, copy = flags(tmp_path), tmp_path / "copy.jsonl"
    tried = program("export", "exec_d", "--dry-run", "-o", str(copy), *source)
    assert "payload.header" in tried.stdout
    assert "1 value would be redacted; nothing was written" in tried.stderr
    assert not copy.exists()
    assert TOKEN not in tried.stdout + tried.stderr
    done = program("export", "exec_d", "--redact", "-o", str(copy), *source)
    assert "redacted: 1 ScaiGrid API key" in done.stderr
    assert TOKEN not in copy.read_text()
    first = copy.read_text()
    program("export", "exec_d", "--redact", "-o", str(copy), *source)
    assert copy.read_text() == first, "equal values have equal hashes in every file"
    plain = program("export", "exec_d", "--format", "jsonl", *source)
    assert TOKEN in plain.stdout


def test_a_report_has_no_token_and_is_a_journal(program: Program, tmp_path: Path) -> None:
    source, report = flags(tmp_path), tmp_path / "report.html"
    for path in (report, tmp_path / "report.md", tmp_path / "report.svg"):
        done = program("export", "exec_d", "exec_a", *source, "-o", str(path))
        assert "redacted: 1 ScaiGrid API key" in done.stderr
        assert "exec_d" in path.read_text()
        assert "BANK_DOWN" in path.read_text()
        assert TOKEN not in path.read_text()
    offline = ("--offline", "--journal", str(report))
    again = json.loads(program("runs", "--json", *offline).stdout)
    offered = json.loads(program("runs", "--json", *source).stdout)
    assert again == [run for run in offered if run["execution_id"] != "exec_c"]
    events = program("events", "--json", *offline).stdout
    assert events.count("\n") == sum(run["event_count"] for run in again)
    assert TOKEN not in events


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("--format", "json"), 2, "no runs are named · nothing was written"),
        (
            ("exec_a", "--where", "status:failed", "--format", "json"),
            2,
            "runs are named, and --where or --since is set",
        ),
        (("exec_a",), 2, "no format is set · nothing was written"),
        (("exec_x", "--format", "json"), 5, "exec_x"),
        (("--where", "status:waiting", "--format", "json"), 5, "no run matches · nothing was written"),
        (("exec_a", "-o", "missing/run.json"), 9, "can't write missing/run.json · nothing was written"),
    ],
)
def test_what_cannot_be_exported_is_said(
    program: Program, tmp_path: Path, arguments: tuple[str, ...], code: int, text: str
) -> None:
    done = program("export", *arguments, *flags(tmp_path))
    assert (done.returncode, done.stdout) == (code, "")
    assert text in done.stderr


def test_a_link_stands_for_the_run_its_profile_and_its_event(program: Program, tmp_path: Path) -> None:
    source = flags(tmp_path)
    linked = program("show", "scai:prod/exec_d#load@2", *source)
    assert linked.stdout == program("show", "exec_d", "--at", "2", *source).stdout
    assert "as of event 2 of" in linked.stdout
    unknown = program("show", "scai:prod/exec_d")
    assert unknown.returncode == 2
    assert "the link is about prod, which is no profile here · nothing was sent" in unknown.stderr
    damaged = program("export", "scai:prod", "--format", "json", *source)
    assert damaged.returncode == 2
    assert "is no link" in damaged.stderr
