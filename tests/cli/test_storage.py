"""Files that cannot be read or written: exit code 9 and a message with the cause, the file and the fix."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from scaicore_tui.store import Journal, JournalWriter
from tests.support.builders import many_runs
from tests.support.feed_server import feed_server
from tests.support.feed_simulator import FeedSim
from tests.support.program import TIMEOUT_S, Program

PAGE_BYTES = 4_096
RUN_WITH_FILE_SIZE_LIMIT = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (330_000, 330_000))
os.execv(sys.executable, [sys.executable, "-m", "scaicore_tui", *sys.argv[1:]])
"""


def count_events(path: Path) -> int:
    """Return the number of events in the journal."""
    with closing(sqlite3.connect(path)) as database:
        return int(database.execute("SELECT count(*) FROM events").fetchone()[0])


def test_record_counts_only_events_that_are_in_the_file(program: Program, tmp_path: Path) -> None:
    events, path = many_runs(800), tmp_path / "j"
    with feed_server(FeedSim(events)) as server:
        environment = program.with_variables(SCAICORE_TUI_URL=server.url, SCAICORE_TUI_TOKEN="sgk_test").environment
        arguments = ("record", "--journal", str(path), "--until-idle", "0.5", "--interval", "0.2", "--json")
        done = subprocess.run(
            [sys.executable, "-c", RUN_WITH_FILE_SIZE_LIMIT, *arguments],
            env=environment,
            capture_output=True,
            encoding="utf-8",
            timeout=TIMEOUT_S,
            check=False,
        )
    assert done.returncode == 9, done.stderr
    summary = json.loads(done.stdout)
    assert summary["events"] == summary["recorded"] == count_events(path)
    assert summary["unsaved"] == len(events) - count_events(path) > 0
    assert f"{summary['unsaved']:,} events are not in the journal: can't use {path}" in done.stderr
    assert "free some disk space" in done.stderr
    assert "Traceback" not in done.stderr


def damaged(folder: Path) -> Path:
    """Return a journal of which only the first page is intact."""
    path = folder / "damaged.journal"
    with Journal.open(path) as journal:
        writer = JournalWriter(journal)
        writer.prepare()
        writer.append_new(many_runs(200))
    pages = path.stat().st_size // PAGE_BYTES
    with path.open("r+b") as file:
        file.seek(PAGE_BYTES)
        file.write(b"\xff" * PAGE_BYTES * (pages - 1))
    return path


def path_of_a_folder(folder: Path) -> Path:
    return folder


def path_too_long(folder: Path) -> Path:
    return folder / ("x" * 300)


@pytest.mark.parametrize(
    ("make", "command", "text"),
    [
        (damaged, "runs", "is damaged"),
        (path_of_a_folder, "events", "it is a folder"),
        (path_too_long, "runs", "the file name is too long"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_an_unreadable_journal_is_reported_without_a_traceback(
    program: Program, tmp_path: Path, make: object, command: str, text: str
) -> None:
    assert callable(make)
    path = make(tmp_path)
    done = program(command, "--offline", "--journal", str(path))
    assert (done.returncode, done.stdout) == (9, "")
    assert text in done.stderr
    assert str(path) in done.stderr
    assert "Traceback" not in done.stderr
