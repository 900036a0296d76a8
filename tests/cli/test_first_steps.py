"""From nothing to an answered checkpoint, as a new user types it: by flags, by the environment, by a profile."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.grid import MANAGER
from tests.support.program import COMMAND, FastGrid, Program
from tests.support.terminal import Terminal


@pytest.fixture
def waiting(grid: FastGrid) -> str:
    """A checkpoint that waits."""
    return grid.waiting_review()


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    """What a person has been given."""
    path = tmp_path / "token"
    path.write_text(f"{MANAGER}\n")
    path.chmod(0o600)
    return path


def answered(program: Program, waiting: str, *flags: str) -> None:
    """Look whether it works, what waits, and answer it."""
    assert program("doctor", *flags).returncode == 0
    (line,) = [line for line in program.lines("checkpoints", *flags) if waiting in line]
    assert "approve" in line
    done = program("resolve", waiting, "approve", "--yes", *flags)
    assert done.returncode == 0, done.stderr
    assert "confirmed: the run has continued" in done.stdout + done.stderr


def test_flags_alone(tmp_path: Path, grid: FastGrid, waiting: str, token_file: Path) -> None:
    program = Program(tmp_path, {})
    refused = program("checkpoints")
    assert (refused.returncode, "--url" in refused.stderr) == (2, True)
    here = ("--url", grid.served.url)
    wrong = program("checkpoints", *here, "--token-file", str(token_file))
    assert (wrong.returncode, "doctor" in wrong.stderr) == (5, True)
    refused = program("checkpoints", *here, "--api", "scaigrid")
    assert (refused.returncode, "--token-file" in refused.stderr) == (4, True)
    answered(program, waiting, *here, "--api", "scaigrid", "--token-file", str(token_file))
    assert grid.checkpoint(waiting)["resolution"] == "approve"


def test_the_environment_alone(tmp_path: Path, grid: FastGrid, waiting: str) -> None:
    answered(Program(tmp_path, grid.settings(MANAGER)), waiting)
    assert grid.checkpoint(waiting)["resolution"] == "approve"


def test_a_profile(tmp_path: Path, grid: FastGrid, waiting: str, token_file: Path) -> None:
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
    answered(program, waiting)
    (entry,) = program.json_output("ledger", "--json")
    assert (entry["profile"], entry["progress"]) == ("work", "confirmed")
    assert grid.checkpoint(waiting)["resolution"] == "approve"
