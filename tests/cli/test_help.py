"""`--help` and `help` on 80 columns."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import shlex
import struct
import subprocess
import termios
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
import typer
import typer.testing
from typer.main import get_command

from scaicore_tui.cli.help import COMMON, EXAMPLES, commands
from scaicore_tui.cli.main import app
from scaicore_tui.cli.manual import PAGES, TOPICS
from scaicore_tui.cli.options import Common
from tests.support.program import COMMAND, Program

GROUP: Any = get_command(app)
NAMES = [*commands(GROUP)]
SHELL_OPERATORS = {"|", ">", "&&"}


@pytest.mark.parametrize("name", ["", *NAMES])
def test_help_fits_80_columns_and_has_examples(program: Program, name: str) -> None:
    lines = program.with_variables(COLUMNS="80").lines(*name.split(), "--help")
    assert max(map(len, lines)) <= 80
    assert not any(line.endswith("...") for line in lines[1:])
    first = lines.index("Examples:")
    assert lines[first + 1].startswith(f"  scaicore-tui {name}")
    assert first < lines.index(f"{COMMON}:")


def test_common_options_are_folded_unless_all_are_asked_for(program: Program) -> None:
    program = program.with_variables(COLUMNS="80")
    folded, unfolded = program.lines("checkpoints", "--help"), program.lines("checkpoints", "--help-all")
    begin = folded.index(f"{COMMON}:")
    names = " ".join(folded[begin + 1 :])
    assert all(f"--{name.replace('_', '-')}" in names.split(".")[0].split() for name in Common.__struct_fields__)
    assert len(folded[begin:]) <= 5
    assert len(unfolded[begin:]) > len(Common.__struct_fields__)
    assert unfolded[:begin] == folded[:begin]


@pytest.mark.parametrize("line", [line for examples in EXAMPLES.values() for line, _ in examples])
def test_each_example_is_a_valid_command_line(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example is parsed, not executed; a log that it names begins nevertheless."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("scaicore_tui.cli.output.stderr.run_guarded", lambda command: 0)
    program, *words = takewhile(lambda word: word not in SHELL_OPERATORS, shlex.split(line))
    assert program == "scaicore-tui"
    done = typer.testing.CliRunner().invoke(app, words)
    assert (done.exit_code, done.output) == (0, "")


def test_every_command_has_examples() -> None:
    assert set(EXAMPLES) == {"", *NAMES}


def test_every_shared_option_has_a_metavar() -> None:
    context = typer.Context(GROUP)
    records = [param.get_help_record(context) for param in GROUP.params if param.name in Common.__struct_fields__]
    assert len(records) == len(Common.__struct_fields__)
    assert not [usage for usage, _ in records if "<" in usage]


@pytest.mark.parametrize("topic", PAGES)
def test_help_shows_a_page_as_plain_text(program: Program, topic: str) -> None:
    shown = program("help", *topic.split()).stdout
    title = PAGES[topic].partition(".")[0]
    assert f"\n    {title} - " in shown
    assert not [markup for markup in ("\x08", "\x1b", "<!--", "**", "```") if markup in shown]
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("name", NAMES)
def test_help_of_a_command_equals_its_help_option(program: Program, name: str) -> None:
    if name in PAGES:
        return
    program = program.with_variables(COLUMNS="80")
    assert program.lines("help", *name.split()) == program.lines(*name.split(), "--help")


def test_help_on_an_unknown_topic_lists_all_topics(program: Program) -> None:
    done = program("help", "nothing")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(
        "scaicore-tui: no help on 'nothing' · topics: keys, queries, config, serve; or a command: demo, "
    )


def test_each_page_is_a_topic() -> None:
    assert set(TOPICS) == set(PAGES)


def test_the_pager_gets_the_page_and_its_lines_fit_the_terminal(program: Program, tmp_path: Path) -> None:
    """A failing pager changes nothing; without one the page is printed."""
    kept = tmp_path / "page"
    pager = program.with_variables(PAGER=f"tee {kept}", NO_COLOR="1", TERM="xterm")
    in_terminal(pager, "help", "keys", columns=60)
    assert max(map(len, kept.read_text().splitlines())) <= 60
    assert "\x1b[1mKEYS\x1b[22m" in in_terminal(
        program.with_variables(PAGER="", TERM="xterm"), "help", "keys", columns=60
    )
    assert "KEYS" in in_terminal(
        program.with_variables(PAGER="/nowhere/pager", NO_COLOR="1"), "help", "keys", columns=60
    )


def in_terminal(program: Program, *words: str, columns: int) -> str:
    """Run the program on a pseudo-terminal and return what it shows."""
    shown = bytearray()
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen([*COMMAND, *words], stdin=side, stdout=side, stderr=side, env=program.environment):
        os.close(side)
        with contextlib.suppress(OSError):  # Linux reports the closed terminal as an error
            while read := os.read(main, 65_536):
                shown += read
    os.close(main)
    return shown.decode()
