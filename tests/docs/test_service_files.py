"""The systemd units and container files in the manual pages are valid, and have no secrets."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scaicore_tui.cli import manual
from tests.docs.reference import GROUP

PAGES = {"record": "", "serve": "serve"}
_INSTRUCTIONS = {"FROM", "COPY", "RUN", "USER", "ENV", "VOLUME", "EXPOSE", "HEALTHCHECK", "STOPSIGNAL", "ENTRYPOINT"}


def code(command: str, begin: str) -> str:
    """Return the fenced block of a command's page that begins with a text, its continued lines joined."""
    source = manual.source(PAGES[command])
    (found,) = [block for block in re.findall(r"```\n(.*?)```", source, re.DOTALL) if block.startswith(begin)]
    return re.sub(r" \\\n +", " ", found)


def check_options(command: str, line: str) -> None:
    """Check that the command has all options of a line."""
    known = {option for param in GROUP.commands[command].params for option in param.opts}
    assert set(re.findall(r"--[a-z-]+", line)) <= known


@pytest.mark.parametrize("command", PAGES)
def test_the_unit_is_valid(command: str, tmp_path: Path) -> None:
    unit = code(command, "[Unit]")
    (start,) = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    program, name, options = start.split(" ", 2)
    assert (Path(program).name, name) == ("scaicore-tui", command)
    check_options(command, options)
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    path = tmp_path / "recorder.service"
    # The user of the unit does not exist here.
    path.write_text(unit.replace(program, sys.executable).replace("User=scaicore-tui\n", ""))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", path], capture_output=True, encoding="utf-8")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("command", PAGES)
def test_the_container_file_is_valid(command: str) -> None:
    instructions = [line.partition(" ") for line in code(command, "FROM").splitlines()]
    arguments = {word: text for word, _, text in instructions}
    assert arguments.keys() <= _INSTRUCTIONS
    entry = json.loads(arguments["ENTRYPOINT"])
    assert entry[:2] == ["scaicore-tui", command]
    check_options(command, arguments["ENTRYPOINT"])
    assert arguments["USER"] == "65534:65534"
