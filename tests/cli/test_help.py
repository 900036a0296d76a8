"""`--help`, for somebody with 80 columns: what each command does, and how it is typed."""

from __future__ import annotations

import shlex
from itertools import takewhile
from typing import Any

import pytest
import typer
import typer.testing
from typer.main import get_command

from scaicore_tui.cli.app import app
from scaicore_tui.cli.examples import EXAMPLES
from scaicore_tui.cli.flags import Common
from scaicore_tui.cli.help import COMMON, commands
from tests.support.program import Program

GROUP: Any = get_command(app)
NAMES = [*commands(GROUP)]
SHELL = {"|", ">", "&&"}


@pytest.mark.parametrize("name", ["", *NAMES])
def test_help_fits_80_columns_and_has_examples(program: Program, name: str) -> None:
    lines = program.knowing(COLUMNS="80").lines(*name.split(), "--help")
    assert max(map(len, lines)) <= 80
    assert not any(line.endswith("...") for line in lines[1:])
    begin = lines.index("Examples:")
    assert lines[begin + 1].startswith(f"  scaicore-tui {name}")
    assert begin < lines.index(f"{COMMON}:")


@pytest.mark.parametrize("line", [line for some in EXAMPLES.values() for line, _ in some])
def test_each_example_can_be_typed(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is parsed, and not done."""
    monkeypatch.setattr("scaicore_tui.cli.diagnostics.guarded", lambda command: 0)
    program, *words = takewhile(lambda word: word not in SHELL, shlex.split(line))
    assert program == "scaicore-tui"
    done = typer.testing.CliRunner().invoke(app, words)
    assert (done.exit_code, done.output) == (0, "")


def test_every_command_has_examples() -> None:
    assert set(EXAMPLES) == {"", *NAMES}


def test_every_shared_option_says_what_it_takes() -> None:
    context = typer.Context(GROUP)
    records = [param.get_help_record(context) for param in GROUP.params if param.name in Common.__struct_fields__]
    assert len(records) == len(Common.__struct_fields__)
    assert not [usage for usage, _ in records if "<" in usage]
