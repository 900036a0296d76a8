"""Commands with `--offline`: a recording shows the same as the API, and needs no address and no token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scaicore_tui.store import Journal
from tests.support.program import COMMAND, Program, loaded_modules
from tests.support.terminal import Terminal

ENDED_RUNS = ("--core", "core_fact-check", "--backfill", "100000")


@pytest.fixture(scope="module")
def files(reader: Program, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Record the demo in both formats: a journal, and a file with the same events as JSON lines."""
    folder = tmp_path_factory.mktemp("recorded")
    found = {"journal": folder / "incident.journal", "lines": folder / "events.jsonl"}
    reader.lines("runs", "--journal", str(found["journal"]), *ENDED_RUNS)
    found["lines"].write_text("\n".join(reader.lines("events", "--json", "--journal", str(found["journal"]))))
    return found


@pytest.fixture(scope="module")
def api_runs(reader: Program, files: dict[str, Path]) -> Any:
    """Return the runs as the API shows them."""
    return reader.json_output("runs", "--json", "--journal", str(files["journal"]), *ENDED_RUNS)


@pytest.mark.parametrize("kind", ["journal", "lines"])
def test_offline_runs_equal_those_of_the_api(
    program: Program, files: dict[str, Path], api_runs: Any, kind: str
) -> None:
    options = ("--offline", "--journal", str(files[kind]))
    assert program.json_output("runs", "--json", *options) == api_runs
    shown = program.json_output("show", "@latest", "--json", *options)
    assert shown.pop("steps")
    assert shown == api_runs[0]
    assert len(program.lines("runs", *options)) == len(api_runs) + 1
    events = program.lines("events", "--json", *options, "--execution", api_runs[0]["execution_id"][:9])
    assert len(events) == api_runs[0]["event_count"]
    assert program.json_output("runs", "--json", "--core", "core_research", *options) == []


@pytest.mark.parametrize("kind", ["journal", "lines"])
def test_the_age_of_the_journal_is_printed(program: Program, files: dict[str, Path], kind: str) -> None:
    done = program("runs", "--offline", "--journal", str(files[kind]))
    assert done.stderr.startswith(f"offline: {files[kind]}, newest event ")
    assert program("runs", "--offline", "--quiet", "--journal", str(files[kind])).stderr == ""


@pytest.mark.parametrize("kind", ["journal", "lines"])
def test_no_network_or_screen_library_is_imported(program: Program, files: dict[str, Path], kind: str) -> None:
    for command in (("runs",), ("show", "@latest"), ("events",)):
        _, modules = loaded_modules(program, *command, "--offline", "--journal", str(files[kind]))
        assert not modules & {"httpx", "textual", "starlette", "uvicorn"}


def test_without_journal_option_the_journal_of_the_profile_is_shown(
    program: Program, api_runs: Any, files: dict[str, Path]
) -> None:
    configured = program.with_variables(SCAICORE_TUI_URL="https://scaiflow.example.com", SCAICORE_TUI_PROFILE="")
    missing = configured("runs", "--offline")
    assert (missing.returncode, missing.stdout) == (5, "")
    path = Path(missing.stderr.partition("no journal ")[2].partition(" · ")[0].strip())
    assert path.name.startswith("default@scaiflow.example.com-")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(files["journal"].read_bytes())
    assert configured.json_output("runs", "--json", "--offline") == api_runs


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["runs"], "no journal to show"),
        (["runs", "--no-journal"], "use it without --no-journal"),
        (["checkpoints"], "a journal does not know which are still pending"),
        (["resolve", "ckpt_1", "approve", "--yes"], "this command needs the server, but --offline sends no requests"),
        (["replay", "@latest", "--yes"], "this command needs the server, but --offline sends no requests"),
        (["events", "--journal", __file__], "is not a journal"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else "",
)
def test_options_that_need_a_server_are_rejected_offline(program: Program, arguments: list[str], text: str) -> None:
    done = program(*arguments, "--offline")
    assert (done.returncode, done.stdout) == (9 if text == "is not a journal" else 2, "")
    assert text in done.stderr


@pytest.mark.parametrize("kind", ["journal", "lines"])
def test_the_app_shows_that_a_journal_is_offline(program: Program, files: dict[str, Path], kind: str) -> None:
    command = [*COMMAND, "--offline", "--journal", str(files[kind])]
    with Terminal(program.home, command, size=(120, 30), env=program.settings) as terminal:
        terminal.wait_until(f"offline: journal of {files[kind].name}, newest event ")
        terminal.wait_until("fact-check")
        terminal.wait_until("Waiting ?")
        assert "live" not in terminal.text
        terminal.press("r")
        terminal.wait_until("r: offline: a journal is shown, nothing is fetched")
        terminal.press("R")
        terminal.wait_until("R: offline: a journal is shown, nothing can be sent")
        terminal.press("q")
        assert terminal.wait() == 0


def test_a_journal_is_readable_while_another_process_writes_it(
    program: Program, files: dict[str, Path], api_runs: Any
) -> None:
    with Journal.open(files["journal"]):
        assert program.json_output("runs", "--json", "--offline", "--journal", str(files["journal"])) == api_runs
