"""The first steps of a new user, from no settings to an answered checkpoint: by options, variables, or a profile."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.grid import MANAGER
from tests.support.program import COMMAND, FastGrid, Program
from tests.support.terminal import Terminal


@pytest.fixture
def checkpoint_id(grid: FastGrid) -> str:
    """Return the id of a pending checkpoint."""
    return grid.waiting_review()


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    """Return a file with a token."""
    path = tmp_path / "token"
    path.write_text(f"{MANAGER}\n")
    path.chmod(0o600)
    return path


def check_list_and_answer(program: Program, checkpoint_id: str, *flags: str) -> None:
    """Check the connection, list the checkpoints, and answer the one with id `checkpoint_id`."""
    assert program("doctor", *flags).returncode == 0
    (line,) = [line for line in program.lines("checkpoints", *flags) if checkpoint_id in line]
    assert "approve" in line
    done = program("resolve", checkpoint_id, "approve", "--yes", *flags)
    assert done.returncode == 0, done.stderr
    assert "confirmed: the run has continued" in done.stdout + done.stderr


def test_options_suffice(tmp_path: Path, grid: FastGrid, checkpoint_id: str, token_file: Path) -> None:
    program = Program(tmp_path, {})
    rejected = program("checkpoints")
    assert (rejected.returncode, "--url" in rejected.stderr) == (2, True)
    url = ("--url", grid.served.url)
    wrong_api = program("checkpoints", *url, "--token-file", str(token_file))
    assert (wrong_api.returncode, "doctor" in wrong_api.stderr) == (5, True)
    rejected = program("checkpoints", *url, "--api", "scaigrid")
    assert (rejected.returncode, "--token-file" in rejected.stderr) == (4, True)
    check_list_and_answer(program, checkpoint_id, *url, "--api", "scaigrid", "--token-file", str(token_file))
    assert grid.checkpoint(checkpoint_id)["resolution"] == "approve"


def test_variables_suffice(tmp_path: Path, grid: FastGrid, checkpoint_id: str) -> None:
    check_list_and_answer(Program(tmp_path, grid.settings(MANAGER)), checkpoint_id)
    assert grid.checkpoint(checkpoint_id)["resolution"] == "approve"


def test_a_profile_suffices(tmp_path: Path, grid: FastGrid, checkpoint_id: str, token_file: Path) -> None:
    program = Program(tmp_path, {})
    folders = {name: value for name, value in program.environment.items() if name.startswith("XDG_")}
    command = [*COMMAND, "config", "init", "--api", "scaigrid"]
    with Terminal(tmp_path, command, size=(120, 24), env=folders) as terminal:
        for question, reply in (
            ("Name of the profile", "work"),
            ("The API's address", grid.served.url),
            ("1, 2 or 3", "3"),
            ("The command", f"cat {token_file}"),
        ):
            terminal.wait_until(question)
            terminal.press(reply, "enter")
        assert terminal.wait() == 0
    assert program("config", "check").returncode == 0
    check_list_and_answer(program, checkpoint_id)
    (entry,) = program.json_output("ledger", "--json")
    assert (entry["profile"], entry["progress"]) == ("work", "confirmed")
    assert grid.checkpoint(checkpoint_id)["resolution"] == "approve"
