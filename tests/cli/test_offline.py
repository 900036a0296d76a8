"""Commands without a server: what was recorded tells what the feed told, to whoever has neither address nor token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scaicore_tui.store import Journal
from tests.support.program import COMMAND, Program, loaded_modules
from tests.support.terminal import Terminal

STILL = ("--core", "core_fact-check", "--backfill", "100000")


@pytest.fixture(scope="module")
def files(reader: Program, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What can be recorded: a journal, and the lines of its events."""
    folder = tmp_path_factory.mktemp("recorded")
    found = {"journal": folder / "incident.journal", "lines": folder / "events.jsonl"}
    reader.lines("runs", "--journal", str(found["journal"]), *STILL)
    found["lines"].write_text("\n".join(reader.lines("events", "--json", "--journal", str(found["journal"]))))
    return found


@pytest.fixture(scope="module")
def told(reader: Program, files: dict[str, Path]) -> Any:
    """The runs as the feed tells them."""
    return reader.document("runs", "--json", "--journal", str(files["journal"]), *STILL)


@pytest.mark.parametrize("kind", ["journal", "lines"])
def test_runs_are_those_of_the_feed(program: Program, files: dict[str, Path], told: Any, kind: str) -> None:
    where = ("--offline", "--journal", str(files[kind]))
    assert program.document("runs", "--json", *where) == told
    assert program.document("show", "@latest", "--json", *where) == told[0]
    assert len(program.lines("runs", *where)) == len(told) + 1
    events = program.lines("events", "--json", *where, "--execution", told[0]["execution_id"][:9])
    assert len(events) == told[0]["event_count"]
    assert program.document("runs", "--json", "--core", "core_research", *where) == []


@pytest.mark.parametrize("kind", ["journal", "lines"])
def test_how_old_it_is_is_said(program: Program, files: dict[str, Path], kind: str) -> None:
    done = program("runs", "--offline", "--journal", str(files[kind]))
    assert done.stderr.startswith(f"offline: {files[kind]}, newest event ")
    assert program("runs", "--offline", "--quiet", "--journal", str(files[kind])).stderr == ""


@pytest.mark.parametrize("kind", ["journal", "lines"])
def test_nothing_that_speaks_to_servers_is_loaded(program: Program, files: dict[str, Path], kind: str) -> None:
    for command in (("runs",), ("show", "@latest"), ("events",)):
        _, modules = loaded_modules(program, *command, "--offline", "--journal", str(files[kind]))
        assert not modules & {"httpx", "textual", "starlette", "uvicorn"}


def test_without_a_file_it_is_the_profiles_own(program: Program, told: Any, files: dict[str, Path]) -> None:
    settled = program.knowing(SCAICORE_TUI_URL="https://scaiflow.example.com", SCAICORE_TUI_PROFILE="")
    missing = settled("runs", "--offline")
    assert (missing.returncode, missing.stdout) == (5, "")
    path = Path(missing.stderr.partition("no journal ")[2].partition(" · ")[0].strip())
    assert path.name.startswith("default@scaiflow.example.com-")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(files["journal"].read_bytes())
    assert settled.document("runs", "--json", "--offline") == told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["runs"], "no journal is named"),
        (["runs", "--no-journal"], "use it without --no-journal"),
        (["checkpoints"], "a journal cannot know what is still pending"),
        (["resolve", "ckpt_1", "approve", "--yes"], "this needs the server, and --offline sends no request"),
        (["replay", "@latest", "--yes"], "this needs the server, and --offline sends no request"),
        (["events", "--journal", __file__], "is not a journal"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else "",
)
def test_what_makes_no_sense_offline(program: Program, arguments: list[str], words: str) -> None:
    done = program(*arguments, "--offline")
    assert (done.returncode, done.stdout) == (9 if words == "is not a journal" else 2, "")
    assert words in done.stderr


@pytest.mark.parametrize("kind", ["journal", "lines"])
def test_the_app_shows_it_and_says_that_it_is_not_live(program: Program, files: dict[str, Path], kind: str) -> None:
    command = [*COMMAND, "--offline", "--journal", str(files[kind])]
    with Terminal(program.home, command, size=(120, 30), env=program.settings) as terminal:
        terminal.until(f"offline: journal of {files[kind].name}, newest event ")
        terminal.until("fact-check")
        terminal.until("Waited for you · ?")
        assert "live" not in terminal.text
        terminal.press("r")
        terminal.until("r: offline, a journal is shown: nothing is asked for")
        terminal.press("R")
        terminal.until("R: offline: a journal is shown, nothing can be sent")
        terminal.press("q")
        assert terminal.wait() == 0


def test_a_journal_that_the_app_writes_is_shown_beside_it(program: Program, files: dict[str, Path], told: Any) -> None:
    with Journal.open(files["journal"]):
        assert program.document("runs", "--json", "--offline", "--journal", str(files["journal"])) == told
