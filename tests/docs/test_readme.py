"""What the README says of the program is what the program says of itself."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from scaicore_tui import errors
from scaicore_tui.cli.diagnostics import FAILED
from scaicore_tui.cli.flags import Common
from scaicore_tui.cli.help import EXIT_CODES, sections
from scaicore_tui.cli.running import ENDING
from scaicore_tui.config.keys import KEYS
from scaicore_tui.runs.status import BREAKPOINT, GAP, NODE_LOOKS, REVIEW, RUN_LOOKS, Look
from scaicore_tui.tui.actions import key_table
from tests.reference import GROUP, MANUAL, TABLES, command_table, manual, option_table, section
from tests.reference import README as README_FILE

README = README_FILE.read_text(encoding="utf-8")


def test_key_table_comes_from_the_registry() -> None:
    assert section("keys") == key_table()


@pytest.mark.parametrize(
    "look", [*RUN_LOOKS.values(), *NODE_LOOKS.values(), BREAKPOINT, REVIEW, GAP], ids=lambda x: x.word
)
def test_every_sign_is_in_the_legend(look: Look) -> None:
    assert f"| `{look.glyph}` | `{look.ascii}` | {look.colour} |" in README


@pytest.mark.parametrize("mark", [*TABLES])
def test_the_reference_of_the_command_line_comes_from_its_help(mark: str) -> None:
    assert section(mark) == TABLES[mark](), "python -m tests.reference brings it up to date"


@pytest.mark.parametrize("name", KEYS)
def test_every_key_of_a_profile_is_told(name: str) -> None:
    assert KEYS[name].explained(name) in "\n".join(section("profile"))


def test_every_command_and_flag_is_told() -> None:
    commands, options = "\n".join(command_table()), "\n".join(option_table())
    for name, command in GROUP.commands.items():
        assert f"| `{name}" in commands
        own = [param for param in sections(command.params)["Options"] if not param.hidden and param.name != "help"]
        assert all(param.opts[0] in commands for param in own)
    for flag in Common.__struct_fields__:
        assert f"`--{flag.replace('_', '-')}" in options


def test_the_manual_is_up_to_date() -> None:
    assert MANUAL.read_text(encoding="utf-8") == manual(), "python -m tests.reference brings it up to date"


@pytest.mark.skipif(shutil.which("groff") is None, reason="no groff")
def test_the_manual_is_sound_roff() -> None:
    done = subprocess.run(
        ["groff", "-man", "-Kutf8", "-Tutf8", "-ww", "-P-c", str(MANUAL)],
        capture_output=True,
        encoding="utf-8",
        check=True,
        env={"PATH": "/usr/bin:/bin", "MANWIDTH": "80"},
    )
    assert done.stderr == ""
    shown = " ".join(re.sub(".\b", "", done.stdout).split())
    for words in (
        "watch [EXECUTION] [--exit-status]",
        "EXIT STATUS",
        "SCAICORE_TUI_TOKEN",
        "scaicore-tui runs --failed",
    ):
        assert words in shown


def test_the_exit_codes_are_those_of_the_errors() -> None:
    kinds = [error for error in vars(errors).values() if isinstance(error, type) and issubclass(error, Exception)]
    codes = {kind.exit_code for kind in kinds}  # type: ignore[attr-defined]
    assert codes | {0, FAILED} | {128 + number for number in ENDING} == set(EXIT_CODES)
